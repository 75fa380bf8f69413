//! The template of a project's notes.

use actix_web::{HttpResponse, get, put, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use shelfmark_domain::notes::NotesTemplate;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::NotesTemplateRow;
use shelfmark_engine::operations::closing;

use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, PageQuery, PageView, tag};
use crate::web::Problem;

/// A template to be set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateBody {
    /// For each of `editors`, `platforms` and `users`: `heading`, `introduction`, `shows_numbers`, and `sections`, each with
    /// its `section` (summary, items, impact, folders, addresses, parameters or access) and `heading`.
    #[schema(value_type = Object)]
    template: NotesTemplate,
    #[serde(default)]
    message: String,
}

/// A revision of a template.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateView {
    /// 0: nobody has set one, so the default holds.
    revision: i64,
    #[schema(value_type = Object)]
    template: NotesTemplate,
    /// Null for the default.
    by: Option<String>,
    message: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
}

impl From<NotesTemplateRow> for TemplateView {
    fn from(row: NotesTemplateRow) -> Self {
        let NotesTemplateRow { revision, template, by_name, message, at } = row;
        Self { revision, template, by: Some(by_name), message, at: Some(at) }
    }
}

/// Shows the template of a project's notes.
#[utoipa::path(tag = "closing", responses((status = 200, body = TemplateView)))]
#[get("/projects/{project}/notes-template")]
pub async fn read_template(asked: Asked) -> Result<HttpResponse, Problem> {
    let project = asked.readable_project().await?;
    let mut snapshot = asked.catalog().snapshot().await?;
    let row = snapshot.reading().notes_template(project.number).await?;
    let default =
        || TemplateView { revision: 0, template: NotesTemplate::default(), by: None, message: String::new(), at: None };
    let view = row.map_or_else(default, TemplateView::from);
    Ok(HttpResponse::Ok().insert_header(tag(view.revision)).json(view))
}

/// Sets the template of a project's notes.
#[utoipa::path(tag = "closing", request_body = TemplateBody, responses((status = 200, body = TemplateView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the template is at this revision, in quotes; \"0\" for the default")))]
#[put("/projects/{project}/notes-template")]
pub async fn set_template(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<TemplateBody>().await?;
    let (project, expected) = (asked.project()?, asked.expected_revision()?);
    let said = (body.template, body.message.as_str());
    let row = closing::set_notes_template(asked.engine(), &caller, &project, said, expected).await?;
    Ok(HttpResponse::Ok().insert_header(tag(row.revision)).json(TemplateView::from(row)))
}

/// Lists the revisions of the template, newest first.
#[utoipa::path(tag = "closing", params(PageQuery), responses((status = 200, body = PageView<TemplateView>)))]
#[get("/projects/{project}/notes-template/revisions")]
pub async fn list_templates(asked: Asked) -> Result<Json<PageView<TemplateView>>, Problem> {
    let project = asked.readable_project().await?;
    let page = asked.page()?;
    Ok(Json(asked.catalog().notes_templates(project.number, page.number()?, page.limit).await?.into()))
}
