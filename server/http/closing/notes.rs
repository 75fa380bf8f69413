//! Notes of a release: what is generated, and what a person wrote in its place.

use actix_web::http::header::{CONTENT_TYPE, HeaderName, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpResponse, delete, get, put};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use shelfmark_domain::name::{EnvironmentName, ReleaseNumber};
use shelfmark_domain::notes::Audience;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::operations::closing::{self, GeneratedNotes, ReleaseNotes};

use super::published::PublishedView;
use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, tag};
use crate::web::Problem;

/// Which notes, and how.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NotesQuery {
    /// editors, platforms or users; editors when absent.
    audience: Option<String>,
    /// json (all that there is), md or html; json when absent.
    format: Option<String>,
    /// With md and html: current (what a person wrote, or else what is generated), generated or published; current when
    /// absent.
    which: Option<String>,
    /// An environment: compare with what it served before the release came there. With the build's base when absent.
    against: Option<String>,
}

/// Notes for an audience.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotesView {
    #[schema(value_type = String, example = "R-12")]
    release: ReleaseNumber,
    #[schema(value_type = String, example = "users")]
    audience: Audience,
    /// What holds, as Markdown: what a person wrote, or else what is generated.
    text: String,
    generated: GeneratedView,
    /// Null where nobody wrote anything, or took it back.
    edited: Option<EditedView>,
    /// What was published last.
    published: Option<PublishedView>,
    /// What `If-Match` can insist on; goes up with every edit, and with taking one back.
    revision: i64,
}

/// What is generated.
#[derive(Debug, Serialize, ToSchema)]
pub struct GeneratedView {
    /// As Markdown.
    text: String,
    /// By sections, for machines.
    #[schema(value_type = Object)]
    document: Value,
}

/// What a person wrote.
#[derive(Debug, Serialize, ToSchema)]
pub struct EditedView {
    /// As Markdown.
    text: String,
    by: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Whether the release has changed since: something else is generated now than when it was written.
    outdated: bool,
}

/// A person's text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NotesBody {
    /// Markdown. HTML in it is shown as text.
    text: String,
}

/// A format of notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Markdown,
    Html,
}

impl Format {
    /// # Errors
    /// Invalid.
    pub fn parse(text: Option<&str>) -> Result<Self, Problem> {
        match text {
            None | Some("json") => Ok(Self::Json),
            Some("md") => Ok(Self::Markdown),
            Some("html") => Ok(Self::Html),
            Some(other) => Err(Problem::invalid("format", format!("{other:?} is no format; write json, md or html"))),
        }
    }
}

/// The audience that a parameter names.
///
/// # Errors
/// Invalid.
pub fn audience(text: Option<&str>) -> Result<Audience, Problem> {
    text.map(|text| text.parse().map_err(|why| Problem::invalid("audience", why))).unwrap_or(Ok(Audience::default()))
}

impl From<GeneratedNotes> for GeneratedView {
    fn from(notes: GeneratedNotes) -> Self {
        let document = serde_json::to_value(&notes.document).expect("notes consist of texts and numbers");
        Self { text: notes.markdown, document }
    }
}

impl From<ReleaseNotes> for NotesView {
    fn from(notes: ReleaseNotes) -> Self {
        let (text, revision) = (notes.text().to_owned(), notes.revision());
        let ReleaseNotes { release, audience, generated, edit, is_outdated: outdated, published } = notes;
        let edited =
            edit.and_then(|edit| Some(EditedView { text: edit.text?, by: edit.by_name, at: edit.at, outdated }));
        let published = published.map(PublishedView::from);
        Self { release: release.number, audience, text, generated: generated.into(), edited, published, revision }
    }
}

/// Markdown or a page, as an answer that a browser takes for nothing else.
pub fn written(format: Format, title: &str, markdown: &str, revision: i64) -> HttpResponse {
    let (media_type, body) = match format {
        Format::Html => ("text/html; charset=utf-8", closing::to_html(title, markdown)),
        Format::Json | Format::Markdown => ("text/markdown; charset=utf-8", markdown.to_owned()),
    };
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CONTENT_TYPE, media_type)).insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
    let policy = HeaderName::from_static("content-security-policy");
    answer.insert_header((policy, "default-src 'none'; style-src 'unsafe-inline'; sandbox"));
    answer.insert_header(tag(revision)).body(body)
}

/// Shows a release's notes for an audience.
#[utoipa::path(tag = "closing", params(NotesQuery), responses((status = 200, body = NotesView)))]
#[get("/projects/{project}/releases/{release}/notes")]
pub async fn read_notes(asked: Asked) -> Result<HttpResponse, Problem> {
    let caller = asked.caller().await?;
    let NotesQuery { audience: whom, format, which, against } = asked.query()?;
    let (audience, format) = (audience(whom.as_deref())?, Format::parse(format.as_deref())?);
    let against: Option<EnvironmentName> =
        against.map(|name| name.parse().map_err(|why| Problem::invalid("against", why))).transpose()?;
    let (project, number) = (asked.project()?, asked.release()?);
    let notes = closing::release_notes(asked.engine(), &caller, &project, number, audience, against.as_ref()).await?;
    let which = which.as_deref();
    if format == Format::Json && which.is_some() {
        return Err(Problem::invalid("which", "json has all of them; leave this out, or ask for md or html"));
    }
    let title = &notes.generated.document.heading;
    let text = match which {
        None | Some("current") if format == Format::Json => {
            let view = NotesView::from(notes);
            return Ok(HttpResponse::Ok().insert_header(tag(view.revision)).json(view));
        }
        None | Some("current") => notes.text(),
        Some("generated") => &notes.generated.markdown,
        Some("published") => match &notes.published {
            Some(published) => &published.text,
            None => {
                return Err(Problem::not_found(format!("no notes of {number} for {audience} have been published yet")));
            }
        },
        Some(other) => {
            let why = format!("{other:?} are no notes; write current, generated or published");
            return Err(Problem::invalid("which", why));
        }
    };
    Ok(written(format, title, text, notes.revision()))
}

/// Puts a person's text in the place of the generated notes.
#[utoipa::path(tag = "closing", request_body = NotesBody, responses((status = 200, body = NotesView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the notes are at this revision, in quotes; \"0\" for those that nobody wrote")))]
#[put("/projects/{project}/releases/{release}/notes/{audience}")]
pub async fn edit_notes(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<NotesBody>().await?;
    let (project, number, expected) = (asked.project()?, asked.release()?, asked.expected_revision()?);
    let place = (number, asked.segment("audience")?);
    let notes = closing::edit_notes(asked.engine(), &caller, &project, place, &body.text, expected).await?;
    let view = NotesView::from(notes);
    Ok(HttpResponse::Ok().insert_header(tag(view.revision)).json(view))
}

/// Lets the generated notes hold again.
#[utoipa::path(tag = "closing", responses((status = 200, body = NotesView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the notes are at this revision, in quotes")))]
#[delete("/projects/{project}/releases/{release}/notes/{audience}")]
pub async fn return_to_generated(asked: Asked) -> Result<HttpResponse, Problem> {
    let caller = asked.changing_caller().await?;
    let (project, number, expected) = (asked.project()?, asked.release()?, asked.expected_revision()?);
    let place = (number, asked.segment("audience")?);
    let notes = closing::return_to_generated(asked.engine(), &caller, &project, place, expected).await?;
    let view = NotesView::from(notes);
    Ok(HttpResponse::Ok().insert_header(tag(view.revision)).json(view))
}
