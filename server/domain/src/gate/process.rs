//! Checks about the work behind a build: freeze, date, work items, evidence, checklist, outside systems, dependencies.

use super::ask::Question;
use super::check::{Check, CheckName};
use super::content::named;
use super::facts::Facts;
use super::rules::OutsideRule;

/// What each of the rules says; rules that aren't there say nothing.
pub(super) fn checks(question: &Question, facts: &Facts<'_>) -> Vec<Check> {
    let policy = facts.policy;
    let mut checks = Vec::new();
    if policy.frozen {
        checks.push(frozen(facts));
    }
    if policy.agreed_date {
        checks.push(date(question, facts));
    }
    if policy.work_items_authorised {
        checks.push(work_items(facts));
    }
    if policy.work_items_for_changes {
        checks.push(traceability(facts));
    }
    if policy.evidence {
        checks.push(evidence(facts));
    }
    if !facts.checklist.open.is_empty() || facts.checklist.answered > 0 {
        checks.push(checklist(facts));
    }
    checks.extend(policy.outside.iter().map(|rule| reported(rule, question, facts)));
    if policy.dependencies {
        checks.push(dependencies(facts));
    }
    checks
}

/// `1 test`, `2 tests`.
fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn frozen(facts: &Facts<'_>) -> Check {
    let build = facts.build.served.build;
    if facts.build.frozen_on == Some(build) {
        return Check::pass(CheckName::Frozen, format!("release {} is frozen on {build}", build.release));
    }
    let reason = match facts.build.frozen_on {
        Some(other) => format!("release {} is frozen on {other}", build.release),
        None => format!("release {} is not frozen", build.release),
    };
    Check::fail(CheckName::Frozen, reason, format!("freeze the release on {build}"))
}

fn date(question: &Question, facts: &Facts<'_>) -> Check {
    match facts.build.agreed_for {
        None => {
            Check::fail(CheckName::Date, "no target date is agreed", "propose one, and let someone else agree to it")
        }
        Some(date) if question.at < date => Check::fail(
            CheckName::Date,
            format!("the agreed date is {date}"),
            "wait until then, or agree on another date",
        ),
        Some(date) => Check::pass(CheckName::Date, format!("the agreed date was {date}")),
    }
}

fn work_items(facts: &Facts<'_>) -> Check {
    let not =
        facts.items.iter().filter_map(|item| Some(format!("{} ({})", item.number, item.unauthorised.as_deref()?)));
    let not: Vec<String> = not.collect();
    if not.is_empty() {
        let count = facts.items.len();
        return Check::pass(
            CheckName::WorkItems,
            format!("{count} work items are authorised for what the release pins"),
        );
    }
    Check::fail(
        CheckName::WorkItems,
        format!("not authorised: {}", named(&not)),
        "let the requesters authorise them, or take them out of the release and build again",
    )
}

fn traceability(facts: &Facts<'_>) -> Check {
    if facts.untraced.is_empty() {
        return Check::pass(CheckName::Traceability, "every changed asset answers a work item");
    }
    Check::fail(
        CheckName::Traceability,
        format!("no work item stands behind {}", named(facts.untraced)),
        "attach the versions to work items of the release, or leave them out",
    )
}

fn evidence(facts: &Facts<'_>) -> Check {
    let failed = facts
        .items
        .iter()
        .flat_map(|item| item.evidence.failed.iter().map(|case| format!("{} fails {case:?}", item.number)));
    let untested = facts.items.iter().filter(|item| item.evidence.passed == 0 && item.evidence.failed.is_empty());
    let lacking: Vec<String> = failed.chain(untested.map(|item| format!("{} has no test", item.number))).collect();
    if lacking.is_empty() {
        let passed: u64 = facts.items.iter().map(|item| item.evidence.passed).sum();
        return Check::pass(
            CheckName::Evidence,
            format!("passed on this build: {}; none failed last", counted(passed, "test")),
        );
    }
    Check::fail(
        CheckName::Evidence,
        format!("on this build {}", named(&lacking)),
        "test the build and file the evidence with its name",
    )
}

fn checklist(facts: &Facts<'_>) -> Check {
    if facts.checklist.open.is_empty() {
        let count = counted(facts.checklist.answered, "point");
        return Check::pass(CheckName::Checklist, format!("all of the checklist is confirmed: {count}"));
    }
    Check::fail(
        CheckName::Checklist,
        format!("not confirmed: {}", named(&facts.checklist.open)),
        "confirm each point of the release's checklist",
    )
}

fn reported(rule: &OutsideRule, question: &Question, facts: &Facts<'_>) -> Check {
    let (name, build) = (CheckName::Outside(rule.name.clone()), question.build);
    let Some(report) = facts.outside.iter().find(|report| report.name == rule.name) else {
        return Check::fail(
            name,
            format!("nothing is reported on {build}"),
            "let the outside system report on this build",
        );
    };
    let age_micros = question.at.as_micros().saturating_sub(report.at.as_micros());
    let is_old = rule.age_minutes_max.is_some_and(|max| age_micros > i64::from(max) * 60_000_000);
    match report.passed {
        Some(true) if is_old => {
            Check::fail(name, format!("the report of {} is too old", report.at), "let the outside system report anew")
        }
        Some(true) => Check::pass(name, format!("passed at {}: {}", report.at, report.summary)),
        Some(false) => {
            Check::fail(name, format!("failed at {}: {}", report.at, report.summary), "mend it and report anew")
        }
        None => Check::fail(name, format!("still runs since {}", report.at), "wait for its result"),
    }
}

fn dependencies(facts: &Facts<'_>) -> Check {
    if facts.missing.is_empty() {
        return Check::pass(CheckName::Dependencies, "what the changed assets refer to is in the build");
    }
    Check::fail(
        CheckName::Dependencies,
        format!("missing: {}", named(facts.missing)),
        "add the missing assets to the release and build it again",
    )
}
