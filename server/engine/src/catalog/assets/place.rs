//! Where assets are: their paths change, and nothing else of them.

use shelfmark_domain::letter_case::folded;
use shelfmark_domain::path::FolderPath;
use shelfmark_domain::pin::AssetId;

use super::asset::range;
use super::letter_case::folded_apart;
use crate::catalog::error::CatalogError;
use crate::catalog::rows::query;
use crate::catalog::write::Write;

impl Write {
    /// Puts an asset at a path that the caller has found free, and takes its tombstone away if it has one.
    pub async fn place_asset(&mut self, id: AssetId, path: &str) -> Result<(), CatalogError> {
        query("UPDATE assets SET deleted_at = NULL, path = $1, folded = $2 WHERE id = $3")
            .bind(path.to_owned())
            .bind(folded_apart(path))
            .bind(id.0.to_vec())
            .execute(self.connection())
            .await?;
        self.note_placed(id).await
    }

    /// Moves everything in a folder to another one; the caller has found the new paths free and short enough.
    pub async fn move_folder(&mut self, project: i64, from: &FolderPath, to: &FolderPath) -> Result<u64, CatalogError> {
        // A folder may move to where a part of it was, so that a new path is briefly another asset's old one.
        // No path starts with the reserved segment, so moving there first can't collide.
        const ASIDE: &str = "-/moving/";
        let slash = |folder: &FolderPath| if folder.is_root() { String::new() } else { format!("{folder}/") };
        let (from_slash, to_slash) = (slash(from), slash(to));
        let (first, end) = range(from);
        query(
            "UPDATE assets SET path = $1 || path, folded = COALESCE(folded, path) WHERE project = $2 AND path >= $3 \
             AND path < $4 AND deleted_at IS NULL",
        )
        .bind(ASIDE)
        .bind(project)
        .bind(first)
        .bind(end)
        .execute(self.connection())
        .await?;
        let moved = query(
            "UPDATE assets SET path = $1 || substr(path, CAST($2 AS INTEGER)), \
             folded = NULLIF($3 || substr(folded, CAST($4 AS INTEGER)), $5 || substr(path, CAST($6 AS INTEGER))) \
             WHERE project = $7 AND path >= $8 AND path < $9 AND deleted_at IS NULL",
        )
        .bind(to_slash.clone())
        .bind(after(&format!("{ASIDE}{from_slash}")))
        .bind(folded(&to_slash))
        .bind(after(&folded(&from_slash)))
        .bind(to_slash)
        .bind(after(&format!("{ASIDE}{from_slash}")))
        .bind(project)
        .bind(ASIDE)
        .bind("-/moving0")
        .execute(self.connection())
        .await?;
        self.note_moved(project, to).await?;
        Ok(moved.rows_affected())
    }
}

/// Where a text goes on after its start, as SQL counts characters.
fn after(start: &str) -> i64 {
    i64::try_from(start.chars().count() + 1).unwrap_or(i64::MAX)
}
