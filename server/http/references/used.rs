//! Where an asset is used, and what it uses.

use actix_web::{get, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use shelfmark_domain::name::EnvironmentName;
use shelfmark_engine::operations::references::{self, Use};

use super::{HowView, UserView};
use crate::http::assets::asset_of;
use crate::http::assets::versions::version_of;
use crate::http::extract::{Asked, PageView, counted};
use crate::web::Problem;

/// Which references of an asset.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReferencesQuery {
    /// The version whose uses are shown; the latest one when absent.
    #[param(value_type = Option<i64>, minimum = 1)]
    version: Option<String>,
    /// Most items in each of the two lists.
    #[param(value_type = Option<u32>, minimum = 1)]
    limit: Option<String>,
    /// `uses.next_cursor` of the page before.
    uses_cursor: Option<String>,
    /// `used_by.next_cursor` of the page before.
    used_by_cursor: Option<String>,
}

/// What an asset uses and who uses it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReferencesView {
    /// What the version uses: as its bytes say, then as was declared of the asset.
    uses: PageView<UseView>,
    /// Who uses the asset, at latest and in what the environments serve, by path.
    used_by: PageView<UserView>,
    /// False while contents that came in just now wait to be read: then `used_by` may lack some.
    complete: bool,
}

/// A reference of an asset.
#[derive(Debug, Serialize, ToSchema)]
pub struct UseView {
    how: HowView,
    /// As it is written in the bytes; of a declared reference, its kind.
    reference: String,
    /// The path that it leads to.
    path: String,
    /// Whether it only may be a reference. Those that lead to nothing anywhere are left out.
    possible: bool,
    /// The asset that is there at latest.
    #[schema(value_type = Option<String>, format = "uuid")]
    asset: Option<Uuid>,
    /// That asset's latest version.
    version: Option<i64>,
    /// The environments that serve something at this path.
    #[schema(value_type = Vec<String>, example = json!(["production"]))]
    environments: Vec<EnvironmentName>,
}

impl From<Use> for UseView {
    fn from(used: Use) -> Self {
        let Use { how, reference, path, is_possible, asset, environments } = used;
        let (asset, version) = asset.map(|(id, version)| (Uuid::from_bytes(id.0), version)).unzip();
        Self { how: how.into(), reference, path, possible: is_possible, asset, version, environments }
    }
}

/// Shows what an asset uses and where it is used.
#[utoipa::path(tag = "references", params(ReferencesQuery), responses((status = 200, body = ReferencesView)))]
#[get("/projects/{project}/assets/{asset}/references")]
pub async fn read_references(asked: Asked) -> Result<Json<ReferencesView>, Problem> {
    let asset = asset_of(&asked).await?;
    let project = asked.readable_project().await?;
    let ReferencesQuery { version, limit, uses_cursor, used_by_cursor } = asked.query()?;
    let version = match version {
        None => asset.latest.clone(),
        Some(text) => {
            let number = text.parse().map_err(|_| Problem::invalid("version", format!("{text:?} is no number")))?;
            version_of(&asked, &asset, counted("version", number)?).await?
        }
    };
    let most = asked.config().limits.page_max;
    let in_uses = asked.paging(limit.clone(), uses_cursor, most)?;
    let in_used_by = asked.paging(limit, used_by_cursor, most)?;
    let engine = asked.engine();
    let uses = references::uses(engine, &project, &asset, &version, in_uses.number()?, in_uses.limit).await?;
    let id = Some(asset.id);
    let users = references::used_by(engine, &project, &asset.path, id, in_used_by.key(), in_used_by.limit).await?;
    Ok(Json(ReferencesView { uses: uses.into(), used_by: users.users.into(), complete: users.is_complete }))
}
