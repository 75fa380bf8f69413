//! What the gate would say.

use actix_web::{get, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use shelfmark_domain::gate::{Class, Trigger, Verdict};
use shelfmark_domain::name::{BuildName, EnvironmentName};
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::operations::{self, Preview};

use crate::http::extract::Asked;
use crate::web::Problem;

/// What to ask.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GateQuery {
    /// Which build, such as.
    build: String,
    /// When, as RFC 3339 with an offset; now when absent.
    #[param(value_type = Option<String>, format = DateTime)]
    at: Option<String>,
    /// regular, hotfix, rollback or break_glass; that of the build's release when absent.
    class: Option<String>,
    /// person, schedule or automation; person when absent.
    cause: Option<String>,
}

/// What the gate would say.
#[derive(Debug, Serialize, ToSchema)]
pub struct GateView {
    #[schema(value_type = String, example = "production")]
    environment: EnvironmentName,
    #[schema(value_type = String, example = "R-12.3")]
    build: BuildName,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    #[schema(value_type = String, example = "regular")]
    class: Class,
    #[schema(value_type = String, example = "person")]
    cause: Trigger,
    /// Whether nothing stands in the way.
    passes: bool,
    /// Each check: name, outcome (pass, fail with its remedy, or waived with its reason), reason.
    #[schema(value_type = Vec<Object>)]
    checks: Verdict,
}

/// Asks the gate whether an environment would take a build, and moves nothing. It is the same function that promotions,
/// rollbacks, schedules and automations ask.
#[utoipa::path(tag = "gate", params(GateQuery), responses((status = 200, body = GateView)))]
#[get("/projects/{project}/environments/{environment}/gate")]
pub async fn ask_gate(asked: Asked) -> Result<Json<GateView>, Problem> {
    let caller = asked.caller().await?;
    let GateQuery { build, at, class, cause } = asked.query()?;
    let wrong =
        |field: &'static str| move |text: String| Problem::invalid(field, format!("{text:?} can't be asked for"));
    let class = class.map(|text| Class::parse(&text).ok_or_else(|| wrong("class")(text))).transpose()?;
    let trigger = cause.map(|text| Trigger::parse(&text).ok_or_else(|| wrong("cause")(text))).transpose()?;
    let preview = Preview {
        environment: asked.environment()?,
        build: build.parse().map_err(|why| Problem::invalid("build", why))?,
        at: at.map(|text| text.parse()).transpose().map_err(|why| Problem::invalid("at", why))?,
        class,
        trigger: trigger.unwrap_or(Trigger::Person),
    };
    let (question, checks) = operations::preview(asked.engine(), &caller, &asked.project()?, preview).await?;
    let (environment, build, at) = (question.environment, question.build, question.at);
    let (class, cause, passes) = (question.class, question.trigger, checks.passes());
    Ok(Json(GateView { environment, build, at, class, cause, passes, checks }))
}
