//! Reading the facts of a decision, in one state of the rows.

use shelfmark_domain::environment::{Environment, Served};
use shelfmark_domain::gate::{
    Approval, BuildFacts, ChecklistFacts, Facts, LockFacts, OutsideFacts, Policy, Question, Stay, Verdict, Waiver,
    decide,
};
use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::name::{BuildName, EnvironmentName};
use shelfmark_domain::release::ReleaseKind;

use super::items::{items, untraced};
use super::prepared::{PrepareError, Prepared};
use crate::Engine;
use crate::catalog::{
    AnswerRow, CatalogError, ChecklistItemRow, ChecklistSelector, EnvironmentPointer, LockKind, LockRow, ProjectRow,
    Reading,
};

/// An environment, a build that it may serve, and the rules between them.
#[derive(Debug)]
pub(super) struct Place {
    pub environment: Environment,
    pub is_final: bool,
    /// The environment before it in the order.
    before: Option<EnvironmentName>,
    pub policy: Policy,
    build: BuildFacts,
    kind: ReleaseKind,
    /// The points of the checklist that may be asked before a promotion here.
    pub points: Vec<ChecklistItemRow>,
}

/// Why there is no place.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoPlace {
    #[error("no environment")]
    Environment,
    #[error("no build")]
    Build,
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Place {
    /// Reads it.
    ///
    /// # Errors
    /// `NoPlace`.
    pub(super) async fn read(
        rows: &mut Reading<'_>,
        project: &ProjectRow,
        environment: &EnvironmentName,
        build: BuildName,
    ) -> Result<Self, NoPlace> {
        let environments = rows.environments(project.number).await?;
        let at = environments.iter().position(|at| at.environment.name == *environment).ok_or(NoPlace::Environment)?;
        let name = |at: &EnvironmentPointer| at.environment.name.clone();
        let before = at.checked_sub(1).map(|before| name(&environments[before]));
        let is_final = at + 1 == environments.len();
        let policy = policy(rows, project, environment).await?;
        let agreed_for = match policy.agreed_date {
            true => rows.agreed_date(project.number, build.release).await?.map(|date| date.at),
            false => None,
        };
        let points = rows.asked_points(project.number, Some(environment.as_str())).await?;
        let (build, kind) = build_facts(rows, project, build).await?;
        let build = BuildFacts { agreed_for, ..build };
        let environment = environments[at].environment.clone();
        Ok(Self { environment, is_final, before, policy, build, kind, points })
    }

    /// What the environment serves, and what the build is.
    pub(super) fn manifests(&self) -> (Option<ManifestId>, ManifestId) {
        (self.environment.serves.map(|served| served.manifest), self.build.served.manifest)
    }

    /// The build as an environment serves it.
    pub(super) fn served(&self) -> Served {
        self.build.served
    }

    /// How urgent the build's release is.
    pub(super) fn kind(&self) -> ReleaseKind {
        self.kind
    }

    /// What the gate says.
    ///
    /// # Errors
    /// When rows or manifests can't be read.
    pub(super) async fn decide(
        &self,
        engine: &Engine,
        rows: &mut Reading<'_>,
        project: &ProjectRow,
        question: &Question,
        prepared: &Prepared,
    ) -> Result<Verdict, PrepareError> {
        let read = Read::of(self, rows, project, question).await?;
        let build = &self.build.served;
        let items = match self.policy.work_items_authorised || self.policy.evidence {
            true => items(engine, rows, project, build).await?,
            false => Vec::new(),
        };
        let untraced = match self.policy.work_items_for_changes {
            true => untraced(rows, project, build, &prepared.changes).await?,
            false => Vec::new(),
        };
        let checklist = checklist(&self.points, self.kind, prepared, &read.answers);
        let lock = |kind| read.locks.iter().find(|lock| lock.kind == kind).map(|lock| lock.facts.clone());
        let facts = Facts {
            policy: &self.policy,
            environment: &self.environment,
            before: self.before.clone(),
            stays: &read.stays,
            freeze: lock(LockKind::Freeze),
            stop: lock(LockKind::Stop),
            hold: lock(LockKind::Hold),
            build: &self.build,
            approvals: &read.approvals,
            waivers: &read.waivers,
            changes: &prepared.changes,
            authors: &prepared.authors,
            items: &items,
            untraced: &untraced,
            checklist: &checklist,
            outside: &read.outside,
            missing: &prepared.missing,
        };
        Ok(decide(question, &facts))
    }
}

