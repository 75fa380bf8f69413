//! Archives for batches: right ones, and ones that no honest program writes.

use tar::{Builder, EntryType, Header};

/// An archive in the making.
pub struct Tar(Builder<Vec<u8>>);

impl Tar {
    pub fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    /// Adds a plain file.
    pub fn file(self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.entry(EntryType::Regular, path, &[], bytes)
    }

    /// Adds a file without bytes whose records say what is meant.
    pub fn records(self, path: &str, records: &[(&str, &str)]) -> Self {
        self.entry(EntryType::Regular, path, records, b"")
    }

    /// Adds anything: the path goes into the header as it is.
    pub fn entry(
        mut self,
        kind: EntryType,
        path: impl AsRef<[u8]>,
        records: &[(&str, &str)],
        bytes: impl AsRef<[u8]>,
    ) -> Self {
        let (path, bytes) = (path.as_ref(), bytes.as_ref());
        if !records.is_empty() {
            let records = records.iter().map(|(key, value)| (*key, value.as_bytes()));
            self.0.append_pax_extensions(records).expect("memory takes it");
        }
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..path.len()].copy_from_slice(path);
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        self.0.append(&header, bytes).expect("memory takes it");
        self
    }

    /// Adds a plain file with its name in an entry of its own, as GNU tar does.
    pub fn gnu_file(mut self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        let mut header = Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        self.0.append_data(&mut header, path, bytes).expect("memory takes it");
        self
    }

    /// The whole archive with its proper end.
    pub fn finish(self) -> Vec<u8> {
        self.0.into_inner().expect("memory takes it")
    }
}

/// An archive of plain files.
pub fn tar_of<'f>(files: impl IntoIterator<Item = (&'f str, &'f [u8])>) -> Vec<u8> {
    files.into_iter().fold(Tar::new(), |tar, (path, bytes)| tar.file(path, bytes)).finish()
}
