//! A batch as a tar stream. PAX records carry what tar has no field for: the declared content, that the bytes are
//! known, that a path goes, and names that do not fit a plain header.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use anyhow::Context;
use indicatif::ProgressBar;
use tar::{Builder, EntryType, Header};

use super::hashing::{FileChanged, HashedFile, PIECE_BYTES, piece_bytes};
use super::plan::Entry;
use super::shown;
use super::walk::Tree;

const CONTENT: &str = "SHELFMARK.content";
const KNOWN: &str = "SHELFMARK.known";
const REMOVE: &str = "SHELFMARK.remove";

/// The name in the plain header of an entry whose name stands in its PAX record.
const NAME_IN_RECORD: &str = "named-by-pax-record";

/// Writes a whole batch.
///
/// # Errors
/// `FileChanged`; a file that cannot be read; what the target fails with.
pub fn write(target: impl Write, tree: &Tree, entries: &[Entry], bar: &ProgressBar) -> anyhow::Result<()> {
    let mut builder = Builder::new(target);
    for entry in entries {
        match entry {
            Entry::Bytes(file) => append_file(&mut builder, &tree.file_of(&file.path), file, bar)?,
            Entry::Known { path, content } => {
                let content = content.to_string();
                let records = [(CONTENT, content.as_bytes()), (KNOWN, &b"1"[..])];
                let header = append_records(&mut builder, path, 0, &records)?;
                builder.append(&header, std::io::empty())?;
            }
            Entry::Remove { path } => {
                let header = append_records(&mut builder, path, 0, &[(REMOVE, &b"1"[..])])?;
                builder.append(&header, std::io::empty())?;
            }
        }
    }
    builder.into_inner()?;
    Ok(())
}

/// Writes the records before an entry and returns the entry's header.
fn append_records<W: Write>(
    builder: &mut Builder<W>,
    path: &str,
    size_bytes: u64,
    records: &[(&str, &[u8])],
) -> anyhow::Result<Header> {
    let mut header = Header::new_ustar();
    let fits = path.is_ascii() && header.set_path(path).is_ok();
    if !fits {
        header.set_path(NAME_IN_RECORD)?;
    }
    let name = (!fits).then_some(("path", path.as_bytes()));
    builder.append_pax_extensions(name.into_iter().chain(records.iter().copied()))?;
    header.set_entry_type(EntryType::Regular);
    header.set_size(size_bytes);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_cksum();
    Ok(header)
}

fn append_file<W: Write>(
    builder: &mut Builder<W>,
    place: &Path,
    file: &HashedFile,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    let unreadable = || format!("{} cannot be read", shown(place));
    let mut source = File::open(place).with_context(unreadable)?;
    let content = file.content.to_string();
    let records = [(CONTENT, content.as_bytes())];
    let size_bytes = file.stamp.size_bytes;
    if size_bytes < PIECE_BYTES as u64 {
        let mut bytes = Vec::with_capacity(piece_bytes(size_bytes));
        Read::take(&mut source, size_bytes + 1).read_to_end(&mut bytes).with_context(unreadable)?;
        if bytes.len() as u64 != size_bytes || blake3::hash(&bytes).as_bytes() != file.content.as_bytes() {
            return Err(FileChanged(shown(place)).into());
        }
        let header = append_records(builder, &file.path, size_bytes, &records)?;
        builder.append(&header, bytes.as_slice())?;
        bar.inc(size_bytes);
        return Ok(());
    }
    let header = append_records(builder, &file.path, size_bytes, &records)?;
    let mut checked = CheckedReader::new(source, size_bytes, bar);
    builder.append(&header, &mut checked).with_context(unreadable)?;
    checked.finish(place, file)
}

/// Reads exactly a file's length, and hashes it on the way.
pub struct CheckedReader<'a> {
    source: File,
    left_bytes: u64,
    hasher: blake3::Hasher,
    bar: &'a ProgressBar,
}

impl<'a> CheckedReader<'a> {
    /// Reads `size_bytes` of the file.
    pub fn new(source: File, size_bytes: u64, bar: &'a ProgressBar) -> Self {
        Self { source, left_bytes: size_bytes, hasher: blake3::Hasher::new(), bar }
    }

