//! What differs between two builds, environments or the library.

use std::collections::BTreeMap;
use std::convert::Infallible;

use actix_web::http::header::{ACCEPT, CONTENT_TYPE};
use actix_web::{HttpResponse, get};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use shelfmark_domain::hash::ContentId;
use shelfmark_domain::metadata::FieldDifference;
use shelfmark_domain::name::{BuildName, EnvironmentName, ReleaseNumber};
use shelfmark_domain::pin::{Entry, Key, Parameter, Visibility};
use shelfmark_engine::catalog::{Cursor, ProjectRow};
use shelfmark_engine::operations::{self, ChangeKind, Compared, Side};

use crate::http::assets::metadata::MetadataFields;
use crate::http::extract::{Asked, Paging};
use crate::web::Problem;

const NDJSON: &str = "application/x-ndjson";
/// Lines that are written at a time.
const LINES_AT_ONCE: usize = 256;

/// What to compare, and which page of the differences.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CompareQuery {
    /// `environment:NAME`, `environment:NAME@2026-03-01T17:00:00Z` for what it served then, `R-12.3`, `release:R-12` for
    /// its latest build, `latest` for the library as it is, or `empty`.
    from: String,
    /// The same.
    to: String,
    /// Most items on the page.
    #[param(value_type = Option<u32>, minimum = 1)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Differences by key, and how many there are on all pages.
#[derive(Debug, Serialize, ToSchema)]
pub struct ComparisonView {
    from: String,
    to: String,
    totals: TotalsView,
    items: Vec<DifferenceView>,
    /// Where the next page starts. Null after the last one.
    next_cursor: Option<String>,
}

/// Sums over all differences.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct TotalsView {
    added: u64,
    changed: u64,
    removed: u64,
    moved: u64,
    /// Of the contents that differ, as they were.
    bytes_before: u64,
    /// Of the contents that differ, as they are then.
    bytes_after: u64,
    /// How many of the differences are parameters.
    parameters: u64,
    /// How many of the differences are access rules.
    access_rules: u64,
}

/// One difference.
#[derive(Debug, Serialize, ToSchema)]
pub struct DifferenceView {
    key: String,
    /// asset, parameter or access.
    #[schema(example = "asset")]
    kind: &'static str,
    /// added, changed, removed or moved.
    #[schema(example = "changed")]
    change: &'static str,
    /// Of an asset.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// Where a moved asset was.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<EntryView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<EntryView>,
    /// Of an asset that was there before: whether its bytes differ, and not only what is said about them.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_changed: Option<bool>,
    /// Of an asset that was there before: what is said differently about it, by field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    metadata: Vec<FieldView>,
}

/// A field of metadata that is said differently.
#[derive(Debug, Serialize, ToSchema)]
pub struct FieldView {
    /// Such as `alt_text`, or `fields.campaign` for a custom field.
    #[schema(example = "alt_text")]
    field: String,
    /// Null where nothing was said.
    #[schema(value_type = Option<Object>)]
    before: Option<serde_json::Value>,
    /// Null where nothing is said.
    #[schema(value_type = Option<Object>)]
    after: Option<serde_json::Value>,
}

impl From<FieldDifference> for FieldView {
    fn from(FieldDifference { field, before, after }: FieldDifference) -> Self {
        Self { field, before, after }
    }
}

/// What a manifest says about a key.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum EntryView {
    Asset {
        #[schema(value_type = String, format = "uuid")]
        asset: Uuid,
        version: i64,
        #[schema(value_type = String)]
        content: ContentId,
        size_bytes: u64,
        media_type: String,
        width: Option<u32>,
        height: Option<u32>,
        metadata: Box<MetadataFields>,
    },
    Parameter {
        value: String,
        #[schema(value_type = BTreeMap<String, String>)]
        by_environment: BTreeMap<EnvironmentName, String>,
    },
    Access {
        #[schema(value_type = String, example = "private")]
        visibility: Visibility,
    },
}

impl From<Entry> for EntryView {
    fn from(entry: Entry) -> Self {
        match entry {
            Entry::Pin(pin) => {
                let (width, height) = pin.dimensions.unzip();
                Self::Asset {
                    asset: Uuid::from_bytes(pin.asset.0),
                    version: pin.version,
                    content: pin.content,
                    size_bytes: pin.size_bytes,
                    media_type: pin.media_type,
                    width,
                    height,
                    metadata: Box::new(pin.metadata.into()),
                }
            }
            Entry::Parameter(Parameter { value, by_environment }) => Self::Parameter { value, by_environment },
            Entry::Access(visibility) => Self::Access { visibility },
        }
    }
}

impl From<Compared> for DifferenceView {
    fn from(compared: Compared) -> Self {
        let Compared { kind: change, difference, from_key: from_path } = compared;
        let key = difference.key;
        let (content_changed, metadata) = match (&difference.before, &difference.after) {
            (Some(Entry::Pin(before)), Some(Entry::Pin(after))) => {
                let fields = before.metadata.differences(&after.metadata);
                (Some(before.content != after.content), fields.into_iter().map(FieldView::from).collect())
            }
            _ => (None, Vec::new()),
        };
        let kind = match Key::parse(&key) {
            Some(Key::Parameter(_)) => "parameter",
            Some(Key::Access(_)) => "access",
            Some(Key::Path(_)) | None => "asset",
        };
        Self {
            path: (kind == "asset").then(|| key.clone()),
            key,
            kind,
            change: change_name(change),
            from_path,
            before: difference.before.map(EntryView::from),
            after: difference.after.map(EntryView::from),
            content_changed,
            metadata,
        }
    }
}

