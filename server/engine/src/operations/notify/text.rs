//! What a letter says: plain text, grouped by project, with links.

use std::fmt::Write as _;

use serde_json::Value;

use crate::catalog::LetterRow;

/// Most characters of what an actor said, in a letter.
const MESSAGE_CHARS_MAX: usize = 500;
const SUBJECT_CHARS_MAX: usize = 120;

/// A letter's subject and text. `url` is how people reach the service. The subject is one line without control
/// characters, whatever the events hold.
pub fn letter_text(letter: &LetterRow, reader: &str, url: &str) -> (String, String) {
    let subject = match letter.events.as_slice() {
        [event] => format!("[{}] {}", said(&event["data"]["project"]), headline(event)),
        events => format!("{} events in {}", events.len(), projects(events).join(", ")),
    };
    let mut text = format!("Hello {},\n", one_line(reader));
    for project in projects(&letter.events) {
        let _ = write!(text, "\nProject {project}\n"); // writing to a String can't fail
        for event in letter.events.iter().filter(|event| said(&event["data"]["project"]) == project) {
            tell(&mut text, event, url);
        }
    }
    let _ = writeln!(text, "\n-- \nYou have subscribed to this. To get no more of it:");
    let _ = writeln!(text, "{url}/api/v1/unsubscribe/{}", letter.unsubscribe);
    let _ = writeln!(text, "or: shelfmark unsubscribe {}", letter.subscriptions.join(" "));
    (one_line(&subject).chars().take(SUBJECT_CHARS_MAX).collect(), text)
}

/// The projects of events, in their order, each once.
fn projects(events: &[Value]) -> Vec<String> {
    let mut names: Vec<String> = events.iter().map(|event| said(&event["data"]["project"])).collect();
    names.dedup();
    names
}

fn headline(event: &Value) -> String {
    let (kind, data) = (said(&event["type"]).replace(['.', '_'], " "), &event["data"]);
    format!("{kind}: {} by {}", said(&data["subject"]), said(&data["actor"]["name"]))
}

fn tell(text: &mut String, event: &Value, url: &str) {
    let data = &event["data"];
    let _ = writeln!(text, "\n* {}", headline(event));
    let _ = writeln!(text, "  {}", said(&event["timestamp"]));
    let title = said(&data["details"]["title"]);
    if !title.is_empty() {
        let _ = writeln!(text, "  {}", title.chars().take(MESSAGE_CHARS_MAX).collect::<String>());
    }
    let message = said(&data["message"]);
    if !message.is_empty() {
        let _ = writeln!(text, "  \"{}\"", message.chars().take(MESSAGE_CHARS_MAX).collect::<String>());
    }
    let (project, after) = (said(&data["project"]), data["sequence"].as_i64().unwrap_or(1) - 1);
    let _ = writeln!(text, "  {url}/api/v1/projects/{project}/events?since={after}&follow=false");
}

fn said(value: &Value) -> String {
    one_line(value.as_str().unwrap_or_default())
}

/// The text as one line without control characters.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || c == '\u{2028}' || c == '\u{2029}' { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shelfmark_domain::time::Timestamp;

    use super::*;

    fn event(project: &str, subject: &str) -> Value {
        json!({ "type": "release.created", "timestamp": "2026-03-01T12:00:00Z", "data": {
            "project": project, "sequence": 7, "subject": subject, "actor": { "id": "@a", "name": "Anna" },
            "message": "why\r\nBcc: x@example.org", "details": { "title": "Spring" } } })
    }

    fn letter(events: Vec<Value>) -> LetterRow {
        LetterRow {
            id: "l".into(),
            user: "anna".parse().unwrap(),
            is_digest: events.len() > 1,
            events,
            subscriptions: vec!["s".into()],
            unsubscribe: "key".into(),
            tries: 0,
            created_at: Timestamp::from_micros(0),
        }
    }

    #[test]
    fn nothing_in_an_event_begins_a_line_of_its_own() {
        let (subject, text) =
            letter_text(&letter(vec![event("site", "R-1\r\nBcc: y@example.org")]), "A\nB", "https://x");
        assert_eq!(subject, "[site] release created: R-1  Bcc: y@example.org by Anna");
        assert!(!text.contains('\r') && text.lines().all(|line| !line.starts_with("Bcc")), "{text}");
        assert!(text.contains("https://x/api/v1/unsubscribe/key"), "{text}");
    }

    #[test]
    fn a_digest_is_grouped_by_project() {
        let (subject, text) = letter_text(
            &letter(vec![event("one", "R-1"), event("one", "R-2"), event("two", "R-1")]),
            "Anna",
            "https://x",
        );
        assert_eq!(subject, "3 events in one, two");
        assert_eq!(text.matches("\nProject ").count(), 2);
        assert!(text.find("Project one").unwrap() < text.find("R-2").unwrap());
    }
}
