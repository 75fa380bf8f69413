//! The dates of releases: proposed, proposed otherwise, agreed.

use actix_web::{HttpResponse, get, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use shelfmark_domain::target::{TargetDate, Zone};
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::DateRow;
use shelfmark_engine::operations::{self, DateDraft};

use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, PageQuery, PageView, counted};
use crate::http::releases::release_of;
use crate::web::Problem;

/// A date to be proposed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DateBody {
    /// Local in the zone, or with the offset that the zone has then, or in UTC with Z. A local time that doesn't exist or
    /// comes twice, as clocks are changed, is refused.
    #[schema(example = "2026-03-27T17:00")]
    date: String,
    /// IANA time zone. May be left out when the date ends with it in brackets.
    #[schema(value_type = Option<String>, example = "Europe/Berlin")]
    zone: Option<Zone>,
    #[serde(default)]
    remark: String,
}

/// What to say when agreeing.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgreementBody {
    #[serde(default)]
    remark: String,
}

/// A proposed date.
#[derive(Debug, Serialize, ToSchema)]
pub struct DateView {
    /// 1, 2, 3 ... within the release.
    number: i64,
    /// In its own zone.
    #[schema(example = "2026-03-27T17:00:00+01:00[Europe/Berlin]")]
    date: String,
    /// The same in UTC.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    #[schema(example = "Europe/Berlin")]
    zone: String,
    /// proposed, agreed or superseded.
    #[schema(example = "proposed")]
    status: &'static str,
    remark: String,
    proposed_by: String,
    #[schema(value_type = String, format = DateTime)]
    proposed_at: Timestamp,
    /// Whether another date had been agreed, which this proposal has opened again.
    reopens: bool,
    agreed_by: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    agreed_at: Option<Timestamp>,
    agreement_remark: Option<String>,
}

impl From<DateRow> for DateView {
    fn from(row: DateRow) -> Self {
        let status = status(&row);
        let DateRow { proposal, proposed_by, proposed_at, remark, reopens, agreement, .. } = row;
        let date = proposal.date.to_string();
        let TargetDate { at, zone } = proposal.date;
        let zone = zone.name().to_owned();
        let (agreed_by, agreed_at, agreement_remark) = match agreement {
            Some(agreement) => (Some(agreement.by), Some(agreement.at), Some(agreement.remark)),
            None => (None, None, None),
        };
        Self {
            number: proposal.number,
            date,
            at,
            zone,
            status,
            remark,
            proposed_by,
            proposed_at,
            reopens,
            agreed_by,
            agreed_at,
            agreement_remark,
        }
    }
}

fn status(row: &DateRow) -> &'static str {
    match (row.is_newest, &row.agreement) {
        (false, _) => "superseded",
        (true, Some(_)) => "agreed",
        (true, None) => "proposed",
    }
}

/// The date of a release: the newest one that was proposed.
#[derive(Debug, Serialize, ToSchema)]
pub struct TargetView {
    /// In its own zone.
    #[schema(example = "2026-03-27T17:00:00+01:00[Europe/Berlin]")]
    date: String,
    /// The same in UTC.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    #[schema(example = "Europe/Berlin")]
    zone: String,
    /// proposed or agreed.
    #[schema(example = "agreed")]
    status: &'static str,
    /// The proposal's number.
    proposal: i64,
}

impl From<&DateRow> for TargetView {
    fn from(row: &DateRow) -> Self {
        let date = &row.proposal.date;
        let (text, zone) = (date.to_string(), date.zone.name().to_owned());
        Self { date: text, at: date.at, zone, status: status(row), proposal: row.proposal.number }
    }
}

/// Lists what was proposed as a release's date, newest first.
#[utoipa::path(tag = "planning", params(PageQuery), responses((status = 200, body = PageView<DateView>)))]
#[get("/projects/{project}/releases/{release}/dates")]
pub async fn list_dates(asked: Asked) -> Result<Json<PageView<DateView>>, Problem> {
    let project = asked.readable_project().await?;
    let release = release_of(&asked, &project).await?.number;
    let page = asked.page()?;
    Ok(Json(asked.catalog().dates(project.number, release, page.number()?, page.limit).await?.into()))
}

/// Proposes a date for a release, or another one. What had been agreed is open again then, and the answer says so.
#[utoipa::path(tag = "planning", request_body = DateBody, responses((status = 201, body = DateView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the release is at this revision, in quotes")))]
#[post("/projects/{project}/releases/{release}/dates")]
pub async fn propose_date(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, DateBody { date, zone, remark }) = asked.changing::<DateBody>().await?;
    let draft = DateDraft { date, zone, remark, expected: asked.expected_revision()? };
    let row = operations::propose_date(asked.engine(), &caller, &asked.project()?, asked.release()?, draft).await?;
    Ok(HttpResponse::Created().json(DateView::from(row)))
}

/// Agrees to the newest proposal. Whoever has made it can't; of the two, one at least must plan releases.
#[utoipa::path(tag = "planning", request_body = AgreementBody, responses((status = 200, body = DateView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the release is at this revision, in quotes")))]
#[post("/projects/{project}/releases/{release}/dates/{proposal}/agree")]
pub async fn agree_to_date(mut asked: Asked) -> Result<Json<DateView>, Problem> {
    let (caller, AgreementBody { remark }) = asked.changing::<AgreementBody>().await?;
    let (project, release, said) = (asked.project()?, asked.release()?, (remark, asked.expected_revision()?));
    let number = counted("proposal", asked.segment("proposal")?)?;
    let row = operations::agree_to_date(asked.engine(), &caller, &project, release, number, said).await?;
    Ok(Json(row.into()))
}