fn change_name(change: ChangeKind) -> &'static str {
    match change {
        ChangeKind::Added => "added",
        ChangeKind::Changed => "changed",
        ChangeKind::Removed => "removed",
        ChangeKind::Moved => "moved",
    }
}

impl TotalsView {
    pub fn of(compared: &[Compared]) -> Self {
        let size = |entry: &Option<Entry>| match entry {
            Some(Entry::Pin(pin)) => pin.size_bytes,
            Some(Entry::Parameter(_) | Entry::Access(_)) | None => 0,
        };
        let mut totals = Self::default();
        for Compared { kind, difference, .. } in compared {
            *match kind {
                ChangeKind::Added => &mut totals.added,
                ChangeKind::Changed => &mut totals.changed,
                ChangeKind::Removed => &mut totals.removed,
                ChangeKind::Moved => &mut totals.moved,
            } += 1;
            match Key::parse(&difference.key) {
                Some(Key::Parameter(_)) => totals.parameters += 1,
                Some(Key::Access(_)) => totals.access_rules += 1,
                Some(Key::Path(_)) | None => {}
            }
            totals.bytes_before += size(&difference.before);
            totals.bytes_after += size(&difference.after);
        }
        totals
    }
}

/// Compares two states of what is served.
///
/// With `Accept: application/x-ndjson` the answer is all differences, one JSON object a line and no pages.
#[utoipa::path(tag = "releases", params(CompareQuery), responses((status = 200,
    content((ComparisonView = "application/json"), (DifferenceView = "application/x-ndjson")))))]
#[get("/projects/{project}/compare")]
pub async fn compare(asked: Asked) -> Result<HttpResponse, Problem> {
    let CompareQuery { from, to, limit, cursor } = asked.query()?;
    let page = asked.paging(limit, cursor, asked.config().limits.page_max)?;
    let compared = compared(&asked, &from, &to).await?;
    let accept = asked.request.headers().get(ACCEPT);
    if accept.is_some_and(|accept| accept.as_bytes().starts_with(NDJSON.as_bytes())) {
        let lines = stream::iter(compared).chunks(LINES_AT_ONCE).map(|lines| Ok::<_, Infallible>(text(lines)));
        return Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, NDJSON)).streaming(lines));
    }
    let totals = TotalsView::of(&compared);
    let (items, next_cursor) = cut(compared, &page);
    Ok(HttpResponse::Ok().json(ComparisonView { from, to, totals, items, next_cursor }))
}

/// What differs between two sides.
///
/// # Errors
/// Invalid for what is no side, not found.
pub async fn compared(asked: &Asked, from: &str, to: &str) -> Result<Vec<Compared>, Problem> {
    let caller = asked.caller().await?;
    let project = asked.readable_project().await?;
    let sides = (side(asked, &project, "from", from).await?, side(asked, &project, "to", to).await?);
    Ok(operations::compare(asked.engine(), &caller, &project.name, &sides.0, &sides.1).await?)
}

fn text(compared: Vec<Compared>) -> Bytes {
    let mut text = Vec::with_capacity(compared.len() * 512);
    for line in compared {
        serde_json::to_writer(&mut text, &DifferenceView::from(line)).expect("a line consists of texts and numbers");
        text.push(b'\n');
    }
    text.into()
}

/// The page of the differences, which are sorted by key.
fn cut(compared: Vec<Compared>, page: &Paging) -> (Vec<DifferenceView>, Option<String>) {
    let start = match page.key() {
        "" => 0,
        key => compared.partition_point(|compared| compared.difference.key.as_str() <= key),
    };
    let rest = compared.len() - start;
    let items: Vec<DifferenceView> =
        compared.into_iter().skip(start).take(page.limit as usize).map(DifferenceView::from).collect();
    let next = items.last().filter(|_| items.len() < rest).map(|last| Cursor::after(&last.key).to_string());
    (items, next)
}

/// Reads a side. A release stands for its latest build.
async fn side(asked: &Asked, project: &ProjectRow, field: &'static str, text: &str) -> Result<Side, Problem> {
    let invalid = |why: String| Problem::invalid(field, why);
    match text {
        "latest" => return Ok(Side::Latest),
        "empty" => return Ok(Side::Empty),
        _ => {}
    }
    if let Some(name) = text.strip_prefix("environment:") {
        if let Some((name, at)) = name.split_once('@') {
            let name = name.parse().map_err(|why| Problem::invalid(field, why))?;
            let at = at.parse().map_err(|why| Problem::invalid(field, why))?;
            return Ok(Side::EnvironmentAt(name, at));
        }
        return name.parse().map(Side::Environment).map_err(|why| Problem::invalid(field, why));
    }
    let name = text.strip_prefix("release:").unwrap_or(text);
    if let Ok(build) = name.parse::<BuildName>() {
        return Ok(Side::Build(build));
    }
    let Ok(number) = name.parse::<ReleaseNumber>() else {
        return Err(invalid(format!(
            "{text:?} is nothing to compare: write environment:NAME, environment:NAME@INSTANT, R-12.3, release:R-12, latest or empty"
        )));
    };
    let release = asked.catalog().release(project.number, number).await?;
    let release = release.ok_or_else(|| Problem::not_found(format!("there is no release {number} in this project")))?;
    if release.last_build == 0 {
        return Err(Problem::not_found(format!("release {number} has no build yet; build it first")));
    }
    Ok(Side::Build(BuildName { release: number, number: release.last_build }))
}
