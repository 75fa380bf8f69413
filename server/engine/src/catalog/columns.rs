//! Reading columns by place, with one error for what the catalog never writes.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use shelfmark_domain::hash::{ChunkId, ContentId, ManifestId, PackId};
use shelfmark_domain::metadata::Metadata;
use shelfmark_domain::pin::AssetId;
use shelfmark_domain::time::Timestamp;

use super::error::CatalogError;

pub(super) fn corrupt(what: impl Into<String>) -> CatalogError {
    CatalogError::Corrupt(what.into())
}

/// Typed access to a row's columns, counted from 0.
pub(super) trait Columns {
    fn int(&self, at: usize) -> Result<i64, CatalogError>;
    fn int_or_null(&self, at: usize) -> Result<Option<i64>, CatalogError>;
    fn text(&self, at: usize) -> Result<String, CatalogError>;
    fn text_or_null(&self, at: usize) -> Result<Option<String>, CatalogError>;
    fn bytes(&self, at: usize) -> Result<Vec<u8>, CatalogError>;
    fn bytes_or_null(&self, at: usize) -> Result<Option<Vec<u8>>, CatalogError>;

    fn time(&self, at: usize) -> Result<Timestamp, CatalogError> {
        self.int(at).map(Timestamp::from_micros)
    }
    fn time_or_null(&self, at: usize) -> Result<Option<Timestamp>, CatalogError> {
        Ok(self.int_or_null(at)?.map(Timestamp::from_micros))
    }
    fn size(&self, at: usize) -> Result<u64, CatalogError> {
        u64::try_from(self.int(at)?).map_err(|_| corrupt("a negative size"))
    }
    fn size32(&self, at: usize) -> Result<u32, CatalogError> {
        u32::try_from(self.int(at)?).map_err(|_| corrupt("a size out of range"))
    }
    fn asset(&self, at: usize) -> Result<AssetId, CatalogError> {
        let bytes = self.bytes(at)?;
        bytes.as_slice().try_into().map(AssetId).map_err(|_| corrupt("an asset id of a wrong length"))
    }
    fn content(&self, at: usize) -> Result<ContentId, CatalogError> {
        ContentId::from_slice(&self.bytes(at)?).ok_or_else(|| corrupt("a content name of a wrong length"))
    }
    fn chunk(&self, at: usize) -> Result<ChunkId, CatalogError> {
        ChunkId::from_slice(&self.bytes(at)?).ok_or_else(|| corrupt("a chunk name of a wrong length"))
    }
    fn chunk_or_null(&self, at: usize) -> Result<Option<ChunkId>, CatalogError> {
        let Some(bytes) = self.bytes_or_null(at)? else { return Ok(None) };
        ChunkId::from_slice(&bytes).map(Some).ok_or_else(|| corrupt("a chunk name of a wrong length"))
    }
    fn pack(&self, at: usize) -> Result<PackId, CatalogError> {
        PackId::from_slice(&self.bytes(at)?).ok_or_else(|| corrupt("a pack name of a wrong length"))
    }
    fn manifest(&self, at: usize) -> Result<ManifestId, CatalogError> {
        ManifestId::from_slice(&self.bytes(at)?).ok_or_else(|| corrupt("a manifest name of a wrong length"))
    }
    fn manifest_or_null(&self, at: usize) -> Result<Option<ManifestId>, CatalogError> {
        let Some(bytes) = self.bytes_or_null(at)? else { return Ok(None) };
        ManifestId::from_slice(&bytes).map(Some).ok_or_else(|| corrupt("a manifest name of a wrong length"))
    }
    fn metadata(&self, at: usize) -> Result<Metadata, CatalogError> {
        let text = self.text(at)?;
        if text.is_empty() {
            return Ok(Metadata::default());
        }
        serde_json::from_str(&text).map_err(|error| corrupt(format!("metadata that can't be read: {error}")))
    }
    /// Width and height, which are both there or both absent.
    fn dimensions(&self, width: usize, height: usize) -> Result<Option<(u32, u32)>, CatalogError> {
        let pixels = |value: i64| u32::try_from(value).map_err(|_| corrupt("a picture size out of range"));
        match (self.int_or_null(width)?, self.int_or_null(height)?) {
            (Some(width), Some(height)) => Ok(Some((pixels(width)?, pixels(height)?))),
            _ => Ok(None),
        }
    }
    /// A text that a parser of the domain accepts.
    fn parsed<T: std::str::FromStr>(&self, at: usize) -> Result<T, CatalogError> {
        let text = self.text(at)?;
        text.parse().map_err(|_| corrupt(format!("{text:?} where a name or path stands")))
    }
}

impl Columns for AnyRow {
    fn int(&self, at: usize) -> Result<i64, CatalogError> {
        Ok(self.try_get(at)?)
    }
    fn int_or_null(&self, at: usize) -> Result<Option<i64>, CatalogError> {
        Ok(self.try_get(at)?)
    }
    fn text(&self, at: usize) -> Result<String, CatalogError> {
        Ok(self.try_get(at)?)
    }
    fn text_or_null(&self, at: usize) -> Result<Option<String>, CatalogError> {
        Ok(self.try_get(at)?)
    }
    fn bytes(&self, at: usize) -> Result<Vec<u8>, CatalogError> {
        Ok(self.try_get(at)?)
    }
    fn bytes_or_null(&self, at: usize) -> Result<Option<Vec<u8>>, CatalogError> {
        Ok(self.try_get(at)?)
    }
}

/// The number as the database holds it. Sizes are far below 2^63 by the limits on what is accepted.
pub(super) fn big(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
