//! The changes of releases: one line per key of the manifest.

use std::collections::HashMap;

use shelfmark_domain::hash::ContentId;
use shelfmark_domain::name::ReleaseNumber;
use shelfmark_domain::path::FolderPath;
use shelfmark_domain::pin::{AssetId, Entry, Parameter, Pin, Visibility};
use shelfmark_domain::time::Timestamp;

use crate::catalog::assets::asset::range;
use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::rows::{self, query};
use crate::catalog::write::Write;

/// What a change does to its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeValue {
    /// Serve this version of this asset here.
    Pin {
        asset: AssetId,
        version: i64,
    },
    Parameter(Parameter),
    Access(Visibility),
    /// Serve nothing here any more.
    Remove,
}

/// One line of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRow {
    /// The manifest's key.
    pub key: String,
    pub value: ChangeValue,
}

impl ChangeRow {
    /// What a build serves at the key because of this line, given the pin that it names; `None` for nothing.
    ///
    /// # Errors
    /// `Corrupt` for a line that names a version which isn't there.
    pub fn into_entry(self, pin: Option<Pin>) -> Result<(String, Option<Entry>), CatalogError> {
        let entry = match (self.value, pin) {
            (ChangeValue::Pin { .. }, Some(pin)) => Some(Entry::Pin(pin)),
            (ChangeValue::Parameter(parameter), _) => Some(Entry::Parameter(parameter)),
            (ChangeValue::Access(visibility), _) => Some(Entry::Access(visibility)),
            (ChangeValue::Remove, _) => None,
            (ChangeValue::Pin { .. }, None) => {
                return Err(corrupt(format!("a change of {} that names no version", self.key)));
            }
        };
        Ok((self.key, entry))
    }
}

/// A listed change, with what people want to see of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedChange {
    pub change: ChangeRow,
    /// The content of the version, for a pin.
    pub content: Option<ContentId>,
    pub added_by: String,
    pub added_at: Timestamp,
}

fn json<T: serde::de::DeserializeOwned>(row: &sqlx::any::AnyRow, at: usize) -> Result<T, CatalogError> {
    let text = row.text(at)?;
    serde_json::from_str(&text).map_err(|error| corrupt(format!("a change that can't be read: {error}")))
}

/// Reads `key, kind, asset, version, value`, from a column on.
pub(crate) fn read(row: &sqlx::any::AnyRow, first: usize) -> Result<ChangeRow, CatalogError> {
    let value = match row.text(first + 1)?.as_str() {
        "pin" => ChangeValue::Pin { asset: row.asset(first + 2)?, version: row.int(first + 3)? },
        "parameter" => ChangeValue::Parameter(json(row, first + 4)?),
        "access" => ChangeValue::Access(json(row, first + 4)?),
        "remove" => ChangeValue::Remove,
        other => return Err(corrupt(format!("{other:?} as a kind of change"))),
    };
    Ok(ChangeRow { key: row.text(first)?, value })
}

const COMPLETE: &str = "c.key, c.kind, c.asset, c.version, c.value, v.content, v.size_bytes, v.media_type, v.width, \
     v.height, v.at, v.metadata FROM changes c LEFT JOIN versions v ON v.asset = c.asset AND v.number = c.version";

fn read_complete(row: &sqlx::any::AnyRow) -> Result<(ChangeRow, Option<Pin>), CatalogError> {
    let change = read(row, 0)?;
    let ChangeValue::Pin { asset, version } = change.value else { return Ok((change, None)) };
    let pin = Pin {
        asset,
        version,
        content: row.content(5)?,
        size_bytes: row.size(6)?,
        media_type: row.text(7)?,
        dimensions: row.dimensions(8, 9)?,
        modified_at: row.time(10)?,
        metadata: row.metadata(11)?,
    };
    Ok((change, Some(pin)))
}

fn to_json(value: &impl serde::Serialize) -> Option<String> {
    Some(serde_json::to_string(value).expect("a parameter and a visibility consist of texts, which JSON can hold"))
}

impl Catalog {
    /// The first key in a folder that a release changes.
    pub async fn first_change_in(
        &self,
        project: i64,
        release: ReleaseNumber,
        folder: &FolderPath,
    ) -> Result<Option<String>, CatalogError> {
        let (first, end) = range(folder);
        let row = query(
            "SELECT key FROM changes WHERE project = $1 AND release = $2 AND key >= $3 AND key < $4 ORDER BY key LIMIT 1",
        )
        .bind(project)
        .bind(release.get())
        .bind(first)
        .bind(end)
        .fetch_optional(&self.reader)
        .await?;
        row.map(|row| row.text(0)).transpose()
    }

