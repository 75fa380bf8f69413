//! How stored formats are written and read. Numbers and texts stand as the
//! [postcard wire format](https://postcard.jamesmunns.com/wire-format) has them, which is stable: integers of more
//! than one byte as LEB128 varints (signed ones zigzag), texts as their length and their bytes; a name is its 32
//! bytes. Every format starts with, or has behind its magic, a version byte, so that it can be replaced without
//! guessing.
//!
//! Reading trusts nothing: a length is compared with what is there before anything is allocated for it.

use crate::failure::{Failure, FailureKind};
use crate::hash::ChunkId;

/// Stored bytes that are not what their format says. Stored bytes are named by their hash, so this means a defect,
/// a damaged store or a newer writer; reading again does not help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFormat {
    #[error("the {format} has version {version}, which this release of Shelfmark cannot read")]
    UnknownVersion { format: &'static str, version: u8 },
    #[error("the {format} is cut short")]
    CutShort { format: &'static str },
    #[error("the {format} has {bytes} bytes after its end")]
    TrailingBytes { format: &'static str, bytes: usize },
    #[error("the {format} is broken: {what}")]
    Broken { format: &'static str, what: &'static str },
}

impl Failure for InvalidFormat {
    fn kind(&self) -> FailureKind {
        match self {
            Self::UnknownVersion { .. } | Self::CutShort { .. } | Self::TrailingBytes { .. } | Self::Broken { .. } => {
                FailureKind::Corrupt
            }
        }
    }
}

/// Appends fields to a stored form.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes) }
    }

    pub(crate) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// Bytes whose number the format fixes.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn number(&mut self, number: impl Into<u64>) {
        let mut varint = [0; 10];
        let used = postcard::to_slice(&number.into(), &mut varint).expect("a varint of 64 bits has at most 10 bytes");
        self.bytes.extend_from_slice(used);
    }

    pub(crate) fn count(&mut self, count: usize) {
        self.number(count as u64); // no platform has a larger usize
    }

    pub(crate) fn signed(&mut self, number: i64) {
        let mut varint = [0; 10];
        let used = postcard::to_slice(&number, &mut varint).expect("a varint of 64 bits has at most 10 bytes");
        self.bytes.extend_from_slice(used);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.count(text.len());
        self.raw(text.as_bytes());
    }

    /// How many bytes have been written.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Takes fields off the front of a stored form.
pub(crate) struct Reader<'b> {
    format: &'static str,
    rest: &'b [u8],
}

impl<'b> Reader<'b> {
    /// `format` is what errors call the bytes.
    pub(crate) fn new(format: &'static str, bytes: &'b [u8]) -> Self {
        Self { format, rest: bytes }
    }

    pub(crate) fn broken(&self, what: &'static str) -> InvalidFormat {
        InvalidFormat::Broken { format: self.format, what }
    }

    /// Takes the version byte and refuses another version than this one.
    pub(crate) fn version(&mut self, known: u8) -> Result<(), InvalidFormat> {
        match self.byte()? {
            version if version == known => Ok(()),
            version => Err(InvalidFormat::UnknownVersion { format: self.format, version }),
        }
    }

    pub(crate) fn byte(&mut self) -> Result<u8, InvalidFormat> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], InvalidFormat> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(InvalidFormat::CutShort { format: self.format })?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn chunk_id(&mut self) -> Result<ChunkId, InvalidFormat> {
        self.array().map(ChunkId::from_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, InvalidFormat> {
        self.postcard("a number does not fit its type")
    }

    pub(crate) fn u32(&mut self) -> Result<u32, InvalidFormat> {
        self.postcard("a number does not fit its type")
    }

    pub(crate) fn signed(&mut self) -> Result<i64, InvalidFormat> {
        self.postcard("a number does not fit its type")
    }

    pub(crate) fn text(&mut self) -> Result<&'b str, InvalidFormat> {
        self.postcard("a text is not UTF-8")
    }

    /// Takes the number of items that follow, each of at least `item_bytes_min` bytes, so that room may be made for
    /// them: a number that the bytes cannot hold is refused.
    pub(crate) fn count(&mut self, item_bytes_min: usize) -> Result<usize, InvalidFormat> {
        let cut_short = InvalidFormat::CutShort { format: self.format };
        let count = usize::try_from(self.u64()?).map_err(|_| cut_short.clone())?;
        if count > self.rest.len() / item_bytes_min { Err(cut_short) } else { Ok(count) }
    }

    /// Refuses bytes that no field has taken.
    pub(crate) fn finish(self) -> Result<(), InvalidFormat> {
        match self.rest.len() {
            0 => Ok(()),
            bytes => Err(InvalidFormat::TrailingBytes { format: self.format, bytes }),
        }
    }

    fn postcard<T: serde::Deserialize<'b>>(&mut self, wrong: &'static str) -> Result<T, InvalidFormat> {
        match postcard::take_from_bytes(self.rest) {
            Ok((value, rest)) => {
                self.rest = rest;
                Ok(value)
            }
            Err(postcard::Error::DeserializeUnexpectedEnd) => Err(InvalidFormat::CutShort { format: self.format }),
            Err(_) => Err(self.broken(wrong)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_they_are_written() {
        let mut writer = Writer::default();
        writer.byte(7);
        writer.number(300_u32);
        writer.signed(-1);
        writer.text("é");
        let bytes = writer.finish();
        assert_eq!(bytes, [7, 0xAC, 0x02, 1, 2, 0xC3, 0xA9]); // as the postcard specification has them

        let mut reader = Reader::new("test", &bytes);
        assert_eq!(reader.version(7), Ok(()));
        assert_eq!(reader.u64(), Ok(300));
        assert_eq!(reader.signed(), Ok(-1));
        assert_eq!(reader.text(), Ok("é"));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn what_is_not_there_is_not_read() {
        let format = "test";
        assert_eq!(Reader::new(format, &[]).byte(), Err(InvalidFormat::CutShort { format }));
        assert_eq!(Reader::new(format, &[2]).version(1), Err(InvalidFormat::UnknownVersion { format, version: 2 }));
        assert_eq!(Reader::new(format, &[200, 1, b'a']).text(), Err(InvalidFormat::CutShort { format }));
        assert_eq!(Reader::new(format, &[3, 0, 0]).count(1), Err(InvalidFormat::CutShort { format }));
        assert_eq!(Reader::new(format, &[0, 0]).finish(), Err(InvalidFormat::TrailingBytes { format, bytes: 2 }));
        assert!(Reader::new(format, &[0xFF; 11]).u64().is_err());
        assert!(Reader::new(format, &[1, 0xFF]).text().is_err());
    }
}
