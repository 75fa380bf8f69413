//! What a process has done to the files below a folder, step by step, as `journal.c` writes it down.

use std::path::{Path, PathBuf};
use std::process::Command;

/// One thing that has been done.
#[derive(Clone, Copy, Debug)]
pub enum Step<'j> {
    Create {
        path: &'j str,
        inode: u64,
    },
    MakeFolder {
        path: &'j str,
        inode: u64,
    },
    Write {
        inode: u64,
        at: u64,
        bytes: &'j [u8],
    },
    Truncate {
        inode: u64,
        size: u64,
    },
    /// Of a file's bytes, or of a folder's names.
    Sync {
        inode: u64,
    },
    Rename {
        from: &'j str,
        to: &'j str,
    },
    Link {
        from: &'j str,
        to: &'j str,
    },
    Remove {
        path: &'j str,
    },
}

const HEAD_BYTES: usize = 25;

/// The settings that let the server keep a journal of what it does below `root`.
pub fn settings(library: &Path, root: &Path, journal: &Path) -> Vec<(String, String)> {
    let settings = [("LD_PRELOAD", library), ("JOURNAL_ROOT", root), ("JOURNAL_FILE", journal)];
    settings.map(|(key, path)| (key.to_owned(), path.to_str().expect("it is text").to_owned())).into()
}

/// Compiles the library that keeps the journal.
pub fn library(folder: &Path) -> PathBuf {
    let (library, source) = (folder.join("journal.so"), concat!(env!("CARGO_MANIFEST_DIR"), "/tests/power/journal.c"));
    let compiled = Command::new("cc")
        .args(["-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(source)
        .output()
        .expect("there is a C compiler");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    library
}

/// The steps of a journal, each with the journal's length after it. The last one may be cut off.
pub fn steps(journal: &[u8]) -> Vec<(u64, Step<'_>)> {
    let (mut steps, mut at) = (Vec::new(), 0);
    while let Some(head) = journal.get(at..at + HEAD_BYTES) {
        let number = |at: usize| u64::from_ne_bytes(head[at..at + 8].try_into().expect("eight bytes"));
        let length = |at: usize| u32::from_ne_bytes(head[at..at + 4].try_into().expect("four bytes")) as usize;
        let (kind, inode, offset) = (head[0], number(1), number(9));
        let (first, second) = (at + HEAD_BYTES, at + HEAD_BYTES + length(17));
        at = second + length(21);
        if at > journal.len() {
            break;
        }
        let (bytes, to) = (&journal[first..second], text(&journal[second..at]));
        steps.push((
            at as u64,
            match kind {
                b'c' => Step::Create { path: text(bytes), inode },
                b'd' => Step::MakeFolder { path: text(bytes), inode },
                b'w' => Step::Write { inode, at: offset, bytes },
                b't' => Step::Truncate { inode, size: offset },
                b's' => Step::Sync { inode },
                b'r' => Step::Rename { from: text(bytes), to },
                b'l' => Step::Link { from: text(bytes), to },
                b'u' => Step::Remove { path: text(bytes) },
                _ => panic!("{kind} is no kind of step"),
            },
        ));
    }
    steps
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("paths are text; bytes of files are not asked for as text")
}
