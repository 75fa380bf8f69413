//! Negotiating the date of a release.

use shelfmark_domain::access::{Permission, Scope};
use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::name::{ProjectName, ReleaseNumber};
use shelfmark_domain::negotiation::{Negotiation, Negotiator, Unacceptable};
use shelfmark_domain::release::StepRefused;
use shelfmark_domain::target::{InvalidTarget, TargetDate, Zone};

use crate::Engine;
use crate::catalog::{AgreementRow, AuditDraft, CatalogError, DateRow, ProjectRow, ReleaseRow, Write};
use crate::operations::people::caller::{AccessError, Caller};
use crate::operations::releases::{ReleaseError, audit};
use crate::operations::revision::{Stale, check_revision};
use crate::operations::text::{InvalidText, check_text};

/// Why a plan was not changed.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error("there is no proposal {number} for the date of {release}; list them with GET releases/{release}/dates")]
    NoProposal { release: ReleaseNumber, number: i64 },
    #[error(transparent)]
    Step(#[from] StepRefused),
    #[error("nothing of release {0} is selected; name keys or a folder of its changes")]
    NothingSelected(ReleaseNumber),
    #[error(transparent)]
    Target(#[from] InvalidTarget),
    #[error(transparent)]
    Unacceptable(#[from] Unacceptable),
    #[error(transparent)]
    Release(#[from] ReleaseError),
    #[error(transparent)]
    Text(#[from] InvalidText),
    #[error(transparent)]
    Stale(#[from] Stale),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for PlanError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoProposal { .. } => FailureKind::NotFound,
            Self::Step(error) => error.kind(),
            Self::NothingSelected(_) => FailureKind::Conflict,
            Self::Target(error) => error.kind(),
            Self::Unacceptable(error) => error.kind(),
            Self::Release(error) => error.kind(),
            Self::Text(error) => error.kind(),
            Self::Stale(error) => error.kind(),
            Self::Access(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Target(error) => error.field(),
            Self::Unacceptable(error) => error.field(),
            Self::Release(error) => error.field(),
            Self::Text(error) => error.field(),
            _ => None,
        }
    }

    fn present_revision(&self) -> Option<i64> {
        match self {
            Self::Stale(error) => error.present_revision(),
            Self::Release(error) => error.present_revision(),
            _ => None,
        }
    }
}

/// A date to be proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateDraft {
    /// Local in the zone, or with an offset that the zone has then.
    pub date: String,
    /// `None` when the date names it itself.
    pub zone: Option<Zone>,
    pub remark: String,
    /// The release's revision that the caller saw, if it insists on it.
    pub expected: Option<i64>,
}

/// What one request about a date starts from.
struct Negotiating {
    write: Write,
    release: ReleaseRow,
    newest: Option<DateRow>,
    by: Negotiator,
}

impl Negotiating {
    async fn begin(
        engine: &Engine,
        caller: &Caller,
        project: &ProjectRow,
        number: ReleaseNumber,
        expected: Option<i64>,
    ) -> Result<Self, PlanError> {
        let mut write = caller.begin(&engine.catalog).await?;
        let release = write.release(project.number, number).await?.ok_or(ReleaseError::NoRelease(number))?;
        check_revision(format!("release {number}"), expected, release.revision)?;
        let newest = write.reading().newest_date(project.number, number).await?;
        let plans = caller.principal.require(Permission::PlanReleases, Scope::Project(&project.name));
        let by = Negotiator { id: caller.principal.id.clone(), is_planner: plans.is_ok() };
        Ok(Self { write, release, newest, by })
    }

    fn negotiation(&self) -> Negotiation {
        self.newest.as_ref().map_or(Negotiation::Unplanned, DateRow::negotiation)
    }
}

/// Proposes a date for a release, or another one than was proposed. What had been agreed is open again then.
///
/// # Errors
/// See `PlanError`; nothing has been changed.
pub async fn propose_date(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: ReleaseNumber,
    draft: DateDraft,
) -> Result<DateRow, PlanError> {
    let DateDraft { date, zone, remark, expected } = draft;
    let project = caller.project(&engine.catalog, project, Permission::Participate).await?;
    check_text("remark", &remark, engine.limits.text_bytes_max)?;
    let date = TargetDate::parse(&date, zone)?;
    if let Some(earlier) = earlier(engine, caller, &project, number).await? {
        return Ok(earlier);
    }
    let mut at = Negotiating::begin(engine, caller, &project, number, expected).await?;
    let (proposal, reopens) = at.negotiation().propose(at.release.state, date, at.by.clone(), caller.now)?;
    let proposed = DateRow {
        release: number,
        proposal,
        proposed_by: caller.principal.name.clone(),
        proposed_at: caller.now,
        remark,
        reopens,
        agreement: None,
        is_newest: true,
    };
    at.write.insert_date(project.number, &proposed).await?;
    record(at, caller, &project, "release.date_proposed", &proposed, &proposed.remark).await?;
    Ok(proposed)
}

/// Agrees to the newest proposal, by its number.
///
/// # Errors
/// See `PlanError`; nothing has been changed.
pub async fn agree_to_date(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    release: ReleaseNumber,
    number: i64,
    (remark, expected): (String, Option<i64>),
) -> Result<DateRow, PlanError> {
    let project = caller.project(&engine.catalog, project, Permission::Participate).await?;
    check_text("remark", &remark, engine.limits.text_bytes_max)?;
    if let Some(earlier) = earlier(engine, caller, &project, release).await? {
        return Ok(earlier);
    }
    let mut at = Negotiating::begin(engine, caller, &project, release, expected).await?;
    at.negotiation().agree(at.release.state, number, &at.by, caller.now)?;
    let proposed = at.newest.take().ok_or(Unacceptable::Nothing)?;
    let (agreer, by) = (caller.principal.id.clone(), caller.principal.name.clone());
    let agreement = AgreementRow { agreer, by, at: caller.now, remark };
    at.write.agree_to_date(project.number, release, number, &agreement).await?;
    let agreed = DateRow { agreement: Some(agreement.clone()), ..proposed };
    record(at, caller, &project, "release.date_agreed", &agreed, &agreement.remark).await?;
    Ok(agreed)
}

async fn record(
    at: Negotiating,
    caller: &Caller,
    project: &ProjectRow,
    action: &'static str,
    row: &DateRow,
    remark: &str,
) -> Result<(), PlanError> {
    let Negotiating { mut write, release, .. } = at;
    let DateRow { proposal, reopens, .. } = row;
    let details = serde_json::json!({ "proposal": proposal.number, "date": proposal.date.to_string(),
        "at": proposal.date.at, "reopens": reopens });
    let draft = AuditDraft { message: remark.to_owned(), ..audit(action, project, release.number, details) };
    write.record(&caller.principal, caller.now, draft);
    write.update_release(project.number, &release).await?;
    caller.note_outcome(&mut write, &proposal.number).await?;
    Ok(write.commit().await?)
}

/// What came of an earlier request with the same key.
async fn earlier(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectRow,
    release: ReleaseNumber,
) -> Result<Option<DateRow>, PlanError> {
    let Some(number) = caller.earlier_outcome::<i64>(&engine.catalog).await? else { return Ok(None) };
    let row = engine.catalog.date(project.number, release, number).await?;
    row.map(Some).ok_or(PlanError::NoProposal { release, number })
}
