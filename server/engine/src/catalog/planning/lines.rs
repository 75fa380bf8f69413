//! A release's lines as a whole: pinned anew, copied, handed on. The work is the database's, in one statement each, so
//! that a release of many lines costs no more statements than one of few.

use shelfmark_domain::hash::ContentId;
use shelfmark_domain::name::ReleaseNumber;
use shelfmark_domain::path::FolderPath;
use shelfmark_domain::pin::AssetId;

use crate::catalog::assets::asset::range;
use crate::catalog::columns::Columns as _;
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::rows::{self, AnyQuery, query};
use crate::catalog::write::Write;

/// Which lines of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    All,
    Keys(Vec<String>),
    /// The lines for paths in a folder.
    Folder(FolderPath),
}

/// A line whose asset has a newer version than it pins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutdatedLine {
    pub key: String,
    pub asset: AssetId,
    pub pinned: i64,
    pub pinned_content: ContentId,
    pub pinned_bytes: u64,
    pub newest: i64,
    pub newest_content: ContentId,
    pub newest_bytes: u64,
}

/// The newest version of a line's asset, as long as that is in the library.
const NEWEST: &str = "(SELECT s.latest FROM assets s WHERE s.id = changes.asset AND s.deleted_at IS NULL \
     AND s.latest <> changes.version)";
/// Every column of a line but its release.
const VALUES: &str = "key, kind, asset, version, value, audit";

impl Catalog {
    /// The lines in a folder that newer versions have come for, by key.
    pub async fn outdated_lines(
        &self,
        project: i64,
        release: ReleaseNumber,
        folder: &FolderPath,
        after: &str,
        limit: u32,
    ) -> Result<Page<OutdatedLine>, CatalogError> {
        let (first, end) = range(folder);
        let rows = query(
            "SELECT c.key, c.asset, c.version, p.content, p.size_bytes, s.latest, n.content, n.size_bytes FROM changes c \
             JOIN assets s ON s.id = c.asset AND s.deleted_at IS NULL AND s.latest <> c.version \
             JOIN versions p ON p.asset = c.asset AND p.number = c.version \
             JOIN versions n ON n.asset = c.asset AND n.number = s.latest \
             WHERE c.project = $1 AND c.release = $2 AND c.key >= $3 AND c.key < $4 AND c.key > $5 ORDER BY c.key LIMIT $6",
        )
        .bind(project)
        .bind(release.get())
        .bind(first)
        .bind(end)
        .bind(after.to_owned())
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let read = |row: &sqlx::any::AnyRow| {
            Ok(OutdatedLine {
                key: row.text(0)?,
                asset: row.asset(1)?,
                pinned: row.int(2)?,
                pinned_content: row.content(3)?,
                pinned_bytes: row.size(4)?,
                newest: row.int(5)?,
                newest_content: row.content(6)?,
                newest_bytes: row.size(7)?,
            })
        };
        let items: Result<Vec<_>, CatalogError> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |line| Cursor::after(&line.key)))
    }
}

impl Write {
    /// Pins lines at the newest versions of their assets; returns how many that changed. They stay as old as they are:
    /// whoever pins anew has not looked at what is served beside them.
    pub async fn repin(
        &mut self,
        project: i64,
        release: ReleaseNumber,
        selection: &Selection,
    ) -> Result<u64, CatalogError> {
        let head = format!(
            "UPDATE changes SET version = {NEWEST} WHERE project = $1 AND release = $2 \
             AND kind = 'pin' AND {NEWEST} IS NOT NULL"
        );
        self.of_selection(head, (2, |query| query.bind(project).bind(release.get())), selection).await
    }

    /// Gives lines to another release of the project as they are; returns how many.
    pub async fn hand_lines_on(
        &mut self,
        project: i64,
        (from, to): (ReleaseNumber, ReleaseNumber),
        selection: &Selection,
    ) -> Result<u64, CatalogError> {
        let bind = move |query: AnyQuery| query.bind(to.get()).bind(project).bind(from.get());
        let kept = "UPDATE kept_lines SET release = $1 WHERE project = $2 AND release = $3";
        self.of_selection(kept.to_owned(), (3, bind), selection).await?;
        let lines = "UPDATE changes SET release = $1 WHERE project = $2 AND release = $3";
        self.of_selection(lines.to_owned(), (3, bind), selection).await
    }

    /// Copies all lines of a release to another one, as they are and as old as they are; returns how many.
    pub async fn copy_lines(
        &mut self,
        project: i64,
        (from, to): (ReleaseNumber, ReleaseNumber),
    ) -> Result<u64, CatalogError> {
        let copied = query(format!(
            "INSERT INTO changes (project, release, {VALUES}) SELECT project, CAST($1 AS BIGINT), {VALUES} FROM changes \
             WHERE project = $2 AND release = $3"
        ))
        .bind(to.get())
        .bind(project)
        .bind(from.get())
        .execute(self.connection())
        .await?;
        Ok(copied.rows_affected())
    }

    /// Runs a statement, which has its fixed parameters, on the lines of a selection.
    async fn of_selection(
        &mut self,
        head: String,
        (count, fixed): (usize, impl Fn(AnyQuery) -> AnyQuery),
        selection: &Selection,
    ) -> Result<u64, CatalogError> {
        let done = match selection {
            Selection::All => fixed(query(head)).execute(self.connection()).await?,
            Selection::Keys(keys) => {
                let head = format!("{head} AND key IN");
                let bind = |query: AnyQuery, key: &String| query.bind(key.clone());
                return rows::execute_in(self.connection(), &head, "", (count, fixed), keys, bind).await;
            }
            Selection::Folder(folder) => {
                let (first, end) = range(folder);
                let (a, b) = (count + 1, count + 2);
                let statement = format!("{head} AND key >= ${a} AND key < ${b} AND NOT (key >= '-/' AND key < '-0')");
                fixed(query(statement)).bind(first).bind(end).execute(self.connection()).await?
            }
        };
        Ok(done.rows_affected())
    }
}
