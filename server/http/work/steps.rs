//! Transitions: the steps of a work item from status to status.

use actix_web::{HttpResponse, post};
use serde::Deserialize;
use utoipa::ToSchema;

use shelfmark_domain::work_item::Transition;
use shelfmark_engine::operations::work;

use super::super::docs::Repeatable;
use super::super::extract::{Asked, tag};
use super::view::WorkItemView;
use crate::web::Problem;

/// The steps that people take.
const BY_HAND: [Transition; 6] = [
    Transition::Start,
    Transition::Resolve,
    Transition::Authorise,
    Transition::Reject,
    Transition::Reopen,
    Transition::Close,
];

/// A step to take.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransitionBody {
    /// start, resolve, authorise, reject, reopen or close. Items are released by deployments, and closed with their
    /// release.
    #[schema(example = "start")]
    transition: String,
    /// Why. Needed to reject, reopen and close, and to authorise in the requester's place.
    #[serde(default)]
    reason: String,
}

/// Takes a work item a step further.
#[utoipa::path(tag = "work", request_body = TransitionBody, responses((status = 200, body = WorkItemView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the item is at this revision, in quotes")))]
#[post("/projects/{project}/work-items/{item}/transitions")]
pub async fn take_step(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, TransitionBody { transition, reason }) = asked.changing::<TransitionBody>().await?;
    let step = Transition::parse(&transition).filter(|step| BY_HAND.contains(step)).ok_or_else(|| {
        let steps = BY_HAND.map(Transition::as_str).join(", ");
        Problem::invalid("transition", format!("{transition:?} is no step that people take; give one of {steps}"))
    })?;
    let (project, item, expected) = (asked.project()?, asked.item()?, asked.expected_revision()?);
    let row = work::take_step(asked.engine(), &caller, &project, item, step, &reason, expected).await?;
    let view = WorkItemView::from(row);
    Ok(HttpResponse::Ok().insert_header(tag(view.revision)).json(view))
}
