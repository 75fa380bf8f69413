//! Tar streams for tests, good and bad.

/// An entry of a tar stream.
pub struct Entry<'a> {
    name: &'a str,
    bytes: &'a [u8],
    kind: tar::EntryType,
    records: Vec<(&'a str, &'a str)>,
}

impl<'a> Entry<'a> {
    pub fn file(name: &'a str, bytes: &'a [u8]) -> Self {
        Self { name, bytes, kind: tar::EntryType::Regular, records: Vec::new() }
    }

    pub fn of_kind(name: &'a str, kind: tar::EntryType) -> Self {
        Self { name, bytes: b"", kind, records: Vec::new() }
    }

    /// Adds a PAX record.
    pub fn with(mut self, key: &'a str, value: &'a str) -> Self {
        self.records.push((key, value));
        self
    }
}

/// A tar stream of these entries, names as they are.
pub fn tar(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for Entry { name, bytes, kind, records } in entries {
        let records = records.iter().map(|(key, value)| (*key, value.as_bytes()));
        builder.append_pax_extensions(records).unwrap();
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}
