//! Notes of an environment between two instants.

use actix_web::{HttpResponse, get};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use shelfmark_domain::name::EnvironmentName;
use shelfmark_domain::notes::Audience;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::operations::closing;

use super::notes::{Format, GeneratedView, audience, written};
use crate::http::extract::Asked;
use crate::web::Problem;

/// Which span, for whom, and how.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SpanQuery {
    /// An instant, such as 2026-03-01T00:00:00Z: what was served then is what the notes compare with.
    from: Option<String>,
    /// A later instant; now when absent.
    to: Option<String>,
    /// editors, platforms or users; editors when absent.
    audience: Option<String>,
    /// json, md or html; json when absent.
    format: Option<String>,
}

/// Notes of an environment.
#[derive(Debug, Serialize, ToSchema)]
pub struct SpanView {
    #[schema(value_type = String, example = "production")]
    environment: EnvironmentName,
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    to: Timestamp,
    #[schema(value_type = String, example = "users")]
    audience: Audience,
    generated: GeneratedView,
}

/// Shows what all releases in a span of time made of an environment; what was taken back in between is left out.
#[utoipa::path(tag = "closing", params(SpanQuery), responses((status = 200, body = SpanView)))]
#[get("/projects/{project}/environments/{environment}/notes")]
pub async fn read_environment_notes(asked: Asked) -> Result<HttpResponse, Problem> {
    let caller = asked.caller().await?;
    let SpanQuery { from, to, audience: whom, format } = asked.query()?;
    let (audience, format) = (audience(whom.as_deref())?, Format::parse(format.as_deref())?);
    let from = from.ok_or_else(|| Problem::invalid("from", "name the instant from which on the notes tell"))?;
    let from: Timestamp = from.parse().map_err(|why| Problem::invalid("from", why))?;
    let to = to.map_or(Ok(caller.now), |to| to.parse()).map_err(|why| Problem::invalid("to", why))?;
    let (project, environment) = (asked.project()?, asked.environment()?);
    let span = (from, to);
    let notes = closing::environment_notes(asked.engine(), &caller, &project, &environment, span, audience).await?;
    if format == Format::Json {
        return Ok(HttpResponse::Ok().json(SpanView { environment, from, to, audience, generated: notes.into() }));
    }
    Ok(written(format, &notes.document.heading, &notes.markdown, 0))
}
