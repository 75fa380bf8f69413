//! What has come into an environment beside a release, and which value holds where both changed a key.

use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use shelfmark_domain::name::{BuildName, EnvironmentName, ReleaseNumber};
use shelfmark_engine::catalog::Cursor;
use shelfmark_engine::operations::{self, Keeping, Rebase, RebaseConflict, Resolution};

use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, Paging, at_most, counted, plain, tag};
use crate::http::releases::compare::{DifferenceView, EntryView, TotalsView};
use crate::web::Problem;

/// Against which environment, and which page of the conflicts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RebaseQuery {
    /// The final one when absent.
    #[param(value_type = Option<String>)]
    environment: Option<EnvironmentName>,
    /// Most conflicts on the page, and most changes that came in.
    #[param(value_type = Option<u32>, minimum = 1)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A key that the release and others have changed to different values.
#[derive(Debug, Serialize, ToSchema)]
pub struct RebaseConflictView {
    key: String,
    /// What was served when the release's change was made. Null for nothing.
    base: Option<EntryView>,
    /// What is served now. Null for nothing.
    theirs: Option<EntryView>,
    /// What the release would serve. Null for nothing.
    ours: Option<EntryView>,
    /// A name of theirs, which a resolution must give: it holds for this value only.
    theirs_id: String,
    /// Who has said that ours holds all the same. Null until someone does.
    kept_by: Option<String>,
}

impl From<RebaseConflict> for RebaseConflictView {
    fn from(conflict: RebaseConflict) -> Self {
        let RebaseConflict { key, base, theirs, ours, theirs_name: theirs_id, kept_by } = conflict;
        let [base, theirs, ours] = [base, theirs, ours].map(|entry| entry.map(EntryView::from));
        Self { key, base, theirs, ours, theirs_id, kept_by }
    }
}

/// What has come into the environment since.
#[derive(Debug, Serialize, ToSchema)]
pub struct CameInView {
    totals: TotalsView,
    /// The first ones by key; all of them are what the comparison of the two builds says.
    items: Vec<DifferenceView>,
}

/// How a release stands to what an environment serves.
#[derive(Debug, Serialize, ToSchema)]
pub struct RebaseView {
    #[schema(value_type = String, example = "R-12")]
    release: ReleaseNumber,
    #[schema(value_type = String, example = "production")]
    environment: EnvironmentName,
    /// What the release stands on. Null for nothing.
    #[schema(value_type = Option<String>, example = "R-11.1")]
    base: Option<BuildName>,
    /// What is served now. Null for nothing.
    #[schema(value_type = Option<String>, example = "R-13.2")]
    serves: Option<BuildName>,
    /// Whether the environment serves something else by now.
    moved: bool,
    came_in: CameInView,
    conflicts: usize,
    /// Conflicts that keep the release from being built.
    unresolved: usize,
    /// The conflicts by key.
    items: Vec<RebaseConflictView>,
    /// Where the next page starts. Null after the last one.
    next_cursor: Option<String>,
    /// The release's revision.
    revision: i64,
}

impl RebaseView {
    fn of(rebase: Rebase, page: &Paging) -> Self {
        let Rebase { environment, base, serves, came_in, conflicts, release, .. } = rebase;
        let (count, resolved) = (conflicts.len(), conflicts.iter().filter(|conflict| conflict.is_resolved()).count());
        let limit = page.limit as usize;
        let mut rest = conflicts.into_iter().filter(|conflict| conflict.key.as_str() > page.key()).peekable();
        let items: Vec<RebaseConflictView> = rest.by_ref().take(limit).map(RebaseConflictView::from).collect();
        let next = items.last().filter(|_| rest.peek().is_some()).map(|last| Cursor::after(&last.key).to_string());
        let totals = TotalsView::of(&came_in);
        let came_in = CameInView { totals, items: came_in.into_iter().take(limit).map(DifferenceView::from).collect() };
        Self {
            release: release.number,
            environment,
            base,
            serves,
            moved: base != serves,
            came_in,
            conflicts: count,
            unresolved: count - resolved,
            items,
            next_cursor: next,
            revision: release.revision,
        }
    }
}

/// Which value holds.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeepBody {
    /// What the release says.
    Ours,
    /// What is served: the release no longer changes this key.
    Theirs,
    /// The version that is named.
    Version,
}

/// What a person says about one conflict.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolutionBody {
    key: String,
    /// `theirs_id` of the conflict, as it was seen.
    theirs_id: String,
    keep: KeepBody,
    /// Of the asset that the release means there, or else of the one that is served.
    #[schema(minimum = 1)]
    version: Option<i64>,
}

/// What a person says about conflicts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolutionsBody {
    /// The final one when absent.
    #[schema(value_type = Option<String>)]
    environment: Option<EnvironmentName>,
    resolutions: Vec<ResolutionBody>,
}

impl ResolutionBody {
    fn into_resolution(self) -> Result<Resolution, Problem> {
        let Self { key, theirs_id, keep, version } = self;
        let keeping = match (keep, version) {
            (KeepBody::Ours, None) => Keeping::Ours,
            (KeepBody::Theirs, None) => Keeping::Theirs,
            (KeepBody::Version, Some(number)) => Keeping::Version(counted("version", number)?),
            (KeepBody::Version, None) => return Err(Problem::invalid("version", "say which version holds")),
            (_, Some(_)) => return Err(Problem::invalid("version", "a version is named only where one is to be kept")),
        };
        Ok(Resolution { key: plain("key", key)?, theirs: plain("theirs_id", theirs_id)?, keeping })
    }
}

/// Shows what has come into an environment since the release was begun or last built, and what of it the release would
/// undo.
#[utoipa::path(tag = "planning", params(RebaseQuery), responses((status = 200, body = RebaseView)))]
#[get("/projects/{project}/releases/{release}/rebase")]
pub async fn read_rebase(asked: Asked) -> Result<HttpResponse, Problem> {
    let caller = asked.caller().await?;
    let RebaseQuery { environment, limit, cursor } = asked.query()?;
    let page = asked.paging(limit, cursor, asked.config().limits.page_max)?;
    let (project, release) = (asked.project()?, asked.release()?);
    let rebase = operations::rebase(asked.engine(), &caller, &project, release, environment.as_ref()).await?;
    let view = RebaseView::of(rebase, &page);
    Ok(HttpResponse::Ok().insert_header(tag(view.revision)).json(view))
}

/// Says which value holds where the release and others have both changed a key. All or none; what has changed since it
/// was looked at must be looked at again.
#[utoipa::path(tag = "planning", request_body = ResolutionsBody, responses((status = 200, body = RebaseView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the release is at this revision, in quotes")))]
#[post("/projects/{project}/releases/{release}/rebase/resolutions")]
pub async fn resolve_conflicts(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<ResolutionsBody>().await?;
    let ResolutionsBody { environment, resolutions } = body;
    let resolutions = at_most("resolutions", resolutions, asked.config().limits.lines)?;
    let resolutions: Vec<Resolution> =
        resolutions.into_iter().map(ResolutionBody::into_resolution).collect::<Result<_, _>>()?;
    if resolutions.is_empty() {
        return Err(Problem::invalid("resolutions", "there is nothing to resolve; name a conflict"));
    }
    let (project, release, expected) = (asked.project()?, asked.release()?, asked.expected_revision()?);
    let what = (environment.as_ref(), &resolutions[..]);
    let rebase = operations::resolve_conflicts(asked.engine(), &caller, &project, release, what, expected).await?;
    let view = RebaseView::of(rebase, &asked.page()?);
    Ok(HttpResponse::Ok().insert_header(tag(view.revision)).json(view))
}
