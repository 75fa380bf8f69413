//! Approvals: who has to say yes, and who has.

use std::collections::{BTreeMap, BTreeSet};

use super::ask::Question;
use super::check::{Check, CheckName};
use super::content::named;
use super::facts::{Approval, Decision, Facts};
use super::rules::{ApprovalRule, is_below_one};
use crate::access::Role;

/// What the rules for one role come to: the stricter of each.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    count: u32,
    exclude_author: bool,
    exclude_builder: bool,
}

/// The check, where any approval is asked for.
pub(super) fn check(question: &Question, facts: &Facts<'_>) -> Option<Check> {
    let asked = asked(question, facts);
    let lowest = asked.keys().next().copied()?;
    let decisions = last_decisions(facts.approvals);
    let no = decisions.iter().find(|approval| approval.decision == Decision::Rejected && approval.role >= lowest);
    if let Some(no) = no {
        return Some(Check::fail(
            CheckName::Approvals,
            format!("{} has rejected {}: {}", no.by_name, question.build, no.reason),
            "mend what is wrong and build again, or let them change their mind",
        ));
    }
    let lacking: Vec<String> =
        asked.iter().filter_map(|(role, asked)| lacking(*role, *asked, &decisions, facts)).collect();
    Some(match lacking.is_empty() {
        true => {
            let names: Vec<&str> = decisions.iter().map(|approval| approval.by_name.as_str()).collect();
            Check::pass(CheckName::Approvals, format!("approved by {}", named(&names)))
        }
        false => Check::fail(
            CheckName::Approvals,
            lacking.join("; "),
            format!("ask for approvals of {} in {}", question.build, question.environment),
        ),
    })
}

/// By role, what the rules that match ask for.
fn asked(question: &Question, facts: &Facts<'_>) -> BTreeMap<Role, Asked> {
    let class = question.class.bound_as();
    let touches = |rule: &ApprovalRule| {
        rule.paths.is_empty() || facts.changes.iter().any(|change| is_below_one(&change.key, &rule.paths))
    };
    let matching = facts.policy.approvals.iter().filter(|rule| rule.classes.contains(&class) && touches(rule));
    let mut asked: BTreeMap<Role, Asked> = BTreeMap::new();
    for rule in matching {
        let role = asked.entry(rule.role).or_default();
        role.count = role.count.max(rule.count);
        role.exclude_author |= rule.exclude_author;
        role.exclude_builder |= rule.exclude_builder;
    }
    asked
}

/// What everyone decided last.
fn last_decisions(approvals: &[Approval]) -> Vec<&Approval> {
    let mut last: BTreeMap<&str, &Approval> = BTreeMap::new();
    for approval in approvals {
        last.insert(&approval.by, approval);
    }
    last.into_values().collect()
}

/// What is missing of a role; `None` when enough have approved.
fn lacking(role: Role, asked: Asked, decisions: &[&Approval], facts: &Facts<'_>) -> Option<String> {
    let is_author = |by: &String| facts.authors.contains(by) || *by == facts.build.creator;
    let counts = |approval: &&&Approval| {
        approval.role >= role
            && !(asked.exclude_author && is_author(&approval.by))
            && !(asked.exclude_builder && approval.by == facts.build.builder)
    };
    let yes: BTreeSet<&str> = decisions.iter().filter(counts).map(|approval| approval.by.as_str()).collect();
    let found = u32::try_from(yes.len()).unwrap_or(u32::MAX);
    if found >= asked.count {
        return None;
    }
    let excluded = match (asked.exclude_author, asked.exclude_builder) {
        (true, true) => ", other than authors and whoever built it",
        (true, false) => ", other than authors",
        (false, true) => ", other than whoever built it",
        (false, false) => "",
    };
    Some(format!("{found} of {} approvals by the role {}{excluded}", asked.count, role.as_str()))
}
