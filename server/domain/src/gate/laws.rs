//! What holds of every decision, whatever the facts.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::*;
use crate::access::Role;
use crate::environment::{Environment, Served};
use crate::hash::ManifestId;
use crate::name::{BuildName, ReleaseNumber};
use crate::pin::Visibility;
use crate::release::ReleaseState;
use crate::time::Timestamp;

const HOUR_MICROS: i64 = 3_600_000_000;

/// All that facts borrow.
#[derive(Clone, Debug)]
struct World {
    policy: Policy,
    environment: Environment,
    build: BuildFacts,
    stays: Vec<Stay>,
    locks: [bool; 3],
    approvals: Vec<Approval>,
    waivers: Vec<Waiver>,
    items: Vec<ItemFacts>,
    outside: Vec<OutsideFacts>,
    open_points: Vec<String>,
    missing: Vec<String>,
    at: Timestamp,
}

fn name(release: i64) -> BuildName {
    BuildName { release: ReleaseNumber::new(release), number: 1 }
}

fn served(release: i64) -> Served {
    Served { build: name(release), manifest: ManifestId::of(&release.to_le_bytes()) }
}

fn lock(build: Option<BuildName>) -> LockFacts {
    let classes = [Class::Regular, Class::Hotfix].into();
    LockFacts {
        build,
        classes,
        by_name: "Ada".into(),
        reason: "r".into(),
        since: Timestamp::from_micros(0),
        until: None,
    }
}

impl World {
    fn verdict(&self, class: Class, trigger: Trigger) -> Verdict {
        let question = Question {
            environment: self.environment.name.clone(),
            build: self.build.served.build,
            at: self.at,
            class,
            trigger,
            reason: "because".into(),
        };
        let (authors, changes, untraced) = (BTreeSet::new(), [], []);
        let checklist = ChecklistFacts { answered: 0, open: self.open_points.clone() };
        let facts = Facts {
            policy: &self.policy,
            environment: &self.environment,
            before: Some("staging".parse().unwrap()),
            stays: &self.stays,
            freeze: self.locks[0].then(|| lock(Some(name(99)))),
            stop: self.locks[1].then(|| lock(None)),
            hold: self.locks[2].then(|| lock(None)),
            build: &self.build,
            approvals: &self.approvals,
            waivers: &self.waivers,
            changes: &changes,
            authors: &authors,
            items: &self.items,
            untraced: &untraced,
            checklist: &checklist,
            outside: &self.outside,
            missing: &self.missing,
        };
        decide(&question, &facts)
    }
}

fn failing(verdict: &Verdict) -> BTreeSet<CheckName> {
    verdict.failures().map(|check| check.name.clone()).collect()
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Viewer), Just(Role::Editor), Just(Role::ReleaseManager), Just(Role::Administrator)]
}

fn window() -> impl Strategy<Value = Window> {
    (any::<bool>(), 0..48_i64, 1..30_i64, any::<bool>()).prop_map(|(freeze, start, hours, rollback)| {
        let starts = format!("2026-03-{:02}T{:02}:00:00", 1 + start / 24, start % 24);
        let classes = if rollback { vec!["regular", "rollback"] } else { vec!["regular", "hotfix"] };
        serde_json::from_value(serde_json::json!({ "name": format!("w{start}-{hours}-{freeze}"), "classes": classes,
            "kind": if freeze { "freeze" } else { "change" }, "starts": starts, "lasts": format!("PT{hours}H"), "zone": "UTC" }))
        .unwrap()
    })
}

fn policy() -> impl Strategy<Value = Policy> {
    let flags = prop::collection::vec(any::<bool>(), 6);
    let rule =
        (1..3_u32, role(), any::<bool>(), any::<bool>()).prop_map(|(count, role, author, builder)| ApprovalRule {
            count,
            role,
            exclude_author: author,
            exclude_builder: builder,
            paths: BTreeSet::new(),
            classes: [Class::Regular, Class::Hotfix].into(),
        });
    let (rules, windows) = (prop::collection::vec(rule, 0..3), prop::collection::vec(window(), 0..3));
    (flags, 0..200_u32, rules, windows, any::<bool>()).prop_map(|(flags, soak, approvals, windows, outside)| Policy {
        order: flags[0],
        soak_minutes: soak,
        frozen: flags[1],
        agreed_date: flags[2],
        work_items_authorised: flags[3],
        evidence: flags[4],
        dependencies: flags[5],
        approvals,
        windows,
        outside: outside.then(|| OutsideRule { name: "ci".into(), age_minutes_max: None }).into_iter().collect(),
        ..Policy::default()
    })
}

