//! Saved searches, and the assets that they find.

use shelfmark_domain::filter::AssetFilter;
use shelfmark_domain::name::SearchName;
use shelfmark_domain::path::FolderPath;
use shelfmark_domain::time::Timestamp;

use crate::catalog::assets::asset::{self, AssetRow};
use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::rows::query;
use crate::catalog::write::Write;

/// Assets looked at by one statement.
const ROWS_AT_ONCE: u32 = 5_000;
/// How many statements one page takes at most: a page of a search that finds little is short, and the next one goes on.
const STATEMENTS_MAX: u32 = 4;

/// A named filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchRow {
    pub name: SearchName,
    pub filter: AssetFilter,
    pub created_by: String,
    pub created_at: Timestamp,
    /// +1 per change.
    pub revision: i64,
}

const COLUMNS: &str = "name, filter, created_by, created_at, revision FROM saved_searches";

fn read(row: &sqlx::any::AnyRow) -> Result<SearchRow, CatalogError> {
    let filter = serde_json::from_str(&row.text(1)?);
    Ok(SearchRow {
        name: row.parsed(0)?,
        filter: filter.map_err(|error| corrupt(format!("a filter that can't be read: {error}")))?,
        created_by: row.text(2)?,
        created_at: row.time(3)?,
        revision: row.int(4)?,
    })
}

impl Catalog {
    /// A saved search.
    pub async fn saved_search(&self, project: i64, name: &SearchName) -> Result<Option<SearchRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} WHERE project = $1 AND name = $2"))
            .bind(project)
            .bind(name.to_string())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// A project's saved searches by name.
    pub async fn saved_searches(&self, project: i64, after: &str, limit: u32) -> Result<Page<SearchRow>, CatalogError> {
        let rows = query(format!("SELECT {COLUMNS} WHERE project = $1 AND name > $2 ORDER BY name LIMIT $3"))
            .bind(project)
            .bind(after.to_owned())
            .bind(i64::from(limit) + 1)
            .fetch_all(&self.reader)
            .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |search| Cursor::after(&search.name)))
    }

    /// The assets that a filter finds, by path. A page may be short, even empty, where the next one goes on.
    pub async fn filtered_assets(
        &self,
        project: i64,
        filter: &AssetFilter,
        after: &str,
        limit: u32,
    ) -> Result<Page<AssetRow>, CatalogError> {
        let (mut items, mut after) = (Vec::new(), after.to_owned());
        for _ in 0..STATEMENTS_MAX {
            let looked_at = self.assets_to_filter(project, filter, &after).await?;
            let is_last = looked_at.len() < ROWS_AT_ONCE as usize;
            for asset in looked_at {
                after.clone_from(&asset.path);
                if filter.fits(&asset.path, &asset.latest.media_type, &asset.latest.metadata) {
                    items.push(asset);
                    if items.len() > limit as usize {
                        return Ok(Page::cut(items, limit, |asset| Cursor::after(&asset.path)));
                    }
                }
            }
            if is_last {
                return Ok(Page { items, next: None });
            }
        }
        Ok(Page { items, next: Some(Cursor::after(after)) })
    }

    /// The next assets of which all holds that a database compares.
    async fn assets_to_filter(
        &self,
        project: i64,
        filter: &AssetFilter,
        after: &str,
    ) -> Result<Vec<AssetRow>, CatalogError> {
        let folder = filter.folder.clone().unwrap_or_else(FolderPath::root);
        let (first, end) = asset::range(&folder);
        let maker = filter.made_by.clone();
        let rows = query(format!(
            "SELECT {} WHERE s.project = $1 AND s.path >= $2 AND s.path < $3 AND s.path > $4 AND s.deleted_at IS NULL \
             AND v.at >= $5 {} ORDER BY s.path LIMIT $6",
            asset::whole(),
            if maker.is_some() { "AND (a.actor_name = $7 OR a.actor = $8)" } else { "" }
        ))
        .bind(project)
        .bind(first)
        .bind(end)
        .bind(after.to_owned())
        .bind(filter.changed_since.map_or(i64::MIN, Timestamp::as_micros))
        .bind(i64::from(ROWS_AT_ONCE));
        let rows = match maker {
            Some(maker) => rows.bind(maker.clone()).bind(format!("@{maker}")),
            None => rows,
        };
        rows.fetch_all(&self.reader).await?.iter().map(asset::read).collect()
    }
}

impl Write {
    /// A saved search, as it stands in this change.
    pub async fn saved_search(&mut self, project: i64, name: &SearchName) -> Result<Option<SearchRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} WHERE project = $1 AND name = $2"))
            .bind(project)
            .bind(name.to_string())
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// How many saved searches a project has.
    pub async fn count_saved_searches(&mut self, project: i64) -> Result<usize, CatalogError> {
        let row = query("SELECT COUNT(*) FROM saved_searches WHERE project = $1").bind(project);
        let count = row.fetch_one(self.connection()).await?.size(0)?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// Adds a saved search, or changes its filter.
    pub async fn put_saved_search(&mut self, project: i64, search: &SearchRow) -> Result<(), CatalogError> {
        let filter = serde_json::to_string(&search.filter).expect("a filter consists of texts, which JSON can hold");
        query(
            "INSERT INTO saved_searches (project, name, filter, created_by, created_at, revision) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (project, name) DO UPDATE \
             SET filter = excluded.filter, revision = excluded.revision",
        )
        .bind(project)
        .bind(search.name.to_string())
        .bind(filter)
        .bind(search.created_by.clone())
        .bind(search.created_at.as_micros())
        .bind(search.revision)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Removes a saved search.
    pub async fn remove_saved_search(&mut self, project: i64, name: &SearchName) -> Result<(), CatalogError> {
        query("DELETE FROM saved_searches WHERE project = $1 AND name = $2")
            .bind(project)
            .bind(name.to_string())
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
