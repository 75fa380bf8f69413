//! Releases under way that have to do with some paths.

use shelfmark_domain::name::ReleaseNumber;
use shelfmark_domain::release::ReleaseState;

use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::rows::{self, AnyQuery};

/// A line of a release that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AffectedRelease {
    pub number: ReleaseNumber,
    pub title: String,
    pub state: ReleaseState,
    pub path: String,
    /// The version that it pins; `None` where it serves nothing any more.
    pub version: Option<i64>,
}

impl Catalog {
    /// The lines of drafts and frozen releases for these paths, by release.
    pub async fn releases_under_way(
        &self,
        project: i64,
        paths: &[String],
    ) -> Result<Vec<AffectedRelease>, CatalogError> {
        let mut connection = self.reader.acquire().await?;
        let rows = rows::select_in(
            &mut connection,
            "SELECT r.number, r.title, r.state, c.key, c.version FROM releases r \
             JOIN changes c ON c.project = r.project AND c.release = r.number \
             WHERE r.project = $1 AND r.state IN ('draft', 'frozen') AND c.key IN",
            "",
            (1, |query: AnyQuery| query.bind(project)),
            paths,
            |query, path| query.bind(path.clone()),
        )
        .await?;
        let read = |row: &sqlx::any::AnyRow| {
            let state = row.text(2)?;
            let state = ReleaseState::parse(&state).ok_or_else(|| corrupt(format!("{state:?} as a state")))?;
            Ok(AffectedRelease {
                number: ReleaseNumber::new(row.int(0)?),
                title: row.text(1)?,
                state,
                path: row.text(3)?,
                version: row.int_or_null(4)?,
            })
        };
        let mut lines: Vec<AffectedRelease> = rows.iter().map(read).collect::<Result<_, CatalogError>>()?;
        lines.sort_by(|a, b| (a.number, &a.path).cmp(&(b.number, &b.path)));
        Ok(lines)
    }
}
