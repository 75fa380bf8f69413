//! What two open releases change both.

use actix_web::{get, web::Json};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use shelfmark_domain::name::ReleaseNumber;
use shelfmark_domain::pin::{Parameter, Visibility};
use shelfmark_domain::release::ReleaseState;
use shelfmark_engine::catalog::{ChangeValue, ConflictRow, InvalidCursor};

use crate::http::extract::{Asked, PageQuery, PageView, Paging};
use crate::http::releases::release_of;
use crate::web::Problem;

/// Digits of the release in the cursor.
const RELEASE_DIGITS: usize = 20;

/// What a change does to its key. Which fields are there depends on its kind.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct ValueView {
    /// pin, parameter, access or remove.
    #[schema(example = "pin")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    asset: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    parameter: Option<Parameter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    visibility: Option<Visibility>,
}

impl From<ChangeValue> for ValueView {
    fn from(value: ChangeValue) -> Self {
        let none = Self::default();
        match value {
            ChangeValue::Pin { asset, version } => {
                Self { kind: "pin", asset: Some(Uuid::from_bytes(asset.0)), version: Some(version), ..none }
            }
            ChangeValue::Parameter(parameter) => Self { kind: "parameter", parameter: Some(parameter), ..none },
            ChangeValue::Access(visibility) => Self { kind: "access", visibility: Some(visibility), ..none },
            ChangeValue::Remove => Self { kind: "remove", ..none },
        }
    }
}

/// A key that another open release changes too.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConflictView {
    key: String,
    /// What this release does there.
    ours: ValueView,
    /// The other release.
    #[schema(value_type = String, example = "R-13")]
    release: ReleaseNumber,
    title: String,
    #[schema(value_type = String, example = "draft")]
    state: ReleaseState,
    /// What the other release does there.
    theirs: ValueView,
    /// Whether both come to the same, so that it doesn't matter which one is last.
    same: bool,
}

impl From<ConflictRow> for ConflictView {
    fn from(row: ConflictRow) -> Self {
        let same = row.is_same();
        let ConflictRow { line, other, other_title, other_state, other_value } = row;
        let (ours, theirs) = (line.value.into(), other_value.into());
        Self { key: line.key, ours, release: other, title: other_title, state: other_state, theirs, same }
    }
}

/// Lists what other open releases change too, by key and release.
#[utoipa::path(tag = "planning", params(PageQuery), responses((status = 200, body = PageView<ConflictView>)))]
#[get("/projects/{project}/releases/{release}/conflicts")]
pub async fn list_conflicts(asked: Asked) -> Result<Json<PageView<ConflictView>>, Problem> {
    let project = asked.readable_project().await?;
    let release = release_of(&asked, &project).await?.number;
    let page = asked.page()?;
    Ok(Json(asked.catalog().conflicts(project.number, release, place(&page)?, page.limit).await?.into()))
}

/// The place in the list after the last one that was given: its key and its other release.
fn place(page: &Paging) -> Result<(&str, i64), Problem> {
    if page.key().is_empty() {
        return Ok(("", 0));
    }
    let parts = page.key().split_at_checked(RELEASE_DIGITS);
    let parts = parts.and_then(|(release, key)| Some((key, release.parse().ok()?)));
    parts.ok_or_else(|| Problem::invalid("cursor", InvalidCursor))
}
