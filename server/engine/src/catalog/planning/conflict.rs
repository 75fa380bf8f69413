//! What two open releases change both.

use shelfmark_domain::name::ReleaseNumber;
use shelfmark_domain::release::ReleaseState;

use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::releases::change::{self, ChangeRow, ChangeValue};
use crate::catalog::rows::{self, query};
use crate::catalog::write::Write;

/// A key that another open release changes too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictRow {
    pub line: ChangeRow,
    /// The other release.
    pub other: ReleaseNumber,
    pub other_title: String,
    pub other_state: ReleaseState,
    pub other_value: ChangeValue,
}

impl ConflictRow {
    /// Whether both releases mean the same there, so that it doesn't matter which one comes last.
    pub fn is_same(&self) -> bool {
        self.line.value == self.other_value
    }
}

/// The lines of a release from a key on. Taken out first, so that both databases go from them to the index over keys,
/// and the cost is that of the release's lines: without statistics SQLite would walk along the whole project instead.
const LINES: &str = "WITH c AS MATERIALIZED (SELECT key, kind, asset, version, value FROM changes \
     WHERE project = $1 AND release = $2 AND key >= $3)";

/// Those lines `c`, and the lines `o` of other open releases `r` for the same keys.
const BOTH: &str = "FROM c CROSS JOIN changes o CROSS JOIN releases r WHERE o.project = $1 AND o.key = c.key \
     AND o.release <> $2 AND r.project = $1 AND r.number = o.release AND r.state IN ('draft', 'frozen')";

impl Catalog {
    /// The keys of a release that other open releases change too, by key and other release. `after` is the place of the
    /// last one that was given.
    pub async fn conflicts(
        &self,
        project: i64,
        release: ReleaseNumber,
        after: (&str, i64),
        limit: u32,
    ) -> Result<Page<ConflictRow>, CatalogError> {
        let rows = query(format!(
            "{LINES} SELECT c.key, c.kind, c.asset, c.version, c.value, o.key, o.kind, o.asset, o.version, o.value, \
             o.release, r.title, r.state {BOTH} AND (c.key > $3 OR o.release > $4) ORDER BY c.key, o.release LIMIT $5"
        ))
        .bind(project)
        .bind(release.get())
        .bind(after.0.to_owned())
        .bind(after.1)
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let read = |row: &sqlx::any::AnyRow| {
            let state = row.text(12)?;
            Ok(ConflictRow {
                line: change::read(row, 0)?,
                other: ReleaseNumber::new(row.int(10)?),
                other_title: row.text(11)?,
                other_state: ReleaseState::parse(&state)
                    .ok_or_else(|| corrupt(format!("{state:?} as a release's state")))?,
                other_value: change::read(row, 5)?.value,
            })
        };
        let items: Result<Vec<_>, CatalogError> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |conflict| {
            Cursor::after(format!("{:020}{}", conflict.other.get(), conflict.line.key))
        }))
    }

    /// How many keys of a release other open releases change too.
    pub async fn count_conflicts(&self, project: i64, release: ReleaseNumber) -> Result<i64, CatalogError> {
        let row = query(format!("{LINES} SELECT COUNT(DISTINCT c.key) {BOTH}"))
            .bind(project)
            .bind(release.get())
            .bind("")
            .fetch_one(&self.reader)
            .await?;
        row.int(0)
    }
}

impl Write {
    /// Which of these keys other open releases change than this one, and which releases those are, in this change. The
    /// cost is that of the keys.
    pub async fn conflicting_keys(
        &mut self,
        project: i64,
        release: ReleaseNumber,
        keys: &[String],
    ) -> Result<Vec<(String, ReleaseNumber)>, CatalogError> {
        let rows = rows::select_in(
            self.connection(),
            "SELECT o.key, o.release FROM changes o JOIN releases r ON r.project = o.project AND r.number = o.release \
             WHERE o.project = $1 AND o.release <> $2 AND r.state IN ('draft', 'frozen') AND o.key IN",
            "",
            (2, |query| query.bind(project).bind(release.get())),
            keys,
            |query, key| query.bind(key.clone()),
        )
        .await?;
        rows.iter().map(|row| Ok((row.text(0)?, ReleaseNumber::new(row.int(1)?)))).collect()
    }
}
