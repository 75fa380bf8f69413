//! People before the gate, and what laws say of it in one line.

use serde_json::{Value, json};
use shelfmark_domain::access::{Grant, Principal, Role};
use shelfmark_domain::gate::{Check, CheckName, Decision, Question, Trigger, Verdict};
use shelfmark_domain::name::{BuildName, ReleaseNumber};
use shelfmark_engine::catalog::{ApprovalRow, PolicyRow};
use shelfmark_engine::operations::{
    AddedChange, ApprovalDraft, Base, DeployError, Deployed, FreezeDraft, GateError, Preview, Promotion, Way,
    decide_on_build, freeze, preview, promote, set_policy,
};

use crate::laws::ground::site::{Site, of};

/// Someone with a role in the project.
pub fn person(name: &str, role: Role) -> Principal {
    let grant = Grant { role, project: Some(of("site")), environment: None };
    Principal { id: format!("@{name}"), name: name.to_owned(), user: Some(of(name)), grants: vec![grant] }
}

impl Site {
    pub async fn set_policy(&self, environment: &str, policy: Value) -> PolicyRow {
        let policy = serde_json::from_value(policy).expect("the law writes a policy");
        let (caller, environment) = (self.caller(), of(environment));
        let set = set_policy(&self.engine, &caller, &self.name, Some(&environment), (policy, ""), None);
        set.await.expect("it is set")
    }

    /// A build of a new release that puts these bytes at a path.
    pub async fn build_with(&self, path: &str, bytes: &str) -> BuildName {
        self.put(path, bytes.to_owned()).await;
        let change = AddedChange::Asset { path: of(path), version: None };
        self.build_of(vec![change]).await.name
    }

    pub async fn rebuild(&self, release: ReleaseNumber) -> BuildName {
        self.try_build(release, Base::FinalEnvironment).await.expect("it is built").name
    }

    pub async fn ask(&self, environment: &str, build: BuildName) -> Verdict {
        self.ask_as(environment, build, Trigger::Person).await.1
    }

    pub async fn ask_as(&self, environment: &str, build: BuildName, trigger: Trigger) -> (Question, Verdict) {
        let asked = Preview { environment: of(environment), build, at: None, class: None, trigger };
        preview(&self.engine, &self.caller(), &self.name, asked).await.expect("it is asked")
    }

    pub async fn promote_by(&self, environment: &str, build: BuildName, way: Way) -> Result<Deployed, DeployError> {
        let promotion = Promotion { environment: of(environment), build, reason: "now".into(), way, expected: None };
        promote(&self.engine, &self.caller(), &self.name, promotion).await
    }

    pub async fn decide(
        &self,
        who: &Principal,
        environment: &str,
        build: BuildName,
        decision: Decision,
    ) -> Result<ApprovalRow, GateError> {
        let draft = ApprovalDraft { environment: of(environment), build, decision, reason: "looked at it".into() };
        let site = self.asked_by(who.clone());
        decide_on_build(&site.engine, &site.caller(), &site.name, draft).await
    }

    pub async fn try_freeze(&self, build: BuildName) -> Result<(), GateError> {
        let draft = FreezeDraft { build: Some(build), reason: "test".into(), ..FreezeDraft::default() };
        freeze(&self.engine, &self.caller(), &self.name, build.release, draft).await.map(drop)
    }
}

/// The checks that fail.
pub fn failing(verdict: &Verdict) -> Vec<CheckName> {
    verdict.failures().map(|check: &Check| check.name.clone()).collect()
}

/// The checks that stopped a promotion.
pub fn refused(done: Result<Deployed, DeployError>) -> Vec<CheckName> {
    match done {
        Err(DeployError::Refused(refusal)) => failing(&refusal.verdict),
        other => panic!("the gate let it through or something else failed: {other:?}"),
    }
}

/// One approval by a release manager who is not an author.
pub fn four_eyes() -> Value {
    json!({ "approvals": [{ "count": 1, "role": "release_manager", "exclude_author": true, "exclude_builder": true }] })
}
