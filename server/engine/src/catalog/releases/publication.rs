//! Where a content may have been published.

use shelfmark_domain::hash::ContentId;

use crate::catalog::columns::Columns as _;
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::rows::query;

impl Catalog {
    /// The keys under which releases of a project have pinned a content, each once, with its media type. Every pin of
    /// every manifest came from some release's change, so a content that is served anywhere is served at one of these.
    pub async fn keys_of_content(
        &self,
        project: i64,
        content: ContentId,
        limit: u32,
    ) -> Result<Vec<String>, CatalogError> {
        let rows = query(
            "SELECT DISTINCT c.key FROM versions v JOIN changes c ON c.asset = v.asset AND c.version = v.number \
             WHERE v.content = $1 AND c.project = $2 ORDER BY c.key LIMIT $3",
        )
        .bind(content.as_bytes().to_vec())
        .bind(project)
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(|row| row.text(0)).collect()
    }

    /// Size and media type of a content that some version of the project has.
    pub async fn content_of_project(
        &self,
        project: i64,
        content: ContentId,
    ) -> Result<Option<(u64, String)>, CatalogError> {
        let row = query(
            "SELECT v.size_bytes, v.media_type FROM versions v JOIN assets a ON a.id = v.asset \
             WHERE v.content = $1 AND a.project = $2 ORDER BY v.audit LIMIT 1",
        )
        .bind(content.as_bytes().to_vec())
        .bind(project)
        .fetch_optional(&self.reader)
        .await?;
        row.map(|row| Ok((row.size(0)?, row.text(1)?))).transpose()
    }
}