fn approval() -> impl Strategy<Value = Approval> {
    (0..4_u8, role(), any::<bool>()).prop_map(|(who, role, yes)| Approval {
        by: format!("@p{who}"),
        by_name: format!("P{who}"),
        role,
        decision: if yes { Decision::Approved } else { Decision::Rejected },
        reason: "r".into(),
        at: Timestamp::from_micros(0),
    })
}

fn world() -> impl Strategy<Value = World> {
    let state = prop_oneof![Just(ReleaseState::Draft), Just(ReleaseState::Frozen), Just(ReleaseState::Closed)];
    let build =
        (state, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(state, frozen, agreed, moved)| BuildFacts {
            served: served(7),
            created_at: Timestamp::from_micros(0),
            builder: "@p0".into(),
            base: Some(name(if moved { 5 } else { 6 })),
            tracks: Some("production".parse().unwrap()),
            state,
            frozen_on: frozen.then(|| name(7)),
            agreed_for: agreed.then(|| Timestamp::from_micros(0)),
            creator: "@p1".into(),
        });
    let at = "2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap();
    let stays = prop::collection::vec(0..4_i64, 0..2).prop_map(move |hours| {
        let since = |hours| Timestamp::from_micros(at.as_micros() - hours * HOUR_MICROS);
        hours.into_iter().map(|hours| Stay { since: since(hours), until: None }).collect()
    });
    let item = (any::<bool>(), 0..3_u64, any::<bool>()).prop_map(|(unauthorised, passed, failed)| ItemFacts {
        number: crate::name::WorkItemNumber::new(1),
        unauthorised: unauthorised.then(|| "by nobody".into()),
        evidence: EvidenceFacts { passed, failed: failed.then(|| "case".into()).into_iter().collect() },
    });
    let texts = || prop::collection::vec(Just("x".to_owned()), 0..2);
    let outside = any::<Option<Option<bool>>>().prop_map(move |report| {
        let facts = |passed| OutsideFacts { name: "ci".into(), passed, summary: String::new(), at };
        report.map(facts).into_iter().collect()
    });
    let people =
        (prop::collection::vec(approval(), 0..6), prop::collection::vec(item, 0..3), texts(), texts(), outside);
    (policy(), build, stays, any::<[bool; 3]>(), people).prop_map(
        move |(policy, build, stays, locks, (approvals, items, open_points, missing, outside))| World {
            policy,
            environment: Environment {
                name: "production".parse().unwrap(),
                position: 3,
                visibility: Visibility::Public,
                serves: Some(served(6)),
                revision: 3,
            },
            build,
            stays,
            locks,
            approvals,
            waivers: Vec::new(),
            items,
            outside,
            open_points,
            missing,
            at,
        },
    )
}

