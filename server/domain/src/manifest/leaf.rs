//! The leaf of a manifest: a run of entries in key order.
//!
//! ```text
//! leaf      = version (1) , "L" , number of entries , { key , entry }
//! key       = number of bytes in common with the key before , rest of the key
//! entry     = 0 , pin | 1 , parameter | 2 , 0 for public or 1 for private
//! pin       = asset (16 bytes) , version , content (32 bytes) , size in bytes , media type ,
//!             0 or 1 , width , height , modified_at less that of the pin before , metadata as JSON text
//! media type = 0 , text | n for the nth text of at most 255 bytes that such a 0 introduced in this leaf
//! parameter = value , number of environments , { environment , value }
//! ```
//! Numbers are varints, signed ones (version, modified_at) zigzag; texts have their length before them. Media types
//! and instants repeat from pin to pin, so most of them take a byte. The rows stay rows, not columns: what replaces a
//! leaf is then almost the same bytes, and compresses to little against it.

use std::collections::BTreeMap;

use super::LEAF_ENTRIES_MAX;
use super::prefix::{read_key, write_key};
use crate::format::{InvalidFormat, Reader, Writer};
use crate::hash::ContentId;
use crate::metadata::Metadata;
use crate::pin::{AssetId, Entry, Parameter, Pin, Visibility};
use crate::time::Timestamp;

const VERSION: u8 = 1;
const KIND: u8 = b'L';
const ENTRY_BYTES_MIN: usize = 4;
/// The longest media type that later pins may refer to.
const SHORT_MEDIA_TYPE_BYTES: usize = 255;

/// Some neighbouring entries of a manifest: 1 to [`LEAF_ENTRIES_MAX`], in the order of their keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    pub entries: Vec<(String, Entry)>,
}

impl Leaf {
    /// The entry of this key.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        let at = self.entries.binary_search_by(|(other, _)| other.as_str().cmp(key)).ok()?;
        Some(&self.entries[at].1)
    }

    /// The stored form. Equal leaves have equal bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = LeafWriter::default();
        writer.out.byte(VERSION);
        writer.out.byte(KIND);
        writer.out.count(self.entries.len());
        let mut previous = "";
        for (key, entry) in &self.entries {
            write_key(&mut writer.out, previous, key);
            writer.entry(entry);
            previous = key;
        }
        writer.out.finish()
    }

    /// Reads what `encode` writes.
    ///
    /// # Errors
    /// Bytes that no leaf has: keys out of order or twice, no entry or too many, or anything unknown.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidFormat> {
        let mut reader = LeafReader { from: Reader::new("leaf of a manifest", bytes), media: Vec::new(), instant: 0 };
        reader.from.version(VERSION)?;
        if reader.from.byte()? != KIND {
            return Err(reader.from.broken("it is not a leaf"));
        }
        let count = reader.from.count(ENTRY_BYTES_MIN)?;
        if !(1..=LEAF_ENTRIES_MAX).contains(&count) {
            return Err(reader.from.broken("it has no entry or too many"));
        }
        let mut entries: Vec<(String, Entry)> = Vec::with_capacity(count);
        for _ in 0..count {
            let previous = entries.last().map(|(key, _)| key.as_str());
            let key = read_key(&mut reader.from, previous.unwrap_or(""))?;
            if previous.is_some_and(|previous| previous >= key.as_str()) {
                return Err(reader.from.broken("its keys are not in order"));
            }
            let entry = reader.entry()?;
            entries.push((key, entry));
        }
        reader.from.finish()?;
        Ok(Self { entries })
    }
}

/// Writes entries, each with the ones before it in mind.
#[derive(Default)]
struct LeafWriter<'l> {
    out: Writer,
    media: Vec<&'l str>,
    instant: i64,
}

impl<'l> LeafWriter<'l> {
    fn entry(&mut self, entry: &'l Entry) {
        match entry {
            Entry::Pin(pin) => {
                self.out.byte(0);
                self.pin(pin);
            }
            Entry::Parameter(parameter) => {
                self.out.byte(1);
                self.out.text(&parameter.value);
                self.out.count(parameter.by_environment.len());
                for (environment, value) in &parameter.by_environment {
                    self.out.text(environment.as_str());
                    self.out.text(value);
                }
            }
            Entry::Access(visibility) => {
                self.out.byte(2);
                self.out.byte(match visibility {
                    Visibility::Public => 0,
                    Visibility::Private => 1,
                });
            }
        }
    }

    fn pin(&mut self, pin: &'l Pin) {
        self.out.raw(&pin.asset.0);
        self.out.signed(pin.version);
        self.out.raw(pin.content.as_bytes());
        self.out.number(pin.size_bytes);
        self.media_type(&pin.media_type);
        match pin.dimensions {
            None => self.out.byte(0),
            Some((width, height)) => {
                self.out.byte(1);
                self.out.number(width);
                self.out.number(height);
            }
        }
        let instant = pin.modified_at.as_micros();
        self.out.signed(instant.wrapping_sub(self.instant));
        self.instant = instant;
        self.out.text(&pin.metadata.to_text());
    }

    fn media_type(&mut self, media_type: &'l str) {
        if let Some(at) = self.media.iter().position(|known| *known == media_type) {
            self.out.count(at + 1);
            return;
        }
        self.out.byte(0);
        self.out.text(media_type);
        if media_type.len() <= SHORT_MEDIA_TYPE_BYTES {
            self.media.push(media_type);
        }
    }
}

