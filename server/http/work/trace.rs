//! Where what answers a work item has gone.

use actix_web::{get, web::Json};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use shelfmark_domain::environment::DeploymentKind;
use shelfmark_domain::name::{BuildName, EnvironmentName, ReleaseNumber};
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::{AttachedVersion, Cursor};
use shelfmark_engine::operations::work::{TracedBuild, TracedVersion, trace};

use super::super::extract::{Asked, PageQuery, PageView};
use super::item_of;
use crate::web::Problem;

/// Where and when a build went live.
#[derive(Debug, Serialize, ToSchema)]
pub struct TracedDeploymentView {
    #[schema(value_type = String, example = "production")]
    environment: EnvironmentName,
    /// promotion or rollback.
    #[schema(example = "promotion")]
    kind: &'static str,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// A build that pins a version.
#[derive(Debug, Serialize, ToSchema)]
pub struct TracedBuildView {
    #[schema(value_type = String, example = "R-12")]
    release: ReleaseNumber,
    #[schema(value_type = String, example = "R-12.3")]
    build: BuildName,
    /// Where it serves the version.
    path: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Oldest first; none: it has never been live.
    deployments: Vec<TracedDeploymentView>,
}

/// A version that answers the item, with the builds of the releases that brought it.
#[derive(Debug, Serialize, ToSchema)]
pub struct TracedVersionView {
    #[schema(value_type = String, format = "uuid")]
    asset: Uuid,
    version: i64,
    path: String,
    builds: Vec<TracedBuildView>,
}

impl From<TracedBuild> for TracedBuildView {
    fn from(TracedBuild { path, build, created_at, deployments }: TracedBuild) -> Self {
        let view = |(environment, kind, at): (EnvironmentName, DeploymentKind, Timestamp)| TracedDeploymentView {
            environment,
            kind: kind.as_str(),
            at,
        };
        let deployments = deployments.into_iter().map(view).collect();
        Self { release: build.release, build, path, created_at, deployments }
    }
}

impl From<TracedVersion> for TracedVersionView {
    fn from(TracedVersion { version, builds }: TracedVersion) -> Self {
        let AttachedVersion { asset, version, path, .. } = version;
        let builds = builds.into_iter().map(TracedBuildView::from).collect();
        Self { asset: Uuid::from_bytes(asset.0), version, path, builds }
    }
}

/// Follows what answers a work item: version by version each release, build and environment, and when it went live.
#[utoipa::path(tag = "work", params(PageQuery), responses((status = 200, body = PageView<TracedVersionView>)))]
#[get("/projects/{project}/work-items/{item}/trace")]
pub async fn trace_work_item(asked: Asked) -> Result<Json<PageView<TracedVersionView>>, Problem> {
    let project = asked.readable_project().await?;
    let item = item_of(&asked, &project).await?.number;
    let page = asked.page()?;
    let after = page.cursor.as_ref().map(Cursor::version).transpose();
    let after = after.map_err(|why| Problem::invalid("cursor", why))?;
    Ok(Json(trace(asked.engine(), &project, item, after, page.limit).await?.into()))
}
