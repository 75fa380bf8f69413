//! What was found in contents.

use std::collections::{HashMap, HashSet};

use shelfmark_domain::hash::{ContentId, ManifestId};
use shelfmark_domain::pin::AssetId;
use shelfmark_domain::references::{EXTRACTOR, Format, Found};

use super::place::{self, NewPlace};
use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::rows::{self, query};

/// A content that has been read, with what it refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExaminedContent {
    pub content: ContentId,
    pub format: Format,
    pub found: Vec<Found>,
}

/// What was found out, to be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    pub contents: Vec<ExaminedContent>,
    pub places: Vec<NewPlace>,
    /// Manifests all of whose pins have been placed, by the project's number.
    pub manifests: Vec<(i64, ManifestId)>,
    /// Assets that were pending, and since which change.
    pub settled: Vec<(AssetId, i64)>,
}

impl Findings {
    fn is_empty(&self) -> bool {
        let Self { contents, places, manifests, settled } = self;
        contents.is_empty() && places.is_empty() && manifests.is_empty() && settled.is_empty()
    }
}

impl Catalog {
    /// What the contents refer to, those that have been examined by this extractor or a later one.
    pub async fn found_references(
        &self,
        contents: &[ContentId],
    ) -> Result<HashMap<(ContentId, Format), Vec<Found>>, CatalogError> {
        let mut connection = self.reader.acquire().await?;
        let bytes = |query: rows::AnyQuery, content: &ContentId| query.bind(content.as_bytes().to_vec());
        let examined = rows::select_in(
            &mut connection,
            "SELECT content, format FROM examined_contents WHERE extractor >= $1 AND content IN",
            "",
            (1, |query: rows::AnyQuery| query.bind(EXTRACTOR)),
            contents,
            bytes,
        )
        .await?;
        let mut found = HashMap::new();
        for row in &examined {
            found.insert((row.content(0)?, format(&row.text(1)?)?), Vec::new());
        }
        let known: HashSet<ContentId> = found.keys().map(|(content, _)| *content).collect();
        let rows = rows::select_in(
            &mut connection,
            "SELECT content, format, written, base, possible FROM found_references WHERE content IN",
            "ORDER BY content, format, position",
            (0, |query: rows::AnyQuery| query),
            &known.into_iter().collect::<Vec<_>>(),
            bytes,
        )
        .await?;
        for row in &rows {
            if let Some(of_content) = found.get_mut(&(row.content(0)?, format(&row.text(1)?)?)) {
                let (written, base) = (row.text(2)?, row.text(3)?);
                of_content.push(Found { written, base, is_possible: row.int(4)? != 0 });
            }
        }
        Ok(found)
    }

    /// Whether all pins of a manifest have been placed.
    pub async fn is_examined(&self, project: i64, manifest: ManifestId) -> Result<bool, CatalogError> {
        let row = query("SELECT 1 FROM examined_manifests WHERE project = $1 AND manifest = $2 AND extractor >= $3")
            .bind(project)
            .bind(manifest.as_bytes().to_vec())
            .bind(EXTRACTOR)
            .fetch_optional(&self.reader)
            .await?;
        Ok(row.is_some())
    }

    /// Keeps what was found out, and then takes out what was pending for it. Others may keep the same at the same time:
    /// it is the same.
    pub async fn keep_findings(&self, findings: &Findings) -> Result<(), CatalogError> {
        if findings.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin_writing().await?;
        keep_contents(&mut tx, &findings.contents).await?;
        place::keep(&mut tx, &findings.places).await?;
        rows::insert(
            &mut tx,
            "INSERT INTO examined_manifests (project, manifest, extractor)",
            "ON CONFLICT (project, manifest) DO UPDATE SET extractor = excluded.extractor",
            3,
            &findings.manifests,
            |query, (project, manifest)| query.bind(*project).bind(manifest.as_bytes().to_vec()).bind(EXTRACTOR),
        )
        .await?;
        tx.commit().await?;
        self.settle_references(&findings.settled).await
    }

    /// Forgets what was found in contents that no version has any more; at most so many at a time. Returns how many.
    pub async fn sweep_references(&self, limit: u32) -> Result<u64, CatalogError> {
        let gone = query(
            "SELECT DISTINCT e.content FROM examined_contents e \
             WHERE NOT EXISTS (SELECT 1 FROM versions v WHERE v.content = e.content) LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        let gone: Vec<ContentId> = gone.iter().map(|row| row.content(0)).collect::<Result<_, _>>()?;
        if gone.is_empty() {
            return Ok(0);
        }
        let mut tx = self.begin_writing().await?;
        for statement in [
            "DELETE FROM reference_targets WHERE place IN (SELECT id FROM reference_places WHERE content IN",
            "DELETE FROM reference_places WHERE content IN",
            "DELETE FROM found_references WHERE content IN",
            "DELETE FROM examined_contents WHERE content IN",
        ] {
            let tail = if statement.contains("(SELECT") { ")" } else { "" };
            let bytes = |query: rows::AnyQuery, content: &ContentId| query.bind(content.as_bytes().to_vec());
            rows::execute_in(&mut tx, statement, tail, (0, |query| query), &gone, bytes).await?;
        }
        tx.commit().await?;
        Ok(gone.len() as u64)
    }
}

/// A format as the catalog writes it.
pub(super) fn format(text: &str) -> Result<Format, CatalogError> {
    Format::parse(text).ok_or_else(|| corrupt(format!("{text:?} as a format with references")))
}

async fn keep_contents(connection: &mut sqlx::AnyConnection, examined: &[ExaminedContent]) -> Result<(), CatalogError> {
    // In one order, so that two who keep the same don't wait for each other in a circle.
    let mut examined: Vec<&ExaminedContent> = examined.iter().collect();
    examined.sort_by_key(|one| (one.content, one.format));
    rows::insert(
        connection,
        "INSERT INTO examined_contents (content, format, extractor)",
        "ON CONFLICT (content, format) DO UPDATE SET extractor = excluded.extractor",
        3,
        &examined,
        |query, one| query.bind(one.content.as_bytes().to_vec()).bind(one.format.as_str()).bind(EXTRACTOR),
    )
    .await?;
    for one in [Format::Svg, Format::Html, Format::Css, Format::Markdown, Format::Json] {
        let contents: Vec<ContentId> = examined.iter().filter(|e| e.format == one).map(|e| e.content).collect();
        rows::execute_in(
            connection,
            "DELETE FROM found_references WHERE format = $1 AND content IN", // an earlier extractor's
            "",
            (1, |query: rows::AnyQuery| query.bind(one.as_str())),
            &contents,
            |query, content| query.bind(content.as_bytes().to_vec()),
        )
        .await?;
    }
    let found = examined.iter().flat_map(|one| (0_i64..).zip(&one.found).map(move |(at, found)| (*one, at, found)));
    rows::insert(
        connection,
        "INSERT INTO found_references (content, format, position, written, base, possible)",
        "ON CONFLICT (content, format, position) DO NOTHING",
        6,
        &found.collect::<Vec<_>>(),
        |query, (one, position, found)| {
            query
                .bind(one.content.as_bytes().to_vec())
                .bind(one.format.as_str())
                .bind(*position)
                .bind(found.written.clone())
                .bind(found.base.clone())
                .bind(i64::from(found.is_possible))
        },
    )
    .await?;
    Ok(())
}
