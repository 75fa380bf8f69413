//! Reviews that are owed since the glass was broken.

use actix_web::{get, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use shelfmark_domain::name::{EnvironmentName, ReleaseNumber};
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::ReviewRow;
use shelfmark_engine::operations;

use crate::http::extract::{Asked, PageView};
use crate::web::Problem;

/// Which reviews.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReviewQuery {
    /// `true`: only those that nobody has made yet.
    owed: Option<String>,
    /// Most items on the page.
    #[param(value_type = Option<u32>, minimum = 1)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What was found.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewBody {
    review: String,
}

/// A review, owed or made.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewView {
    #[schema(value_type = String, example = "production")]
    environment: EnvironmentName,
    /// Of the deployment.
    revision: i64,
    #[schema(value_type = String, example = "R-12")]
    release: ReleaseNumber,
    /// Who broke the glass, when and why.
    by: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    reason: String,
    /// Null while it is owed.
    reviewed_by: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    reviewed_at: Option<Timestamp>,
    review: Option<String>,
}

impl From<ReviewRow> for ReviewView {
    fn from(row: ReviewRow) -> Self {
        let ReviewRow { environment, revision, release, by_name: by, reason, at, done, .. } = row;
        let (reviewed_by, (reviewed_at, review)) =
            done.map_or((None, (None, None)), |(by, at, review)| (Some(by), (Some(at), Some(review))));
        Self { environment, revision, release, by, at, reason, reviewed_by, reviewed_at, review }
    }
}

/// Lists the deployments for which the glass was broken, with their reviews.
#[utoipa::path(tag = "gate", params(ReviewQuery), responses((status = 200, body = PageView<ReviewView>)))]
#[get("/projects/{project}/reviews")]
pub async fn list_reviews(asked: Asked) -> Result<Json<PageView<ReviewView>>, Problem> {
    let project = asked.readable_project().await?;
    let ReviewQuery { owed, limit, cursor } = asked.query()?;
    let is_owed = match owed.as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Problem::invalid("owed", "write true or false")),
    };
    let page = asked.paging(limit, cursor, asked.config().limits.page_max)?;
    let after = match page.key() {
        "" => ("", 0),
        key => {
            let parts = key.split_at_checked(20).and_then(|(number, name)| Some((name, number.parse().ok()?)));
            parts.ok_or_else(|| Problem::invalid("cursor", shelfmark_engine::catalog::InvalidCursor))?
        }
    };
    Ok(Json(asked.catalog().reviews(project.number, is_owed, after, page.limit).await?.into()))
}

/// Notes what someone else found about a deployment for which the glass was broken.
#[utoipa::path(tag = "gate", request_body = ReviewBody, responses((status = 200, body = ReviewView)))]
#[post("/projects/{project}/environments/{environment}/deployments/{deployment}/review")]
pub async fn create_review(mut asked: Asked) -> Result<Json<ReviewView>, Problem> {
    let (caller, ReviewBody { review }) = asked.changing::<ReviewBody>().await?;
    let (environment, revision) = (asked.environment()?, asked.segment("deployment")?);
    let row = operations::review(asked.engine(), &caller, &asked.project()?, (&environment, revision), &review).await?;
    Ok(Json(row.into()))
}