    /// Checks that the file ended where it should and had the bytes that it should.
    ///
    /// # Errors
    /// `FileChanged`; a file that cannot be read.
    pub fn finish(mut self, place: &Path, file: &HashedFile) -> anyhow::Result<()> {
        let more = self.source.read(&mut [0]).with_context(|| format!("{} cannot be read", shown(place)))?;
        let is_whole = self.left_bytes == 0 && more == 0;
        if is_whole && self.hasher.finalize().as_bytes() == file.content.as_bytes() {
            Ok(())
        } else {
            Err(FileChanged(shown(place)).into())
        }
    }
}

impl Read for CheckedReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = usize::try_from(self.left_bytes).unwrap_or(usize::MAX).min(buffer.len());
        let length = self.source.read(&mut buffer[..most])?;
        self.hasher.update(&buffer[..length]);
        self.left_bytes -= length as u64;
        self.bar.inc(length as u64);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use shelfmark_domain::hash::ContentId;
    use shelfmark_domain::path::FolderPath;

    use super::super::hashing;
    use super::super::walk::walk;
    use super::*;

    /// Path, records and bytes of each entry.
    type Batch = Vec<(String, Vec<(String, String)>, Vec<u8>)>;

    fn read_back(bytes: &[u8]) -> Batch {
        let mut archive = tar::Archive::new(bytes);
        let mut found = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let records = entry.pax_extensions().unwrap().unwrap();
            let text =
                |record: tar::PaxExtension<'_>| (record.key().unwrap().to_owned(), record.value().unwrap().to_owned());
            let records = records.map(|record| text(record.unwrap())).filter(|(key, _)| key != "path").collect();
            let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
            let mut body = Vec::new();
            entry.read_to_end(&mut body).unwrap();
            found.push((path, records, body));
        }
        found
    }

    fn record(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn a_batch_is_read_back_as_it_was_planned() {
        let dir = tempfile::tempdir().unwrap();
        let long = format!("{}/größe.svg", "x".repeat(150));
        fs::create_dir(dir.path().join("x".repeat(150))).unwrap();
        let large = vec![3; PIECE_BYTES + 5];
        fs::write(dir.path().join(&long), b"small").unwrap();
        fs::write(dir.path().join("large"), &large).unwrap();
        let (tree, files) = walk(dir.path(), &"img".parse().unwrap()).unwrap();
        let files = hashing::hash(&tree, files, &[None, None]).unwrap();
        let known = ContentId::of(b"known");
        let mut entries: Vec<Entry> = files.iter().cloned().map(Entry::Bytes).collect();
        entries.push(Entry::Known { path: "k".into(), content: known });
        entries.push(Entry::Remove { path: "ü".into() });

        let mut tar = Vec::new();
        write(&mut tar, &tree, &entries, &ProgressBar::hidden()).unwrap();

        let content = |bytes: &[u8]| record(CONTENT, &ContentId::of(bytes).to_string());
        let expected: Batch = vec![
            ("img/large".into(), vec![content(&large)], large.clone()),
            (format!("img/{long}"), vec![content(b"small")], b"small".to_vec()),
            ("k".into(), vec![content(b"known"), record(KNOWN, "1")], Vec::new()),
            ("ü".into(), vec![record(REMOVE, "1")], Vec::new()),
        ];
        assert_eq!(read_back(&tar), expected);
    }

    #[test]
    fn a_file_that_changed_since_it_was_hashed_stops_the_batch() {
        let dir = tempfile::tempdir().unwrap();
        let large = vec![3; PIECE_BYTES + 5];
        let edited = [&large[..PIECE_BYTES], b"12345"].concat();
        for (before, after) in [(&b"one"[..], &b"two"[..]), (b"one", b"three"), (&large, &edited), (&large, b"cut")] {
            fs::write(dir.path().join("a"), before).unwrap();
            let (tree, files) = walk(dir.path(), &FolderPath::root()).unwrap();
            let entries: Vec<Entry> =
                hashing::hash(&tree, files, &[None]).unwrap().into_iter().map(Entry::Bytes).collect();
            fs::write(dir.path().join("a"), after).unwrap();
            let failed = write(std::io::sink(), &tree, &entries, &ProgressBar::hidden());
            assert!(failed.unwrap_err().is::<FileChanged>());
        }
    }
}
