//! The decision: one function, whoever asks.

use super::ask::{Class, Question, Trigger};
use super::check::{Check, Outcome, Verdict};
use super::facts::Facts;
use super::{approvals, content, place, process};

/// What each rule says of a question. The list names every rule that applies, in a fixed order; nothing moves unless
/// [`Verdict::passes`].
///
/// - A rollback obeys stops, and the windows and approval rules that name its class; what it takes back needs no tests.
/// - Breaking the glass passes soak, approvals and windows, and nothing else. They are listed as waived.
/// - A waiver excuses one check until an instant. Some checks protect others and can't be excused.
pub fn decide(question: &Question, facts: &Facts<'_>) -> Verdict {
    let mut checks = Vec::new();
    if question.class.is_promotion() {
        checks.push(place::state(facts));
        checks.push(place::base(facts));
        checks.push(place::freeze(facts));
    }
    checks.push(place::stop(question, facts));
    if question.trigger != Trigger::Person {
        checks.push(place::hold(question, facts));
    }
    if question.class.is_promotion() {
        checks.extend(place::way(question, facts));
    }
    checks.extend(place::window(question, facts));
    checks.extend(approvals::check(question, facts));
    if question.class.is_promotion() {
        checks.extend(process::checks(question, facts));
        checks.extend(content::checks(facts.policy, facts.changes, question.at));
    }
    Verdict { checks: checks.into_iter().map(|check| excused(check, question, facts)).collect() }
}

fn excused(check: Check, question: &Question, facts: &Facts<'_>) -> Check {
    if !check.fails() {
        return check;
    }
    if question.class == Class::BreakGlass && check.name.is_behind_glass() {
        let (by, why) = ("whoever broke the glass".to_owned(), question.reason.clone());
        return Check { outcome: Outcome::Waived { by, why, until: None }, ..check };
    }
    let release = question.build.release;
    let waiver = facts.waivers.iter().find(|waiver| {
        waiver.check == check.name && waiver.release.is_none_or(|of| of == release) && question.at < waiver.ends_at
    });
    match waiver.filter(|_| check.name.is_waivable()) {
        Some(waiver) => {
            let (by, why, until) = (waiver.by_name.clone(), waiver.reason.clone(), Some(waiver.ends_at));
            Check { outcome: Outcome::Waived { by, why, until }, ..check }
        }
        None => check,
    }
}
