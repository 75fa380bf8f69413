//! Versions: the immutable states of assets.

use shelfmark_domain::hash::ContentId;
use shelfmark_domain::metadata::Metadata;
use shelfmark_domain::pin::AssetId;
use shelfmark_domain::time::Timestamp;

use crate::catalog::columns::Columns as _;
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::rows::{self, query};

/// One version with who made it and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRow {
    pub number: i64,
    pub content: ContentId,
    pub size_bytes: u64,
    pub media_type: String,
    pub dimensions: Option<(u32, u32)>,
    pub metadata: Metadata,
    /// The version that a revert brought back.
    pub reverted_from: Option<i64>,
    pub at: Timestamp,
    pub author: String,
    pub message: String,
}

/// What is known of a content that a project already has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownContent {
    pub content: ContentId,
    pub size_bytes: u64,
    pub media_type: String,
    pub dimensions: Option<(u32, u32)>,
}

/// Of `versions v` with its entry `audit a`.
pub(crate) const VERSION: &str = "v.number, v.content, v.size_bytes, v.media_type, v.width, v.height, v.metadata, \
     v.reverted_from, v.at, a.actor_name, a.message";
const FROM: &str = "FROM versions v JOIN audit a ON a.sequence = v.audit";

/// Reads the columns of a version, from a place on.
pub(crate) fn read(row: &sqlx::any::AnyRow, first: usize) -> Result<VersionRow, CatalogError> {
    Ok(VersionRow {
        number: row.int(first)?,
        content: row.content(first + 1)?,
        size_bytes: row.size(first + 2)?,
        media_type: row.text(first + 3)?,
        dimensions: row.dimensions(first + 4, first + 5)?,
        metadata: row.metadata(first + 6)?,
        reverted_from: row.int_or_null(first + 7)?,
        at: row.time(first + 8)?,
        author: row.text(first + 9)?,
        message: row.text(first + 10)?,
    })
}

impl Catalog {
    /// An asset's versions, newest first.
    pub async fn versions(
        &self,
        asset: AssetId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<VersionRow>, CatalogError> {
        let rows = query(format!(
            "SELECT {VERSION} {FROM} WHERE v.asset = $1 AND v.number < $2 ORDER BY v.number DESC LIMIT $3"
        ))
        .bind(asset.0.to_vec())
        .bind(before.unwrap_or(i64::MAX))
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(|row| read(row, 0)).collect();
        Ok(Page::cut(items?, limit, |version| Cursor::after(version.number)))
    }

    /// One version of an asset.
    pub async fn version(&self, asset: AssetId, number: i64) -> Result<Option<VersionRow>, CatalogError> {
        let row = query(format!("SELECT {VERSION} {FROM} WHERE v.asset = $1 AND v.number = $2"))
            .bind(asset.0.to_vec())
            .bind(number)
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(|row| read(row, 0)).transpose()
    }

    /// Those of the contents that some version of the project has, deleted assets included.
    pub async fn known_contents(
        &self,
        project: i64,
        contents: &[ContentId],
    ) -> Result<Vec<KnownContent>, CatalogError> {
        let mut connection = self.reader.acquire().await?;
        let found = rows::select_in(
            &mut connection,
            "SELECT v.content, MAX(v.size_bytes), MAX(v.media_type), MAX(v.width), MAX(v.height) \
             FROM versions v JOIN assets a ON a.id = v.asset WHERE a.project = $1 AND v.content IN",
            "GROUP BY v.content",
            (1, |query| query.bind(project)),
            contents,
            |query, content| query.bind(content.as_bytes().to_vec()),
        )
        .await?;
        let read = |row: &sqlx::any::AnyRow| {
            Ok(KnownContent {
                content: row.content(0)?,
                size_bytes: row.size(1)?,
                media_type: row.text(2)?,
                dimensions: row.dimensions(3, 4)?,
            })
        };
        found.iter().map(read).collect()
    }
}
