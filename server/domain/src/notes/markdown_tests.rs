use proptest::prelude::*;

use super::super::facts::{NoteChange, NoteChangeKind, NotesFacts};
use super::super::{Audience, NotesTemplate, generate};
use super::*;
use crate::hash::ContentId;
use crate::metadata::Metadata;
use crate::name::{ReleaseNumber, WorkItemNumber};
use crate::pin::{AssetId, Entry, Pin};
use crate::time::Timestamp;
use crate::work_item::{WorkKind, WorkStatus};

fn pin(version: i64, size_bytes: u64) -> Entry {
    Entry::Pin(Pin {
        asset: AssetId([1; 16]),
        version,
        content: ContentId::of(&[version as u8]),
        size_bytes,
        media_type: "image/png".into(),
        dimensions: Some((10, 20)),
        modified_at: Timestamp::from_micros(0),
        metadata: Metadata::default(),
    })
}

fn change(kind: NoteChangeKind, key: &str, before: Option<Entry>, after: Option<Entry>) -> NoteChange {
    NoteChange { kind, key: key.into(), from_key: None, before, after, by: "ann".into() }
}

fn facts(title: &str, texts: &str) -> NotesFacts {
    let build = |number| Some(BuildName { release: ReleaseNumber::new(12), number });
    let changes = vec![
        change(NoteChangeKind::Changed, "-/access/img", None, Some(Entry::Access(Visibility::Private))),
        change(
            NoteChangeKind::Added,
            "-/parameters/theme",
            None,
            Some(Entry::Parameter(Parameter { value: texts.into(), by_environment: [].into() })),
        ),
        change(NoteChangeKind::Changed, "img/a.png", Some(pin(1, 5)), Some(pin(2, 7))),
    ];
    let mut totals = NotesTotals::default();
    changes.iter().for_each(|one| totals.count(one.kind, one.before.as_ref(), one.after.as_ref()));
    NotesFacts {
        subject: NotesSubject::Release {
            release: ReleaseNumber::new(12),
            title: title.into(),
            build: build(2),
            against: build(1),
        },
        items: vec![NoteItem {
            number: WorkItemNumber::new(7),
            release: ReleaseNumber::new(12),
            kind: WorkKind::Fix,
            status: WorkStatus::Released,
            title: title.into(),
            release_note: texts.into(),
            impact: texts.into(),
            requester: title.into(),
            assignee: Some(title.into()),
            paths: vec!["img/a.png".into()],
            paths_left_out: 3,
        }],
        items_left_out: 0,
        changes,
        rest: vec![FolderCount { folder: Some("docs".into()), changes: 4 }, FolderCount { folder: None, changes: 2 }],
        totals,
    }
}

fn written(audience: Audience, facts: &NotesFacts) -> String {
    to_markdown(&generate(audience, &NotesTemplate::default(), facts))
}

#[test]
fn editors_read_items_folders_and_people() {
    let text = written(Audience::Editors, &facts("New logo", "Sharper now."));
    for line in [
        "# Release notes for editors: R-12 New logo",
        "R-12.2 compared with R-12.1: 1 added, 2 changed, 0 removed, 0 moved; 5 bytes before, 7 bytes after.",
        "- **W-7** New logo (fix, requested by New logo, done by New logo)",
        "  - and 3 more",
        "### img",
        "- changed: img/a.png, by ann",
        "And 6 more changes, by folder:",
        "- docs: 4",
        "- elsewhere: 2",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
}

#[test]
fn platforms_read_what_each_address_serves() {
    let text = written(Audience::Platforms, &facts("New logo", "blue"));
    let (old, new) = (ContentId::of(&[1]), ContentId::of(&[2]));
    let row =
        format!("| changed | img/a.png | image/png, 5 bytes, 10×20, `{old}` | image/png, 7 bytes, 10×20, `{new}` |");
    for line in [row.as_str(), "| added | theme | - | blue |", "| changed | img | - | private |"] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    assert!(!text.contains("W-7"));
}

#[test]
fn users_read_what_they_will_notice_and_nothing_else() {
    let text = written(Audience::Users, &facts("New logo", "The logo is sharper."));
    assert_eq!(text, "# What is new: New logo\n\n## What you will notice\n\n- The logo is sharper.\n");
    let silent = written(Audience::Users, &facts("New logo", ""));
    assert_eq!(silent, "# What is new: New logo\n\nNothing to report.\n");
}

proptest! {
    /// No text of a person makes a line, a list, a heading or a tag of its own.
    #[test]
    fn texts_stay_within_their_lines(title in ".{0,40}", texts in "[-#+*<>`|!\\[\\]()\\\\&1-3.a \n]{0,40}") {
        for audience in Audience::ALL {
            let plain = written(audience, &facts("t", "x"));
            let text = written(audience, &facts(&format!("t{title}"), &format!("x{}", texts.replace('\n', " "))));
            prop_assert_eq!(text.lines().count(), plain.lines().count(), "{}", text);
            let mut escaped = false;
            for character in text.chars() {
                prop_assert!(escaped || !matches!(character, '<' | '>' | '['), "{}", text);
                escaped = character == '\\' && !escaped;
            }
        }
    }
}
