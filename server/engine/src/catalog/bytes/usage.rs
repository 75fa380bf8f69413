//! Who uses a content or chunk: what a damage means to people.

use shelfmark_domain::hash::{ChunkId, ContentId};
use shelfmark_domain::name::{ProjectName, ReleaseNumber};

use crate::catalog::columns::Columns as _;
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::rows::query;

/// A version that has a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentUse {
    pub project: ProjectName,
    pub project_number: i64,
    pub path: String,
    pub version: i64,
    /// The releases that pin it.
    pub releases: Vec<ReleaseNumber>,
}

impl Catalog {
    /// The versions that have a content and the releases that pin them.
    pub async fn uses_of_content(&self, content: ContentId, limit: u32) -> Result<Vec<ContentUse>, CatalogError> {
        let rows = query(
            "SELECT p.name, p.number, s.path, v.number, c.release FROM versions v JOIN assets s ON s.id = v.asset \
             JOIN projects p ON p.number = s.project \
             LEFT JOIN changes c ON c.asset = v.asset AND c.version = v.number \
             WHERE v.content = $1 ORDER BY p.number, s.path, v.number, c.release LIMIT $2",
        )
        .bind(content.as_bytes().to_vec())
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        let mut uses: Vec<ContentUse> = Vec::new();
        for row in &rows {
            let (project_number, path, version) = (row.int(1)?, row.text(2)?, row.int(3)?);
            let release = row.int_or_null(4)?.map(ReleaseNumber::new);
            match uses.last_mut() {
                Some(last) if (last.project_number, &last.path, last.version) == (project_number, &path, version) => {
                    last.releases.extend(release);
                }
                _ => uses.push(ContentUse {
                    project: row.parsed(0)?,
                    project_number,
                    path,
                    version,
                    releases: release.into_iter().collect(),
                }),
            }
        }
        Ok(uses)
    }

    /// Contents of versions that have neither a chunk list nor a chunk of their name.
    pub async fn contents_without_chunks(&self, limit: u32) -> Result<Vec<ContentId>, CatalogError> {
        let rows = query(
            "SELECT DISTINCT v.content FROM versions v WHERE v.content <> $1 \
             AND NOT EXISTS (SELECT 1 FROM chunks c WHERE c.id = v.content) \
             AND NOT EXISTS (SELECT 1 FROM contents l WHERE l.id = v.content) LIMIT $2",
        )
        .bind(ContentId::empty().as_bytes().to_vec())
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(|row| row.content(0)).collect()
    }

    /// The chunks of a pack, as the catalog has them.
    pub async fn chunks_in_pack(&self, pack: i64) -> Result<Vec<ChunkId>, CatalogError> {
        let rows =
            query("SELECT id FROM chunks WHERE pack = $1 ORDER BY start").bind(pack).fetch_all(&self.reader).await?;
        rows.iter().map(|row| row.chunk(0)).collect()
    }

    /// The chunks that need a chunk for decoding.
    pub async fn chunks_referring_to(&self, reference: ChunkId) -> Result<Vec<ChunkId>, CatalogError> {
        let rows = query("SELECT id FROM chunks WHERE reference = $1")
            .bind(reference.as_bytes().to_vec())
            .fetch_all(&self.reader)
            .await?;
        rows.iter().map(|row| row.chunk(0)).collect()
    }
}