    /// A release's changes by key.
    pub async fn changes(
        &self,
        project: i64,
        release: ReleaseNumber,
        after: &str,
        limit: u32,
    ) -> Result<Page<PinnedChange>, CatalogError> {
        let rows = query(
            "SELECT c.key, c.kind, c.asset, c.version, c.value, v.content, a.actor_name, a.at FROM changes c \
             LEFT JOIN versions v ON v.asset = c.asset AND v.number = c.version JOIN audit a ON a.sequence = c.audit \
             WHERE c.project = $1 AND c.release = $2 AND c.key > $3 ORDER BY c.key LIMIT $4",
        )
        .bind(project)
        .bind(release.get())
        .bind(after.to_owned())
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let read = |row: &sqlx::any::AnyRow| {
            let change = read(row, 0)?;
            let content = matches!(change.value, ChangeValue::Pin { .. }).then(|| row.content(5)).transpose()?;
            Ok(PinnedChange { change, content, added_by: row.text(6)?, added_at: row.time(7)? })
        };
        let items: Result<Vec<_>, CatalogError> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |listed| Cursor::after(&listed.change.key)))
    }

    /// How many lines each of these releases has; those without any are left out.
    pub async fn count_changes_of(
        &self,
        project: i64,
        releases: &[ReleaseNumber],
    ) -> Result<HashMap<ReleaseNumber, i64>, CatalogError> {
        let mut connection = self.reader.acquire().await?;
        let rows = rows::select_in(
            &mut connection,
            "SELECT release, COUNT(*) FROM changes WHERE project = $1 AND release IN",
            "GROUP BY release",
            (1, |query| query.bind(project)),
            releases,
            |query, release| query.bind(release.get()),
        )
        .await?;
        rows.iter().map(|row| Ok((ReleaseNumber::new(row.int(0)?), row.int(1)?))).collect()
    }

    /// A release's changes by key, each pin complete: what a build needs.
    pub async fn changes_to_build(
        &self,
        project: i64,
        release: ReleaseNumber,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(ChangeRow, Option<Pin>)>, CatalogError> {
        let rows = query(format!(
            "SELECT {COMPLETE} WHERE c.project = $1 AND c.release = $2 AND c.key > $3 ORDER BY c.key LIMIT $4"
        ))
        .bind(project)
        .bind(release.get())
        .bind(after.to_owned())
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(read_complete).collect()
    }

    /// The lines of a release with these keys, each pin complete.
    pub async fn changes_of_keys(
        &self,
        project: i64,
        release: ReleaseNumber,
        keys: &[String],
    ) -> Result<Vec<(ChangeRow, Option<Pin>)>, CatalogError> {
        let mut connection = self.reader.acquire().await?;
        let rows = rows::select_in(
            &mut connection,
            &format!("SELECT {COMPLETE} WHERE c.project = $1 AND c.release = $2 AND c.key IN"),
            "",
            (2, |query| query.bind(project).bind(release.get())),
            keys,
            |query, key| query.bind(key.clone()),
        )
        .await?;
        rows.iter().map(read_complete).collect()
    }
}

impl Write {
    /// Adds lines to a release; a line takes the place of an earlier one for the same key.
    pub async fn put_changes(
        &mut self,
        project: i64,
        release: ReleaseNumber,
        changes: &[ChangeRow],
        sequence: i64,
    ) -> Result<(), CatalogError> {
        rows::insert(
            self.connection(),
            "INSERT INTO changes (project, release, key, kind, asset, version, value, audit)",
            "ON CONFLICT (project, release, key) DO UPDATE SET kind = excluded.kind, asset = excluded.asset, \
             version = excluded.version, value = excluded.value, audit = excluded.audit",
            8,
            changes,
            |query, change| {
                let (kind, pin, value) = match &change.value {
                    ChangeValue::Pin { asset, version } => ("pin", Some((asset, *version)), None),
                    ChangeValue::Parameter(parameter) => ("parameter", None, to_json(parameter)),
                    ChangeValue::Access(visibility) => ("access", None, to_json(visibility)),
                    ChangeValue::Remove => ("remove", None, None),
                };
                query
                    .bind(project)
                    .bind(release.get())
                    .bind(change.key.clone())
                    .bind(kind)
                    .bind(pin.map(|(asset, _)| asset.0.to_vec()))
                    .bind(pin.map(|(_, version)| version))
                    .bind(value)
                    .bind(sequence)
            },
        )
        .await?;
        Ok(())
    }

    /// Takes lines out of a release; returns how many there were.
    pub async fn remove_changes(
        &mut self,
        project: i64,
        release: ReleaseNumber,
        keys: &[String],
    ) -> Result<u64, CatalogError> {
        rows::execute_in(
            self.connection(),
            "DELETE FROM changes WHERE project = $1 AND release = $2 AND key IN",
            "",
            (2, |query| query.bind(project).bind(release.get())),
            keys,
            |query, key| query.bind(key.clone()),
        )
        .await
    }

    /// Takes the lines for paths in a folder out of a release; parameters and access rules stay.
    pub async fn remove_changes_in(
        &mut self,
        project: i64,
        release: ReleaseNumber,
        folder: &FolderPath,
    ) -> Result<u64, CatalogError> {
        let (first, end) = range(folder);
        let removed = query(
            "DELETE FROM changes WHERE project = $1 AND release = $2 AND key >= $3 AND key < $4 \
             AND NOT (key >= '-/' AND key < '-0')",
        )
        .bind(project)
        .bind(release.get())
        .bind(first)
        .bind(end)
        .execute(self.connection())
        .await?;
        Ok(removed.rows_affected())
    }

    /// How many lines a release has in this change.
    pub async fn count_changes(&mut self, project: i64, release: ReleaseNumber) -> Result<i64, CatalogError> {
        let row = query("SELECT COUNT(*) FROM changes WHERE project = $1 AND release = $2")
            .bind(project)
            .bind(release.get())
            .fetch_one(self.connection())
            .await?;
        row.int(0)
    }
}
