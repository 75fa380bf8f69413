//! Why the store failed. What matters to callers is whether bytes are wrong, space is gone, or it may work later.

use std::error::Error;
use std::io;

use rustix::io::Errno;

use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::hash::{ChunkId, PackId};

/// Whatever a backend reports; for the log.
pub type Cause = Box<dyn Error + Send + Sync + 'static>;

/// Why the store did not do what it was asked. A put that failed may have left bytes behind, which no row names.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The pack is not there: it was deleted or lost.
    #[error("pack {pack} is missing from the store")]
    Missing { pack: PackId },
    /// What is stored for the chunk is not the chunk, or is cut short, or cannot be decoded.
    #[error("chunk {chunk} in pack {pack} is damaged: {why}")]
    Damaged { chunk: ChunkId, pack: PackId, why: &'static str },
    /// The pack's index or footer is not what was written.
    #[error("pack {pack} is damaged: {why}")]
    DamagedPack { pack: PackId, why: String },
    /// No space is left where the store writes.
    #[error("no space is left in the store; make room where it lies, also with gc, then send this again")]
    Full(#[source] Cause),
    /// The backend does not answer or answers with an error that may pass, after retries.
    #[error("the store cannot be reached")]
    Unreachable(#[source] Cause),
    /// The settings do not describe a store.
    #[error("the store is not configured rightly: {0}")]
    Misconfigured(String),
    /// Anything else.
    #[error("the store failed")]
    Internal(#[source] Cause),
}

impl Failure for StoreError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Missing { .. } | Self::Damaged { .. } | Self::DamagedPack { .. } => FailureKind::Corrupt,
            Self::Full(_) => FailureKind::Full,
            Self::Unreachable(_) => FailureKind::Busy,
            Self::Misconfigured(_) => FailureKind::Invalid,
            Self::Internal(_) => FailureKind::Internal,
        }
    }
}

impl StoreError {
    /// What a backend's error about this pack means.
    pub(super) fn of_pack(pack: PackId, error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::Missing { pack },
            other => Self::of_backend(other),
        }
    }

    /// What a backend's error about no pack in particular means.
    pub(super) fn of_backend(error: object_store::Error) -> Self {
        if says(&error, is_full) {
            return Self::Full(error.into());
        }
        match error {
            error if says(&error, is_out_of_files) => Self::Unreachable(error.into()),
            // The local folder does not come back by waiting; whatever is asked over a network may.
            object_store::Error::Generic { store: "LocalFileSystem", .. } => Self::Internal(error.into()),
            object_store::Error::Generic { .. } => Self::Unreachable(error.into()),
            other => Self::Internal(other.into()),
        }
    }

    /// What a file's error about this pack means.
    pub(super) fn of_file(pack: PackId, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing { pack },
            _ => Self::of_folder(error),
        }
    }

    /// What an error of the store's folder means.
    pub(super) fn of_folder(error: io::Error) -> Self {
        match error {
            error if is_full(&error) => Self::Full(error.into()),
            error if is_out_of_files(&error) => Self::Unreachable(error.into()),
            error => Self::Internal(error.into()),
        }
    }

    /// A task of ours ended without its result: it panicked, or the runtime is shutting down.
    pub(super) fn of_task(error: tokio::task::JoinError) -> Self {
        Self::Internal(error.into())
    }
}

/// Whether the disk or the quota is full.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Whether the process or the machine has too many files open, which passes when requests are done.
fn is_out_of_files(error: &io::Error) -> bool {
    let Some(code) = Errno::from_io_error(error) else { return false };
    matches!(code, Errno::MFILE | Errno::NFILE)
}

/// Whether this is true of the error or of one that it comes from.
fn says(error: &(dyn Error + 'static), what: fn(&io::Error) -> bool) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            // `source` of an `io::Error` skips the error that it wraps, so that one is looked at here.
            if what(io) || io.get_ref().is_some_and(|inner| says(inner, what)) {
                return true;
            }
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENOSPC: i32 = 28;

    fn local(error: io::Error) -> object_store::Error {
        object_store::Error::Generic { store: "LocalFileSystem", source: error.into() }
    }

    #[test]
    fn a_full_disk_is_full_however_deep_it_is_reported() {
        let plain = || io::Error::from_raw_os_error(ENOSPC);
        let nested = io::Error::other(local(io::Error::other(plain())));
        for error in [plain(), nested, io::Error::from(io::ErrorKind::QuotaExceeded)] {
            assert_eq!(StoreError::of_backend(local(error)).kind(), FailureKind::Full);
        }
        assert_eq!(StoreError::of_folder(plain()).kind(), FailureKind::Full);
    }

    #[test]
    fn what_may_pass_is_busy_and_what_stays_is_not() {
        let remote = object_store::Error::Generic { store: "S3", source: "connection refused".into() };
        assert_eq!(StoreError::of_backend(remote).kind(), FailureKind::Busy);
        for crowded in [23, 24].map(io::Error::from_raw_os_error) {
            assert_eq!(StoreError::of_backend(local(crowded)).kind(), FailureKind::Busy);
        }
        let broken = || io::Error::from_raw_os_error(5);
        assert_eq!(StoreError::of_backend(local(broken())).kind(), FailureKind::Internal);
        assert_eq!(StoreError::of_folder(broken()).kind(), FailureKind::Internal);
    }
}
