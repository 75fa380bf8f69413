//! Paths that differ only in the case of letters. The lower case of a path is kept only where it is another text, so
//! that a library in lower case pays nothing for it.

use shelfmark_domain::letter_case::folded;

use crate::catalog::columns::Columns as _;
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::rows;

/// The path in lower case, if that is another text.
pub(crate) fn folded_apart(path: &str) -> Option<String> {
    Some(folded(path)).filter(|folded| folded != path)
}

impl Catalog {
    /// The paths of the project's assets that are one of these or differ from one only in case. Those that are
    /// themselves in lower case are left out where they are one of these.
    pub async fn paths_alike(&self, project: i64, paths: &[&str]) -> Result<Vec<String>, CatalogError> {
        let mut all: Vec<String> = paths.iter().map(|path| folded(path)).collect();
        let mut apart: Vec<String> = paths.iter().filter_map(|path| folded_apart(path)).collect();
        for list in [&mut all, &mut apart] {
            list.sort_unstable();
            list.dedup();
        }
        let mut connection = self.reader.acquire().await?;
        let mut found = Vec::new();
        for (column, wanted) in [("folded", &all), ("path", &apart)] {
            let rows = rows::select_in(
                &mut connection,
                &format!("SELECT path FROM assets WHERE project = $1 AND deleted_at IS NULL AND {column} IN"),
                "",
                (1, |query| query.bind(project)),
                wanted,
                |query, text| query.bind(text.clone()),
            )
            .await?;
            for row in &rows {
                found.push(row.text(0)?);
            }
        }
        Ok(found)
    }
}
