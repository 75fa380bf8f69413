//! What a build lacks, and what could be added for it.

use actix_web::{get, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use shelfmark_engine::catalog::Cursor;
use shelfmark_engine::operations::references::{self, MissingReference, Offered};

use super::HowView;
use crate::http::extract::{Asked, PageView};
use crate::http::releases::builds::base;
use crate::web::Problem;

/// What is looked at.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MissingQuery {
    /// Only what differs from this: `R-11.2`, `environment:NAME`, or `empty` for everything. The build's base when absent.
    since: Option<String>,
    /// Most items on the page.
    #[param(value_type = Option<u32>, minimum = 1)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A reference to a path at which the build serves nothing.
#[derive(Debug, Serialize, ToSchema)]
pub struct MissingView {
    /// The path of the asset that refers.
    #[schema(example = "css/site.css")]
    from: String,
    /// As it is written in the bytes; of a declared reference, its kind.
    #[schema(example = "../img/logo.svg")]
    reference: String,
    how: HowView,
    /// The path that is missing.
    #[schema(example = "img/logo.svg")]
    path: String,
    /// What the library has for it, to be added as a change of kind asset; null where it has nothing.
    available: Option<AvailableView>,
}

/// An asset that could be added.
#[derive(Debug, Serialize, ToSchema)]
pub struct AvailableView {
    #[schema(value_type = String, format = "uuid")]
    asset: Uuid,
    path: String,
    /// Its latest version.
    version: i64,
}

impl From<Offered> for MissingView {
    fn from(offered: Offered) -> Self {
        let MissingReference { from, path, reference, how, .. } = offered.missing;
        let available = offered.library.map(|row| AvailableView {
            asset: Uuid::from_bytes(row.id.0),
            path: row.path,
            version: row.latest.number,
        });
        Self { from, reference, how: how.into(), path, available }
    }
}

/// Lists the references that lead to nothing in a build, with what the library has for them.
#[utoipa::path(tag = "references", params(MissingQuery), responses((status = 200, body = PageView<MissingView>)))]
#[get("/projects/{project}/builds/{build}/missing")]
pub async fn list_missing(asked: Asked) -> Result<Json<PageView<MissingView>>, Problem> {
    let project = asked.readable_project().await?;
    let MissingQuery { since, limit, cursor } = asked.query()?;
    let page = asked.paging(limit, cursor, asked.config().limits.page_max)?;
    let since = since.map(|text| base(Some(&text)).map_err(|why| why.with_field("since"))).transpose()?;
    let mut missing = references::missing_of_build(asked.engine(), &project, asked.segment("build")?, since).await?;
    let given = usize::try_from(page.number()?.unwrap_or(0)).unwrap_or(usize::MAX);
    let mut rest = missing.split_off(given.min(missing.len()));
    let is_more = rest.len() > page.limit as usize;
    rest.truncate(page.limit as usize);
    let next_cursor = is_more.then(|| Cursor::after(given + rest.len()).to_string());
    let items = references::offered(asked.engine(), &project, rest).await?;
    Ok(Json(PageView { items: items.into_iter().map(MissingView::from).collect(), next_cursor }))
}
