//! Keys in stored nodes: how many bytes a key has in common with the key before it, then the rest of it.

use crate::format::{InvalidFormat, Reader, Writer};

/// The most bytes that a key takes from the key before it. It keeps a short stored form from claiming a hundred
/// times its size in memory; the rest of a longer common prefix is left to compression.
const SHARED_BYTES_MAX: usize = 255;

pub(super) fn write_key(writer: &mut Writer, previous: &str, key: &str) {
    let both = previous.bytes().zip(key.bytes()).take(SHARED_BYTES_MAX);
    let mut shared = both.take_while(|(a, b)| a == b).count();
    while !key.is_char_boundary(shared) {
        shared -= 1;
    }
    writer.count(shared);
    writer.text(&key[shared..]);
}

pub(super) fn read_key(reader: &mut Reader<'_>, previous: &str) -> Result<String, InvalidFormat> {
    let shared = reader.u32()? as usize;
    let rest = reader.text()?;
    match previous.get(..shared) {
        Some(start) if shared <= SHARED_BYTES_MAX => Ok([start, rest].concat()),
        _ => Err(reader.broken("a key shares more than the key before it has")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_key_is_read_as_it_was_written(common in "[aäß€]{0,300}", a in "[ab€₭]{0,5}", b in "[ab€₭]{0,5}") {
            let (previous, key) = (format!("{common}{a}"), format!("{common}{b}"));
            let mut writer = Writer::default();
            write_key(&mut writer, &previous, &key);
            let bytes = writer.finish();
            let mut reader = Reader::new("key", &bytes);
            prop_assert_eq!(read_key(&mut reader, &previous), Ok(key));
            prop_assert_eq!(reader.finish(), Ok(()));
        }
    }
}
