//! Checks about where a build comes from and where it goes: the release's state, what the environment serves, its locks,
//! its windows, the environments before it.

use super::ask::{Question, Trigger};
use super::check::{Check, CheckName};
use super::facts::{Facts, Stay};
use super::window::opens_at;
use crate::release::ReleaseState;
use crate::time::Timestamp;

const MINUTE_MICROS: i64 = 60_000_000;

pub(super) fn state(facts: &Facts<'_>) -> Check {
    let release = facts.build.served.build.release;
    let shown = facts.build.state.as_str();
    match facts.build.state {
        ReleaseState::Draft | ReleaseState::Frozen | ReleaseState::Released | ReleaseState::RolledBack => {
            Check::pass(CheckName::State, format!("release {release} is {shown}"))
        }
        ReleaseState::Closed | ReleaseState::Cancelled => Check::fail(
            CheckName::State,
            format!("release {release} is {shown}"),
            "clone the release and promote a build of the new one",
        ),
    }
}

/// Whether the build takes something back without anyone having said so: it was built on what this environment served,
/// and the environment serves something else by now.
pub(super) fn base(facts: &Facts<'_>) -> Check {
    let (build, environment) = (facts.build, facts.environment);
    let served = environment.serves.map(|served| served.build);
    let is_on = build.tracks.as_ref() == Some(&environment.name);
    let Some(served) =
        served.filter(|served| is_on && build.base != Some(*served) && served.release != build.served.build.release)
    else {
        return Check::pass(CheckName::Base, "nothing that has come into the environment since is taken back");
    };
    let was = build.base.map_or_else(|| "nothing".to_owned(), |base| base.to_string());
    let name = &environment.name;
    Check::fail(
        CheckName::Base,
        format!("{} was built on {was}, and {name} serves {served} by now", build.served.build),
        format!(
            "build release {} again; what has changed on both sides is for a person to resolve",
            build.served.build.release
        ),
    )
}

pub(super) fn freeze(facts: &Facts<'_>) -> Check {
    let name = &facts.environment.name;
    let Some(lock) = facts.freeze.as_ref().filter(|lock| lock.build != Some(facts.build.served.build)) else {
        return Check::pass(CheckName::Freeze, format!("no other release holds {name}"));
    };
    let holder = lock.build.map_or_else(|| "a release".to_owned(), |build| build.to_string());
    let until = lock.until.map(|until| format!(", expected until {until}")).unwrap_or_default();
    Check::fail(
        CheckName::Freeze,
        format!("{} has frozen {name} for {holder} since {}{until}", lock.by_name, lock.since),
        "wait until that release is closed or unfrozen, or ask its manager",
    )
}

pub(super) fn stop(question: &Question, facts: &Facts<'_>) -> Check {
    let name = &facts.environment.name;
    match facts.stop.as_ref().filter(|stop| stop.classes.contains(&question.class)) {
        None => Check::pass(CheckName::Stop, format!("{name} is not stopped")),
        Some(stop) => Check::fail(
            CheckName::Stop,
            format!("{} has stopped {name} since {}: {}", stop.by_name, stop.since, stop.reason),
            "lift the stop when what it is for is over",
        ),
    }
}

pub(super) fn hold(question: &Question, facts: &Facts<'_>) -> Check {
    let name = &facts.environment.name;
    let asks = match question.trigger {
        Trigger::Schedule | Trigger::Automation => facts.hold.as_ref(),
        Trigger::Person | Trigger::Verification => None,
    };
    match asks {
        None => Check::pass(CheckName::Hold, format!("no rollback of {name} waits for a person")),
        Some(hold) => Check::fail(
            CheckName::Hold,
            format!("{} has rolled {name} back at {}: {}", hold.by_name, hold.since, hold.reason),
            "a person lifts the hold",
        ),
    }
}

/// The environments before: order and soak.
pub(super) fn way(question: &Question, facts: &Facts<'_>) -> Vec<Check> {
    let Some(before) = &facts.before else { return Vec::new() };
    let mut checks = Vec::new();
    if facts.policy.order {
        checks.push(match facts.stays.is_empty() {
            false => Check::pass(CheckName::Order, format!("{before} has served it")),
            true => Check::fail(
                CheckName::Order,
                format!("{before} has never served {}", question.build),
                format!("promote it to {before} first"),
            ),
        });
    }
    if facts.policy.soak_minutes > 0 {
        checks.push(soak(question, facts));
    }
    checks
}

fn soak(question: &Question, facts: &Facts<'_>) -> Check {
    let before = facts.before.as_ref().map(ToString::to_string).unwrap_or_default();
    let needed = i64::from(facts.policy.soak_minutes) * MINUTE_MICROS;
    let length = |stay: &Stay| {
        stay.until.unwrap_or(question.at).min(question.at).as_micros().saturating_sub(stay.since.as_micros())
    };
    let longest = facts.stays.iter().map(length).max().unwrap_or(0).max(0);
    if longest >= needed {
        return Check::pass(CheckName::Soak, format!("{before} has served it for {} minutes", longest / MINUTE_MICROS));
    }
    let serving = facts.stays.iter().find(|stay| stay.until.is_none());
    let remedy = match serving {
        Some(stay) => {
            let enough = Timestamp::from_micros(stay.since.as_micros().saturating_add(needed));
            format!("wait until {enough}")
        }
        None => format!("promote it to {before} and let it stay there"),
    };
    let needed = facts.policy.soak_minutes;
    Check::fail(
        CheckName::Soak,
        format!("{before} has served it for {} of {needed} minutes", longest / MINUTE_MICROS),
        remedy,
    )
}

/// The windows that bind the class, if any do.
pub(super) fn window(question: &Question, facts: &Facts<'_>) -> Option<Check> {
    let class = question.class.bound_as();
    let windows = &facts.policy.windows;
    if !windows.iter().any(|window| window.binds(class)) {
        return None;
    }
    Some(match opens_at(windows, class, question.at) {
        None => Check::pass(CheckName::Window, format!("no window keeps {} promotions out", class.as_str())),
        Some((window, opens)) => {
            let what = match window.kind() {
                super::WindowKind::Freeze => "is a freeze",
                super::WindowKind::Change => "is the next change window, and not open",
            };
            let remedy = match opens {
                Some(at) => format!("wait until {} ({at})", window.shown(at)),
                None => "it does not open again; change the policy's windows".to_owned(),
            };
            let at = window.shown(question.at);
            Check::fail(CheckName::Window, format!("window {} {what} at {at}", window.name()), remedy)
        }
    })
}
