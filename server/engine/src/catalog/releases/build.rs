//! Builds: immutable outcomes of releases.

use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::name::{BuildName, EnvironmentName, ReleaseNumber};
use shelfmark_domain::time::Timestamp;

use super::environment::build_name;
use crate::catalog::columns::{Columns as _, big};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::reading::Reading;
use crate::catalog::rows::query;
use crate::catalog::write::Write;

/// What a release's changes made of its base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildRow {
    pub name: BuildName,
    pub manifest: ManifestId,
    /// `None`: built on nothing.
    pub base: Option<BuildName>,
    /// The environment whose build is the base. Promoted there, the build must not undo what has come since.
    pub tracks: Option<EnvironmentName>,
    /// How many paths it serves.
    pub pins: u64,
    /// Of all pinned contents.
    pub size_bytes: u64,
    /// The id of whoever made it, and what they were called.
    pub builder: String,
    pub created_by: String,
    pub created_at: Timestamp,
}

const COLUMNS: &str = "release, number, manifest, base_release, base_build, pins, size_bytes, created_by, created_at, \
     builder, tracks FROM builds";

fn read(row: &sqlx::any::AnyRow) -> Result<BuildRow, CatalogError> {
    let base = match (row.int_or_null(3)?, row.int_or_null(4)?) {
        (Some(release), Some(build)) => Some(build_name(release, build)),
        _ => None,
    };
    Ok(BuildRow {
        name: build_name(row.int(0)?, row.int(1)?),
        manifest: row.manifest(2)?,
        base,
        tracks: row.text_or_null(10)?.map(|_| row.parsed(10)).transpose()?,
        builder: row.text(9)?,
        pins: row.size(5)?,
        size_bytes: row.size(6)?,
        created_by: row.text(7)?,
        created_at: row.time(8)?,
    })
}

impl Catalog {
    /// A build by its name.
    pub async fn build(&self, project: i64, name: BuildName) -> Result<Option<BuildRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} WHERE project = $1 AND release = $2 AND number = $3"))
            .bind(project)
            .bind(name.release.get())
            .bind(name.number)
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// A release's builds, newest first.
    pub async fn builds(
        &self,
        project: i64,
        release: ReleaseNumber,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<BuildRow>, CatalogError> {
        let rows = query(format!(
            "SELECT {COLUMNS} WHERE project = $1 AND release = $2 AND number < $3 ORDER BY number DESC LIMIT $4"
        ))
        .bind(project)
        .bind(release.get())
        .bind(before.unwrap_or(i64::MAX))
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |build| Cursor::after(build.name.number)))
    }

    /// The manifests of all builds of all projects, for checks of the whole store.
    pub async fn all_manifests(&self) -> Result<Vec<(i64, BuildName, ManifestId)>, CatalogError> {
        let rows = query("SELECT project, release, number, manifest FROM builds ORDER BY project, release, number")
            .fetch_all(&self.reader)
            .await?;
        rows.iter().map(|row| Ok((row.int(0)?, build_name(row.int(1)?, row.int(2)?), row.manifest(3)?))).collect()
    }
}

impl Reading<'_> {
    /// A build by its name.
    pub async fn build(&mut self, project: i64, name: BuildName) -> Result<Option<BuildRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} WHERE project = $1 AND release = $2 AND number = $3"))
            .bind(project)
            .bind(name.release.get())
            .bind(name.number)
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(read).transpose()
    }
}

impl Write {
    /// Adds a build. `seen` is the audit sequence up to which it knows what the environment that it tracks serves.
    pub async fn insert_build(&mut self, project: i64, build: &BuildRow, seen: i64) -> Result<(), CatalogError> {
        query(
            "INSERT INTO builds (project, release, number, manifest, base_release, base_build, pins, size_bytes, \
             created_by, created_at, builder, tracks, seen) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        )
        .bind(project)
        .bind(build.name.release.get())
        .bind(build.name.number)
        .bind(build.manifest.as_bytes().to_vec())
        .bind(build.base.map(|base| base.release.get()))
        .bind(build.base.map(|base| base.number))
        .bind(big(build.pins))
        .bind(big(build.size_bytes))
        .bind(build.created_by.clone())
        .bind(build.created_at.as_micros())
        .bind(build.builder.clone())
        .bind(build.tracks.as_ref().map(ToString::to_string))
        .bind(seen)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
