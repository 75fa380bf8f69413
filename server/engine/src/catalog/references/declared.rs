//! What people have said that assets need, though no bytes say so.

use std::collections::{HashMap, HashSet};

use shelfmark_domain::pin::AssetId;

use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::rows::{self, AnyQuery, query};
use crate::catalog::write::Write;

/// What is needed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// Whatever is at this path.
    Path(String),
    /// This asset, wherever it is.
    Asset(AssetId),
}

/// One declared reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredRow {
    /// The asset that needs something.
    pub asset: AssetId,
    /// In the words of who declared it.
    pub kind: String,
    pub need: Need,
}

/// Everything that was declared of one asset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declaration {
    /// 0 when nothing has ever been declared.
    pub revision: i64,
    pub needs: Vec<DeclaredRow>,
}

const COLUMNS: &str = "d.asset, d.kind, d.target_path, d.target_asset FROM declared_references d";

fn read(row: &sqlx::any::AnyRow) -> Result<DeclaredRow, CatalogError> {
    let need = match (row.text_or_null(2)?, row.bytes_or_null(3)?) {
        (Some(path), None) => Need::Path(path),
        (None, Some(_)) => Need::Asset(row.asset(3)?),
        _ => return Err(corrupt("a declared reference to nothing, or to two things")),
    };
    Ok(DeclaredRow { asset: row.asset(0)?, kind: row.text(1)?, need })
}

impl Catalog {
    /// What was declared of an asset.
    pub async fn declaration(&self, asset: AssetId) -> Result<Declaration, CatalogError> {
        let mut connection = self.reader.acquire().await?;
        declaration(&mut connection, asset).await
    }

    /// What was declared of several assets.
    pub async fn declared_by(&self, assets: &[AssetId]) -> Result<Vec<DeclaredRow>, CatalogError> {
        let mut connection = self.reader.acquire().await?;
        let head = format!("SELECT {COLUMNS} WHERE d.asset IN");
        let bind = |query: AnyQuery, asset: &AssetId| query.bind(asset.0.to_vec());
        let rows = rows::select_in(&mut connection, &head, "", (0, |query| query), assets, bind).await?;
        rows.iter().map(read).collect()
    }

    /// Those of the assets that are in a project, deleted or not.
    pub async fn assets_of_project(&self, project: i64, assets: &[AssetId]) -> Result<HashSet<AssetId>, CatalogError> {
        let mut connection = self.reader.acquire().await?;
        let bind = |query: AnyQuery, asset: &AssetId| query.bind(asset.0.to_vec());
        let fixed = (1, |query: AnyQuery| query.bind(project));
        let head = "SELECT id FROM assets WHERE project = $1 AND id IN";
        let rows = rows::select_in(&mut connection, head, "", fixed, assets, bind).await?;
        rows.iter().map(|row| row.asset(0)).collect()
    }

    /// Who has been declared to need a path, or the asset; by path, with where they are now.
    pub async fn declaring(
        &self,
        project: i64,
        path: &str,
        asset: Option<AssetId>,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(String, DeclaredRow)>, CatalogError> {
        // Two ways in, each by its index: a database would take neither for an OR.
        let rows = query(format!(
            "SELECT asset, kind, target_path, target_asset, path FROM \
             (SELECT {COLUMNS_OF}, s.path FROM declared_references d JOIN assets s ON s.id = d.asset \
              WHERE d.project = $1 AND d.target_path = $2 AND s.deleted_at IS NULL AND s.path > $3 \
              UNION ALL SELECT {COLUMNS_OF}, s.path FROM declared_references d JOIN assets s ON s.id = d.asset \
              WHERE d.target_asset = $4 AND s.deleted_at IS NULL AND s.path > $5) needs ORDER BY path LIMIT $6",
            COLUMNS_OF = "d.asset, d.kind, d.target_path, d.target_asset"
        ))
        .bind(project)
        .bind(path.to_owned())
        .bind(after.to_owned())
        .bind(asset.map_or_else(Vec::new, |asset| asset.0.to_vec()))
        .bind(after.to_owned())
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(|row| Ok((row.text(4)?, read(row)?))).collect()
    }

    /// Where assets are now and where some release has put them: in no build have they been elsewhere.
    pub async fn paths_of(&self, assets: &[AssetId]) -> Result<HashMap<AssetId, Vec<String>>, CatalogError> {
        let mut connection = self.reader.acquire().await?;
        let mut paths: HashMap<AssetId, Vec<String>> = HashMap::new();
        for head in [
            "SELECT id, path FROM assets WHERE id IN",
            "SELECT DISTINCT asset, key FROM changes WHERE kind = 'pin' AND asset IN",
        ] {
            let bind = |query: AnyQuery, asset: &AssetId| query.bind(asset.0.to_vec());
            let rows = rows::select_in(&mut connection, head, "", (0, |query| query), assets, bind).await?;
            for row in &rows {
                let (of_asset, path) = (paths.entry(row.asset(0)?).or_default(), row.text(1)?);
                if !of_asset.contains(&path) {
                    of_asset.push(path);
                }
            }
        }
        Ok(paths)
    }
}

async fn declaration(connection: &mut sqlx::AnyConnection, asset: AssetId) -> Result<Declaration, CatalogError> {
    let revision = query("SELECT revision FROM declarations WHERE asset = $1")
        .bind(asset.0.to_vec())
        .fetch_optional(&mut *connection)
        .await?;
    let needs = query(format!("SELECT {COLUMNS} WHERE d.asset = $1 ORDER BY d.position"))
        .bind(asset.0.to_vec())
        .fetch_all(connection)
        .await?;
    let revision = revision.map_or(Ok(0), |row| row.int(0))?;
    Ok(Declaration { revision, needs: needs.iter().map(read).collect::<Result<_, _>>()? })
}

impl Write {
    /// What was declared of an asset, as it stands in this change.
    pub async fn declaration(&mut self, asset: AssetId) -> Result<Declaration, CatalogError> {
        declaration(self.connection(), asset).await
    }

    /// Puts what is declared of an asset in the place of what was.
    pub async fn put_declaration(
        &mut self,
        project: i64,
        asset: AssetId,
        declaration: &Declaration,
        sequence: i64,
    ) -> Result<(), CatalogError> {
        query("DELETE FROM declared_references WHERE asset = $1")
            .bind(asset.0.to_vec())
            .execute(self.connection())
            .await?;
        query(
            "INSERT INTO declarations (asset, revision, audit) VALUES ($1, $2, $3) ON CONFLICT (asset) DO UPDATE \
             SET revision = excluded.revision, audit = excluded.audit",
        )
        .bind(asset.0.to_vec())
        .bind(declaration.revision)
        .bind(sequence)
        .execute(self.connection())
        .await?;
        rows::insert(
            self.connection(),
            "INSERT INTO declared_references (asset, position, project, kind, target_path, target_asset)",
            "",
            6,
            &(0_i64..).zip(&declaration.needs).collect::<Vec<_>>(),
            |query, (position, row)| {
                let (path, needed) = match &row.need {
                    Need::Path(path) => (Some(path.clone()), None),
                    Need::Asset(asset) => (None, Some(asset.0.to_vec())),
                };
                query
                    .bind(asset.0.to_vec())
                    .bind(*position)
                    .bind(project)
                    .bind(row.kind.clone())
                    .bind(path)
                    .bind(needed)
            },
        )
        .await?;
        Ok(())
    }
}
