//! What a change would touch, before it is made.

use actix_web::{get, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use shelfmark_domain::name::{BuildName, EnvironmentName, ReleaseNumber};
use shelfmark_domain::path::AssetPath;
use shelfmark_domain::release::ReleaseState;
use shelfmark_engine::catalog::AffectedRelease;
use shelfmark_engine::operations::references::{self, AffectedEnvironment, Impact, IntendedChange, MissingReference};

use super::UserView;
use crate::http::extract::{Asked, PageView};
use crate::web::Problem;

/// What somebody means to do.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImpactQuery {
    /// Where the asset is.
    path: String,
    /// remove, replace or move; remove when absent.
    change: Option<String>,
    /// Of a move: where to.
    to: Option<String>,
    /// Most users on the page.
    #[param(value_type = Option<u32>, minimum = 1)]
    limit: Option<String>,
    /// `used_by.next_cursor` of the page before.
    cursor: Option<String>,
}

/// What a change would touch.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImpactView {
    path: String,
    /// remove, replace or move.
    change: &'static str,
    /// The asset that is there now.
    #[schema(value_type = Option<String>, format = "uuid")]
    asset: Option<Uuid>,
    /// Whether those who use it would find nothing: not when it is replaced.
    breaks: bool,
    /// Who refers to it, by path.
    used_by: PageView<UserView>,
    /// The environments that serve it. They go on with what they serve until they are promoted to.
    environments: Vec<AffectedEnvironmentView>,
    /// Lines of drafts and frozen releases for it, and for those of this page who use it.
    releases: Vec<AffectedReleaseView>,
    /// Of a move to a known path: its own references that would lead to nothing from there.
    lost: Vec<LostView>,
    /// False while contents that came in just now wait to be read: then users may be lacking.
    complete: bool,
}

/// An environment that serves the asset.
#[derive(Debug, Serialize, ToSchema)]
pub struct AffectedEnvironmentView {
    #[schema(value_type = String, example = "production")]
    environment: EnvironmentName,
    #[schema(value_type = String, example = "R-12.3")]
    build: BuildName,
    version: i64,
    path: String,
}

/// A line of a release that is under way.
#[derive(Debug, Serialize, ToSchema)]
pub struct AffectedReleaseView {
    #[schema(value_type = String, example = "R-12")]
    release: ReleaseNumber,
    title: String,
    /// draft or frozen.
    #[schema(value_type = String, example = "draft")]
    state: ReleaseState,
    path: String,
    /// The version that it pins; null where it removes the path.
    version: Option<i64>,
}

/// A reference that would lead to nothing.
#[derive(Debug, Serialize, ToSchema)]
pub struct LostView {
    reference: String,
    /// The path that it would lead to.
    path: String,
}

fn change(text: Option<&str>, to: Option<AssetPath>) -> Result<(&'static str, IntendedChange), Problem> {
    let change = match text {
        Some("move") => return Ok(("move", IntendedChange::Move(to))),
        None | Some("remove") => ("remove", IntendedChange::Remove),
        Some("replace") => ("replace", IntendedChange::Replace),
        Some(other) => {
            let why = format!("{other:?} is no change; write remove, replace or move");
            return Err(Problem::invalid("change", why));
        }
    };
    if to.is_some() {
        return Err(Problem::invalid("to", "only a move goes somewhere; leave it out, or give change=move"));
    }
    Ok(change)
}

fn path(field: &'static str, text: &str) -> Result<AssetPath, Problem> {
    text.parse().map_err(|why| Problem::invalid(field, why))
}

/// Says what changing, moving or removing an asset would touch.
#[utoipa::path(tag = "references", params(ImpactQuery), responses((status = 200, body = ImpactView)))]
#[get("/projects/{project}/impact")]
pub async fn read_impact(asked: Asked) -> Result<Json<ImpactView>, Problem> {
    let project = asked.readable_project().await?;
    let ImpactQuery { path: at, change: intended, to, limit, cursor } = asked.query()?;
    let at = path("path", &at)?;
    let to = to.map(|to| path("to", &to)).transpose()?;
    let (name, intended) = change(intended.as_deref(), to)?;
    let page = asked.paging(limit, cursor, asked.config().limits.page_max)?;
    let impact = references::impact(asked.engine(), &project, &at, &intended, page.key(), page.limit).await?;
    let Impact { asset, used_by, environments, releases, own } = impact;
    Ok(Json(ImpactView {
        path: at.into(),
        change: name,
        asset: asset.map(|id| Uuid::from_bytes(id.0)),
        breaks: intended != IntendedChange::Replace,
        complete: used_by.is_complete,
        used_by: used_by.users.into(),
        environments: environments.into_iter().map(AffectedEnvironmentView::from).collect(),
        releases: releases.into_iter().map(AffectedReleaseView::from).collect(),
        lost: own.into_iter().map(LostView::from).collect(),
    }))
}

impl From<AffectedEnvironment> for AffectedEnvironmentView {
    fn from(affected: AffectedEnvironment) -> Self {
        let AffectedEnvironment { name, build, version, path } = affected;
        Self { environment: name, build, version, path }
    }
}

impl From<AffectedRelease> for AffectedReleaseView {
    fn from(affected: AffectedRelease) -> Self {
        let AffectedRelease { number, title, state, path, version } = affected;
        Self { release: number, title, state, path, version }
    }
}

impl From<MissingReference> for LostView {
    fn from(missing: MissingReference) -> Self {
        Self { reference: missing.reference, path: missing.path }
    }
}