/// The policy that holds for an environment: its own and the project's.
pub(in crate::operations) async fn policy(
    rows: &mut Reading<'_>,
    project: &ProjectRow,
    environment: &EnvironmentName,
) -> Result<Policy, CatalogError> {
    let own = rows.policy(project.number, Some(environment)).await?.map(|row| row.policy).unwrap_or_default();
    let common = rows.policy(project.number, None).await?.map(|row| row.policy).unwrap_or_default();
    Ok(own.merged_with(common))
}

async fn build_facts(
    rows: &mut Reading<'_>,
    project: &ProjectRow,
    name: BuildName,
) -> Result<(BuildFacts, ReleaseKind), NoPlace> {
    let build = rows.build(project.number, name).await?.ok_or(NoPlace::Build)?;
    let release = rows.release(project.number, name.release).await?.ok_or(NoPlace::Build)?;
    let freeze: Option<LockRow> = rows.freeze_of(project.number, name.release).await?;
    let facts = BuildFacts {
        served: Served { build: name, manifest: build.manifest },
        created_at: build.created_at,
        builder: build.builder,
        base: build.base,
        tracks: build.tracks,
        state: release.state,
        frozen_on: freeze.and_then(|lock| lock.facts.build),
        agreed_for: None,
        creator: release.creator,
    };
    Ok((facts, release.kind))
}

/// What is read only where a rule asks for it.
struct Read {
    stays: Vec<Stay>,
    locks: Vec<LockRow>,
    approvals: Vec<Approval>,
    waivers: Vec<Waiver>,
    answers: Vec<AnswerRow>,
    outside: Vec<OutsideFacts>,
}

impl Read {
    async fn of(
        place: &Place,
        rows: &mut Reading<'_>,
        project: &ProjectRow,
        question: &Question,
    ) -> Result<Self, CatalogError> {
        let (project, policy, environment) = (project.number, &place.policy, &place.environment.name);
        let manifest = place.build.served.manifest;
        let stays = match &place.before {
            Some(before) if policy.order || policy.soak_minutes > 0 => rows.stays(project, before, manifest).await?,
            _ => Vec::new(),
        };
        let approvals = match policy.approvals.is_empty() {
            true => Vec::new(),
            false => rows.approvals(project, manifest, environment).await?,
        };
        let outside = match policy.outside.is_empty() {
            true => Vec::new(),
            false => rows.last_reports(project, manifest).await?,
        };
        let answers = match place.points.is_empty() {
            true => Vec::new(),
            false => rows.answers(project, question.build.release).await?,
        };
        Ok(Self {
            stays,
            locks: rows.present_locks(project, environment).await?,
            approvals,
            waivers: rows.waivers_at(project, environment, question.at).await?,
            answers,
            outside,
        })
    }
}

/// Whether a release that changes these keys has to answer a point.
pub(in crate::operations) fn is_asked<'a>(
    selector: &ChecklistSelector,
    kind: ReleaseKind,
    keys: impl IntoIterator<Item = &'a str>,
) -> bool {
    let is_below = |key: &str| {
        selector.paths.iter().any(|folder| {
            let (first, end) = folder.range();
            key >= first.as_str() && end.is_none_or(|end| key < end.as_str())
        })
    };
    (selector.kinds.is_empty() || selector.kinds.contains(&kind))
        && (selector.paths.is_empty() || keys.into_iter().any(is_below))
}

fn checklist(
    points: &[ChecklistItemRow],
    kind: ReleaseKind,
    prepared: &Prepared,
    answers: &[AnswerRow],
) -> ChecklistFacts {
    let keys = || prepared.changes.iter().map(|change| change.key.as_str());
    let mut facts = ChecklistFacts::default();
    for point in points.iter().filter(|point| is_asked(&point.selector, kind, keys())) {
        match answers.iter().any(|answer| answer.item == point.number) {
            true => facts.answered += 1,
            false => facts.open.push(format!("{}: {}", point.number, point.text)),
        }
    }
    facts
}

/// A lock's facts as they are shown where it stands in the way of another one.
pub(super) fn shown(facts: &LockFacts) -> (String, String) {
    (facts.since.to_string(), facts.by_name.clone())
}
