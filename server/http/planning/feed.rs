//! The calendar as iCalendar (RFC 5545). Folding, escaping and line ends are the library's; what is said is ours.

use icalendar::{Calendar, Component as _, Event, EventStatus, Property};

use shelfmark_domain::release::ReleaseState;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::{PlannedRow, ProjectRow};

/// The calendar of a project with these releases.
pub fn calendar(project: &ProjectRow, url: &str, planned: &[PlannedRow]) -> String {
    let title = if project.title.is_empty() { project.name.to_string() } else { one_line(&project.title) };
    let mut calendar = Calendar::empty();
    calendar.append_property(Property::new("VERSION", "2.0"));
    calendar.append_property(Property::new("PRODID", "-//Shelfmark//Releases//EN"));
    calendar.append_property(Property::new("CALSCALE", "GREGORIAN"));
    calendar.append_property(Property::new("X-WR-CALNAME", format!("Releases of {title}")));
    for row in planned {
        calendar.push(event(project, url, row));
    }
    calendar.to_string()
}

fn event(project: &ProjectRow, url: &str, row: &PlannedRow) -> Event {
    let PlannedRow { date, title, kind, manager, state, revision } = row;
    let (number, target) = (date.release, &date.proposal.date);
    let changed_at = date.agreement.as_ref().map_or(date.proposed_at, |agreement| agreement.at);
    let (status, said) = match (state, &date.agreement) {
        (ReleaseState::Cancelled, _) => (EventStatus::Cancelled, "cancelled"),
        (_, Some(_)) => (EventStatus::Confirmed, "agreed"),
        (_, None) => (EventStatus::Tentative, "proposed"),
    };
    let manager = manager.as_ref().map_or_else(|| "nobody yet".to_owned(), ToString::to_string);
    let description = format!(
        "{target}, {said}\nState: {}\nKind: {}\nManager: {manager}",
        state.as_str().replace('_', " "),
        kind.as_str()
    );
    let mut event = Event::new();
    // The project's instant of making tells projects of one name on two servers apart.
    event.uid(&format!("{number}.{}.{}@shelfmark", project.name, project.created_at.as_micros()));
    event.add_property("DTSTAMP", instant(changed_at));
    event.add_property("LAST-MODIFIED", instant(changed_at));
    event.add_property("DTSTART", instant(target.at));
    event.sequence(u32::try_from(*revision).unwrap_or(u32::MAX));
    event.status(status);
    event.summary(&format!("{number} {}", one_line(title)));
    event.description(&description);
    event.url(&format!("{url}/api/v1/projects/{}/releases/{number}", project.name));
    event.add_property("TRANSP", "TRANSPARENT");
    event.done()
}

/// `20260327T160000Z`
fn instant(at: Timestamp) -> String {
    let text = at.to_string();
    let seconds = text.split('.').next().unwrap_or(&text);
    format!("{}Z", seconds.replace(['-', ':'], "").trim_end_matches('Z'))
}

/// What people wrote, on one line and without what no calendar may hold.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect()
}

#[cfg(test)]
mod tests {
    use shelfmark_domain::name::ReleaseNumber;
    use shelfmark_domain::negotiation::{Negotiator, Proposal};
    use shelfmark_domain::release::ReleaseKind;
    use shelfmark_domain::target::TargetDate;
    use shelfmark_engine::catalog::DateRow;

    use super::*;

    fn planned(title: &str, state: ReleaseState) -> PlannedRow {
        let date = TargetDate::parse("2026-03-27T17:00:00+01:00[Europe/Berlin]", None).unwrap();
        let by = Negotiator { id: "@anna".into(), is_planner: true };
        let date = DateRow {
            release: ReleaseNumber::new(12),
            proposal: Proposal { number: 1, date, by },
            proposed_by: "Anna".into(),
            proposed_at: "2026-03-01T08:00:00Z".parse().unwrap(),
            remark: String::new(),
            reopens: false,
            agreement: None,
            is_newest: true,
        };
        PlannedRow { date, title: title.into(), kind: ReleaseKind::Regular, manager: None, state, revision: 4 }
    }

    fn text(title: &str, state: ReleaseState) -> String {
        let project = ProjectRow {
            number: 1,
            name: "site".parse().unwrap(),
            title: "a; b, c".into(),
            created_at: Timestamp::from_micros(7),
            revision: 1,
            asset_revision: 0,
            dictionary: None,
        };
        calendar(&project, "https://example.org", &[planned(title, state)])
    }

    #[test]
    fn a_feed_is_what_the_standard_says() {
        let title = "Spring; summer, \\ autumn\r\nEND:VEVENT ".to_owned() + &"größer ".repeat(30);
        let text = text(&title, ReleaseState::Draft);
        assert!(text.ends_with("END:VCALENDAR\r\n"));
        for line in text.split_terminator("\r\n") {
            assert!(line.len() <= 75 && !line.contains(['\r', '\n']), "{line:?}");
        }
        let unfolded = text.replace("\r\n ", "");
        let lines: Vec<&str> = unfolded.split_terminator("\r\n").collect();
        for line in [
            "VERSION:2.0",
            "UID:R-12.site.7@shelfmark",
            "DTSTART:20260327T160000Z",
            "DTSTAMP:20260301T080000Z",
            "SEQUENCE:4",
            "STATUS:TENTATIVE",
            "X-WR-CALNAME:Releases of a\\; b\\, c",
        ] {
            assert!(lines.contains(&line), "{line} in {lines:#?}");
        }
        assert_eq!(lines.iter().filter(|line| **line == "END:VEVENT").count(), 1);
        let summary = lines.iter().find(|line| line.starts_with("SUMMARY:")).unwrap();
        assert!(summary.starts_with("SUMMARY:R-12 Spring\\; summer\\, \\\\ autumn"), "{summary}");
        assert!(summary.contains(&"größer ".repeat(29)), "{summary}");
    }

    #[test]
    fn a_release_that_was_given_up_is_cancelled_and_the_same_feed_is_the_same_text() {
        assert!(text("a", ReleaseState::Cancelled).contains("\r\nSTATUS:CANCELLED\r\n"));
        assert_eq!(text("a", ReleaseState::Draft), text("a", ReleaseState::Draft));
    }
}
