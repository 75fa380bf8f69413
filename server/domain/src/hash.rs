//! Names for immutable bytes: BLAKE3-256 hashes, written as 64 lower-case hex digits (what `b3sum` prints).
//! Equal names mean equal bytes, so whatever carries such a name may be cached for ever and copied without
//! asking anyone. Where the bytes live is the store's business.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is not 64 lower-case hex digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a BLAKE3 name: 64 lower-case hex digits, as b3sum prints them")]
pub struct InvalidHash(pub String);

macro_rules! blake3_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// The name of these bytes.
            pub fn of(bytes: &[u8]) -> Self {
                Self(*blake3::hash(bytes).as_bytes())
            }

            /// Takes 32 bytes that are known to be such a name, such as those of a stored format.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// Takes a slice; `None` unless it has 32 bytes.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                <[u8; 32]>::try_from(bytes).ok().map(Self)
            }

            /// The 32 bytes of the name.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl From<blake3::Hash> for $name {
            fn from(hash: blake3::Hash) -> Self {
                Self(*hash.as_bytes())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = InvalidHash;

            /// Reads the 64 digits that `Display` writes. Upper case is refused: one name, one spelling.
            fn from_str(text: &str) -> Result<Self, InvalidHash> {
                parse_lower_hex(text).map(Self).ok_or_else(|| InvalidHash(text.chars().take(80).collect()))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    self.0.serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
                } else {
                    <[u8; 32]>::deserialize(deserializer).map(Self)
                }
            }
        }
    };
}

blake3_name! {
    /// The name of a content: a sequence of bytes that a version has.
    ContentId
}
blake3_name! {
    /// The name of a chunk: a piece of a content, a manifest's leaf or root, or a dictionary.
    ChunkId
}
blake3_name! {
    /// The name of a pack: the BLAKE3 of its index, which names every chunk in it.
    PackId
}
blake3_name! {
    /// The name of a manifest: the chunk name of its root. Equal maps have equal names.
    ManifestId
}

impl ContentId {
    /// The name of the empty content, which has no chunks.
    pub fn empty() -> Self {
        Self::of(b"")
    }

    /// The name of the chunk, for a content that is a single chunk.
    pub const fn as_chunk(self) -> ChunkId {
        ChunkId(self.0)
    }
}

impl ChunkId {
    /// The name of the content that consists of this chunk alone.
    pub const fn as_content(self) -> ContentId {
        ContentId(self.0)
    }
}

impl ManifestId {
    /// The chunk that holds the manifest's root.
    pub const fn as_chunk(self) -> ChunkId {
        ChunkId(self.0)
    }
}

impl From<ChunkId> for ManifestId {
    fn from(root: ChunkId) -> Self {
        Self(root.0)
    }
}

fn parse_lower_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || text.bytes().any(|b| b.is_ascii_uppercase()) {
        return None;
    }
    blake3::Hash::from_hex(text).ok().map(|hash| *hash.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_as_b3sum_prints_it_and_read_back() {
        let name = ContentId::of(b"");
        let text = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        assert_eq!(name.to_string(), text);
        assert_eq!(text.parse(), Ok(name));
    }

    #[test]
    fn one_name_has_one_spelling() {
        let text = ContentId::of(b"x").to_string();
        assert!(text.to_uppercase().parse::<ContentId>().is_err());
        assert!(text[1..].parse::<ContentId>().is_err());
        assert!(format!("{text}0").parse::<ContentId>().is_err());
        assert!("é".repeat(32).parse::<ContentId>().is_err());
    }
}