/// Reads entries, each with the ones before it in mind.
struct LeafReader<'b> {
    from: Reader<'b>,
    media: Vec<&'b str>,
    instant: i64,
}

impl LeafReader<'_> {
    fn entry(&mut self) -> Result<Entry, InvalidFormat> {
        match self.from.byte()? {
            0 => self.pin().map(Entry::Pin),
            1 => self.parameter().map(Entry::Parameter),
            2 => match self.from.byte()? {
                0 => Ok(Entry::Access(Visibility::Public)),
                1 => Ok(Entry::Access(Visibility::Private)),
                _ => Err(self.from.broken("a visibility is not known")),
            },
            _ => Err(self.from.broken("a kind of entry is not known")),
        }
    }

    fn pin(&mut self) -> Result<Pin, InvalidFormat> {
        Ok(Pin {
            asset: AssetId(self.from.array()?),
            version: self.from.signed()?,
            content: ContentId::from_bytes(self.from.array()?),
            size_bytes: self.from.u64()?,
            media_type: self.media_type()?,
            dimensions: match self.from.byte()? {
                0 => None,
                1 => Some((self.from.u32()?, self.from.u32()?)),
                _ => return Err(self.from.broken("dimensions are neither there nor absent")),
            },
            modified_at: {
                self.instant = self.instant.wrapping_add(self.from.signed()?);
                Timestamp::from_micros(self.instant)
            },
            metadata: match self.from.text()? {
                "" => Metadata::default(),
                text => serde_json::from_str(text).map_err(|_| self.from.broken("metadata cannot be read"))?,
            },
        })
    }

    fn media_type(&mut self) -> Result<String, InvalidFormat> {
        let Some(at) = (self.from.u32()? as usize).checked_sub(1) else {
            let media_type = self.from.text()?;
            if media_type.len() <= SHORT_MEDIA_TYPE_BYTES {
                self.media.push(media_type);
            }
            return Ok(media_type.to_owned());
        };
        match self.media.get(at) {
            Some(media_type) => Ok((*media_type).to_owned()),
            None => Err(self.from.broken("a media type is referred to before it is there")),
        }
    }

    fn parameter(&mut self) -> Result<Parameter, InvalidFormat> {
        let value = self.from.text()?.to_owned();
        let mut by_environment = BTreeMap::new();
        for _ in 0..self.from.count(2)? {
            let environment = self.from.text()?.parse().map_err(|_| self.from.broken("a name is no environment's"))?;
            if by_environment.last_key_value().is_some_and(|(last, _)| *last >= environment) {
                return Err(self.from.broken("environments are not in order"));
            }
            by_environment.insert(environment, self.from.text()?.to_owned());
        }
        Ok(Parameter { value, by_environment })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::samples::pin;

    fn entries() -> Vec<(String, Entry)> {
        let by_environment = [("staging".parse().unwrap(), "2".to_owned())].into();
        let title = Metadata { title: Some("A".to_owned()), ..Metadata::default() };
        let first = Pin { modified_at: Timestamp::from_micros(1), dimensions: None, metadata: title, ..pin(1) };
        let second = Pin { modified_at: Timestamp::from_micros(0), dimensions: Some((300, 2)), ..pin(2) };
        vec![
            ("-/access/".to_owned(), Entry::Access(Visibility::Private)),
            ("-/parameters/a".to_owned(), Entry::Parameter(Parameter { value: "1".to_owned(), by_environment })),
            ("a/é.svg".to_owned(), Entry::Pin(first)),
            ("a/è.svg".to_owned(), Entry::Pin(second)),
        ]
    }

    fn sorted() -> Leaf {
        let mut entries = entries();
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        Leaf { entries }
    }

    #[test]
    fn the_stored_form_stays_what_it_is() {
        let asset = |last| [&[0; 15][..], &[last]].concat();
        let content = |seed: u64| ContentId::of(&seed.to_le_bytes()).as_bytes().to_vec();
        let expected = [
            b"\x01L\x04".to_vec(),
            b"\x00\x09-/access/\x02\x01".to_vec(),
            b"\x02\x0Cparameters/a\x01\x011\x01\x07staging\x012".to_vec(),
            "\x00\x08a/è.svg\x00".into(),
            asset(2),
            vec![2],
            content(2),
            b"\xEA\x07\x00\x0Dimage/svg+xml\x01\xAC\x02\x02\x00\x00".to_vec(),
            "\x02\x06é.svg\x00".into(),
            asset(1),
            vec![2],
            content(1),
            b"\xE9\x07\x01\x00\x02\x0D{\"title\":\"A\"}".to_vec(),
        ]
        .concat();
        assert_eq!(sorted().encode(), expected);
        assert_eq!(Leaf::decode(&expected), Ok(sorted()));
    }

    #[test]
    fn a_leaf_that_breaks_the_rules_is_refused() {
        let refused = |entries| matches!(Leaf::decode(&Leaf { entries }.encode()), Err(InvalidFormat::Broken { .. }));
        assert!(refused(Vec::new()));
        assert!(refused(entries())); // é before è
        assert!(refused(vec![entries()[0].clone(), entries()[0].clone()]));
        let many = |count: usize| (0..count).map(|at| (format!("{at:03}"), Entry::Access(Visibility::Public)));
        assert!(refused(many(LEAF_ENTRIES_MAX + 1).collect()));
        assert!(!refused(many(LEAF_ENTRIES_MAX).collect()));
        let mut bytes = sorted().encode();
        bytes[0] = 2;
        assert!(matches!(Leaf::decode(&bytes), Err(InvalidFormat::UnknownVersion { version: 2, .. })));
    }
}
