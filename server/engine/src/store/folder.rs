//! A store in a folder of this machine, where it is faster to go to the files than through the general interface.
//!
//! Writing is `object_store`'s, with its syncing switched on: a file is written under another name, synced, renamed,
//! and its folder is synced. What it cannot promise is the folder itself when two packs are the first in it at the
//! same time. So all folders are made and synced when the store is opened.
//!
//! Reading is positional, on files that stay open. Files are never mapped: a file that was cut short must be an
//! error and not a signal.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use quick_cache::sync::Cache;
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use shelfmark_domain::hash::PackId;

use super::keys;

/// How many packs stay open at most, and which part of the files that the process may open: the connections of clients
/// and of the database need most of those.
const OPEN_FILES_MAX: u64 = 256;
const OPEN_FILES_PART: u64 = 8;

/// What packs leave free on the disk, in bytes. Without it a disk that uploads have filled would have no room for the
/// rows of a deletion, and none for those that garbage collection changes before it can free anything.
const RESERVE_BYTES: u64 = 32 << 20;

/// The files of the store. All its functions block.
pub(super) struct Folder {
    root: PathBuf,
    open: Cache<PackId, Arc<File>>,
}

impl Folder {
    /// Makes the folders that are missing. All of them are there after a power cut once this has returned.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let root = std::path::absolute(root)?;
        let new = root.ancestors().take_while(|folder| !folder.exists()).count();
        let packs = root.join(keys::PACKS);
        fs::create_dir_all(&packs)?;
        for first_digits in 0..=0xFF_u8 {
            match fs::create_dir(packs.join(format!("{first_digits:02x}"))) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        // The innermost folders also when they were there: whoever made them may have died before syncing.
        packs.ancestors().take(2 + new).try_for_each(sync_folder)?;
        let permitted = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let open_files = (permitted / OPEN_FILES_PART).min(OPEN_FILES_MAX);
        Ok(Self { root, open: Cache::new(open_files as usize) })
    }

    /// Where everything lies.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Reads a range of a pack; less than asked for when the file ends before.
    pub(super) fn read(&self, pack: &PackId, range: Range<u64>) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.read_into(pack, range, &mut bytes)?;
        Ok(bytes)
    }

    /// As `read`, into a buffer whose bytes go.
    pub(super) fn read_into(&self, pack: &PackId, range: Range<u64>, bytes: &mut Vec<u8>) -> io::Result<()> {
        let file = self.file(pack)?;
        let wanted = usize::try_from(range.end.saturating_sub(range.start)).map_err(io::Error::other)?;
        bytes.clear();
        bytes.reserve_exact(wanted);
        // `pread` into room that was not cleared before: a third faster than `read_at` for 1 MiB in the page cache.
        while bytes.len() < wanted {
            let at = range.start + bytes.len() as u64;
            match rustix::io::pread(&file, spare_capacity(bytes), at) {
                Ok(0) => break,
                Ok(_) => {}
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        bytes.truncate(wanted); // the room may be larger than what was asked for
        Ok(())
    }

    /// How many bytes a pack has.
    pub(super) fn size(&self, pack: &PackId) -> io::Result<u64> {
        Ok(self.file(pack)?.metadata()?.len())
    }

    /// Refuses what does not fit on the disk beside the reserve.
    pub(super) fn check_room(&self, bytes: u64) -> io::Result<()> {
        let disk = rustix::fs::statvfs(&self.root)?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free < bytes.saturating_add(RESERVE_BYTES) {
            return Err(io::Error::new(io::ErrorKind::StorageFull, format!("{free} bytes are free")));
        }
        Ok(())
    }

    /// Closes a pack that was deleted, written or found damaged, so that it is opened anew when it is next read.
    pub(super) fn close(&self, pack: &PackId) {
        self.open.remove(pack);
    }

    /// Whether the folder can be reached.
    pub(super) fn probe(&self) -> io::Result<()> {
        fs::read_dir(self.root.join(keys::PACKS)).map(drop)
    }

    /// Removes what writes that a crash cut off have left behind, when older than the instant. They have names that
    /// no pack has.
    pub(super) fn remove_unfinished(&self, before: SystemTime) -> io::Result<u64> {
        let mut removed = 0;
        for folder in fs::read_dir(self.root.join(keys::PACKS))? {
            for file in fs::read_dir(folder?.path())? {
                let file = file?;
                if file.file_name().as_encoded_bytes().contains(&b'#') {
                    removed += u64::from(gone_is_fine(remove_if_older(&file.path(), before))?);
                }
            }
        }
        Ok(removed)
    }

    /// A pack that is open already. Does not block.
    pub(super) fn opened(&self, pack: &PackId) -> Option<Arc<File>> {
        self.open.get(pack)
    }

    fn file(&self, pack: &PackId) -> io::Result<Arc<File>> {
        if let Some(file) = self.open.get(pack) {
            return Ok(file);
        }
        let file = Arc::new(File::open(self.root.join(keys::pack(pack).as_ref()))?);
        self.open.insert(*pack, file.clone());
        Ok(file)
    }
}

/// Whether the file was older and is removed now.
fn remove_if_older(path: &Path, before: SystemTime) -> io::Result<bool> {
    let is_older = fs::metadata(path)?.modified()? < before;
    if is_older {
        fs::remove_file(path)?;
    }
    Ok(is_older)
}

/// A file that vanishes while it is looked at was finished or removed by someone else.
fn gone_is_fine(removed: io::Result<bool>) -> io::Result<bool> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        other => other,
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
