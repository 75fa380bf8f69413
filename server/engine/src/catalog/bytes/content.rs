//! The chunk lists of contents. A content of one chunk has that chunk's name and no row of its own.

use shelfmark_domain::hash::ContentId;

use crate::catalog::columns::{Columns as _, big};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::rows::{self, query};
use crate::catalog::write::Write;

/// A content of more than one chunk, to be entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewContent {
    pub id: ContentId,
    pub size_bytes: u64,
    /// The upload under whose id the first segments stand already, and how many.
    pub entered: Option<([u8; 16], u32)>,
    /// The segments that follow: offset of the first byte, encoded list.
    pub segments: Vec<(u64, Vec<u8>)>,
}

impl Catalog {
    /// One segment of a content's chunk list: offset of its first byte, encoded list.
    pub async fn segment(&self, id: ContentId, position: u32) -> Result<Option<(u64, Vec<u8>)>, CatalogError> {
        let row = query("SELECT start, list FROM segments WHERE owner = $1 AND position = $2")
            .bind(id.as_bytes().to_vec())
            .bind(i64::from(position))
            .fetch_optional(&self.reader)
            .await?;
        row.map(|row| Ok((row.size(0)?, row.bytes(1)?))).transpose()
    }

    /// Where the segments of a content begin, in order; nothing when it is a single chunk, or isn't there.
    pub async fn segment_starts(&self, id: ContentId) -> Result<Vec<u64>, CatalogError> {
        let rows = query("SELECT start FROM segments WHERE owner = $1 ORDER BY position")
            .bind(id.as_bytes().to_vec())
            .fetch_all(&self.reader)
            .await?;
        rows.iter().map(|row| row.size(0)).collect()
    }

    /// All contents of more than one chunk by name, for checks of the whole store.
    pub async fn contents_after(
        &self,
        after: Option<ContentId>,
        limit: u32,
    ) -> Result<Vec<(ContentId, u64, u32)>, CatalogError> {
        let after = after.map_or_else(Vec::new, |id| id.as_bytes().to_vec());
        let rows = query("SELECT id, size_bytes, segments FROM contents WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        rows.iter().map(|row| Ok((row.content(0)?, row.size(1)?, row.size32(2)?))).collect()
    }

    /// Enters a full segment of a content whose upload goes on and whose name isn't known yet.
    pub async fn enter_segment(
        &self,
        upload: [u8; 16],
        position: u32,
        start: u64,
        list: Vec<u8>,
    ) -> Result<(), CatalogError> {
        query("INSERT INTO segments (owner, position, start, list) VALUES ($1, $2, $3, $4)")
            .bind(upload.to_vec())
            .bind(i64::from(position))
            .bind(big(start))
            .bind(list)
            .execute(&self.writer)
            .await?;
        Ok(())
    }
}

impl Write {
    /// Enters contents; those that are there already stay as they are.
    pub(crate) async fn insert_contents(&mut self, contents: &[NewContent]) -> Result<(), CatalogError> {
        let count = |content: &NewContent| content.entered.map_or(0, |(_, n)| n as usize) + content.segments.len();
        let inserted = rows::insert(
            self.connection(),
            "INSERT INTO contents (id, size_bytes, segments)",
            "ON CONFLICT (id) DO NOTHING RETURNING id",
            3,
            contents,
            |query, content| {
                query
                    .bind(content.id.as_bytes().to_vec())
                    .bind(big(content.size_bytes))
                    .bind(big(count(content) as u64))
            },
        )
        .await?;
        let mut new = std::collections::HashSet::new();
        for row in &inserted {
            new.insert(row.content(0)?);
        }
        let mut segments = Vec::new();
        for content in contents {
            let is_new = new.remove(&content.id); // once: the same content may come twice in one change
            self.place_entered_segments(content, is_new).await?;
            if is_new {
                let first = content.entered.map_or(0, |(_, count)| i64::from(count));
                let rest = content.segments.iter().zip(first..);
                segments.extend(rest.map(|((start, list), position)| (content.id, position, *start, list)));
            }
        }
        rows::insert(
            self.connection(),
            "INSERT INTO segments (owner, position, start, list)",
            "",
            4,
            &segments,
            |query, (id, position, start, list)| {
                query.bind(id.as_bytes().to_vec()).bind(*position).bind(big(*start)).bind((*list).clone())
            },
        )
        .await?;
        Ok(())
    }

    /// Gives the segments that an upload has entered under its own id to the content, or drops them when another
    /// upload of the same content was first.
    async fn place_entered_segments(&mut self, content: &NewContent, is_new: bool) -> Result<(), CatalogError> {
        let Some((upload, _)) = content.entered else { return Ok(()) };
        let place = if is_new {
            query("UPDATE segments SET owner = $1 WHERE owner = $2")
                .bind(content.id.as_bytes().to_vec())
                .bind(upload.to_vec())
        } else {
            query("DELETE FROM segments WHERE owner = $1").bind(upload.to_vec())
        };
        place.execute(self.connection()).await?;
        Ok(())
    }
}