proptest! {
    #[test]
    fn a_stricter_policy_lets_nothing_pass_that_was_stopped(world in world(), more in policy()) {
        let before = failing(&world.verdict(Class::Regular, Trigger::Person));
        let mut stricter = world.clone();
        stricter.policy = world.policy.clone().merged_with(more.clone());
        // A change window can only open where there is none yet or another one is open: it is the one rule that adds ways.
        let after = failing(&stricter.verdict(Class::Regular, Trigger::Person));
        let has_change = more.windows.iter().any(|window| window.kind() == WindowKind::Change);
        for name in before {
            prop_assert!(after.contains(&name) || (name == CheckName::Window && has_change), "{name}");
        }
    }

    #[test]
    fn the_glass_shields_soak_approvals_and_windows_and_nothing_else(world in world()) {
        let regular = failing(&world.verdict(Class::Regular, Trigger::Person));
        let broken = failing(&world.verdict(Class::BreakGlass, Trigger::Person));
        let shielded: BTreeSet<_> = regular.difference(&broken).cloned().collect();
        // A stop names its classes, and this one does not name break_glass.
        prop_assert!(shielded.iter().all(|name| name.is_behind_glass() || *name == CheckName::Stop), "{shielded:?}");
        prop_assert!(broken.iter().all(|name| !name.is_behind_glass() && regular.contains(name)), "{broken:?}");
    }

    #[test]
    fn a_waiver_excuses_its_check_until_its_end_and_nothing_else(world in world(), which in 0..19_usize, late in any::<bool>()) {
        let before = world.verdict(Class::Regular, Trigger::Person);
        let Some(check) = before.checks.get(which).map(|check| check.name.clone()) else { return Ok(()) };
        let ends_at = world.at.plus_ms(if late { 0 } else { 1 });
        let (by_name, reason) = ("Ada".to_owned(), "fair".to_owned());
        let mut waived = world.clone();
        waived.waivers = vec![Waiver { check: check.clone(), release: None, by_name, reason, ends_at }];
        let after = failing(&waived.verdict(Class::Regular, Trigger::Person));
        let mut expected = failing(&before);
        if check.is_waivable() && !late {
            expected.remove(&check);
        }
        prop_assert_eq!(after, expected);
    }

    #[test]
    fn a_rollback_is_stopped_only_by_what_names_its_class(world in world()) {
        let verdict = world.verdict(Class::Rollback, Trigger::Person);
        let names = failing(&verdict);
        prop_assert!(names.iter().all(|name| *name == CheckName::Window), "{names:?}");
        if !world.policy.windows.iter().any(|window| window.binds(Class::Rollback)) {
            prop_assert!(verdict.passes());
        }
    }

    #[test]
    fn a_hold_stops_everything_but_people(world in world()) {
        for trigger in [Trigger::Schedule, Trigger::Automation] {
            let names = failing(&world.verdict(Class::Regular, trigger));
            prop_assert_eq!(names.contains(&CheckName::Hold), world.locks[2]);
        }
        let by_hand = failing(&world.verdict(Class::Regular, Trigger::Person));
        prop_assert!(!by_hand.contains(&CheckName::Hold));
    }

    #[test]
    fn enough_people_have_said_yes_and_nobody_no_where_approvals_pass(world in world()) {
        let verdict = world.verdict(Class::Regular, Trigger::Person);
        let Some(check) = verdict.checks.iter().find(|check| check.name == CheckName::Approvals) else {
            prop_assert!(world.policy.approvals.is_empty());
            return Ok(());
        };
        let last = |who: &str| world.approvals.iter().rev().find(|approval| approval.by == who);
        let holds = world.policy.approvals.iter().all(|rule| {
            let merged_author = world.policy.approvals.iter().any(|r| r.role == rule.role && r.exclude_author);
            let merged_builder = world.policy.approvals.iter().any(|r| r.role == rule.role && r.exclude_builder);
            let yes = ["@p0", "@p1", "@p2", "@p3"].into_iter().filter_map(last).filter(|approval| {
                approval.decision == Decision::Approved
                    && approval.role >= rule.role
                    && !(merged_author && approval.by == world.build.creator)
                    && !(merged_builder && approval.by == world.build.builder)
            });
            yes.count() >= rule.count as usize
        });
        let lowest = world.policy.approvals.iter().map(|rule| rule.role).min();
        let no = ["@p0", "@p1", "@p2", "@p3"].into_iter().filter_map(last);
        let is_rejected = no.into_iter().any(|a| a.decision == Decision::Rejected && Some(a.role) >= lowest);
        prop_assert_eq!(!check.fails(), holds && !is_rejected);
    }
}

#[test]
fn each_refusal_says_what_would_help() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..200 {
        let world = world().new_tree(&mut runner).unwrap().current();
        for check in world.verdict(Class::Regular, Trigger::Schedule).failures() {
            let Outcome::Fail { remedy } = &check.outcome else { panic!("it fails") };
            assert!(remedy.len() > 5 && check.reason.len() > 5, "{check:?}");
        }
    }
}
