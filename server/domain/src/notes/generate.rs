//! Turning facts into notes, as the template says.

use std::collections::BTreeMap;

use super::Audience;
use super::document::{
    AccessNote, AddressNote, ContentNote, FolderNotes, ImpactNote, NotesDocument, NotesSection, ParameterNote,
    PathNote, SectionBody,
};
use super::facts::{NoteChange, NotesFacts, NotesSubject};
use super::template::{AudienceTemplate, NotesTemplate, SectionKind, SectionTemplate};
use crate::pin::{Entry, Key, Parameter, Pin, Visibility};
use crate::time::Timestamp;

/// As much of a parameter's value as notes show, in characters.
const VALUE_CHARS_MAX: usize = 200;

/// The notes for an audience. Equal facts give equal notes.
pub fn generate(audience: Audience, template: &NotesTemplate, facts: &NotesFacts) -> NotesDocument {
    let AudienceTemplate { heading, introduction, shows_numbers, sections } = template.of(audience);
    let section = |template: &SectionTemplate| {
        let body = body(template.section, facts)?;
        Some(NotesSection { section: template.section, heading: template.heading.clone(), body })
    };
    NotesDocument {
        audience,
        heading: format!("{heading}: {}", title(&facts.subject, *shows_numbers)),
        introduction: introduction.clone(),
        subject: facts.subject.clone(),
        shows_numbers: *shows_numbers,
        sections: sections.iter().filter_map(section).collect(),
    }
}

fn title(subject: &NotesSubject, shows_numbers: bool) -> String {
    match subject {
        NotesSubject::Release { release, title, .. } if shows_numbers => format!("{release} {title}"),
        NotesSubject::Release { title, .. } => title.clone(),
        NotesSubject::Environment { environment, from, to, .. } => {
            format!("{environment}, {} to {}", minute(*from), minute(*to))
        }
    }
}

/// An instant to the minute.
fn minute(at: Timestamp) -> String {
    let text = at.to_string();
    match (text.get(..10), text.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => text,
    }
}

/// What a section says; `None` when that is nothing.
fn body(section: SectionKind, facts: &NotesFacts) -> Option<SectionBody> {
    let NotesFacts { items, items_left_out: left_out, changes, rest, totals, .. } = facts;
    match section {
        SectionKind::Summary => is_compared(&facts.subject).then_some(SectionBody::Summary { totals: *totals }),
        SectionKind::Items => {
            (!items.is_empty()).then(|| SectionBody::Items { items: items.clone(), left_out: *left_out })
        }
        SectionKind::Impact => {
            let impact = |item: &super::NoteItem| ImpactNote { item: item.number, text: item.impact.clone() };
            let impacts: Vec<_> = items.iter().filter(|item| !item.impact.trim().is_empty()).map(impact).collect();
            (!impacts.is_empty()).then_some(SectionBody::Impact { impacts, left_out: *left_out })
        }
        SectionKind::Folders => {
            let folders = folders(changes);
            (!folders.is_empty() || !rest.is_empty()).then(|| SectionBody::Folders { folders, rest: rest.clone() })
        }
        SectionKind::Addresses => {
            let addresses: Vec<_> = changes.iter().filter_map(address).collect();
            (!addresses.is_empty() || !rest.is_empty())
                .then(|| SectionBody::Addresses { addresses, rest: rest.clone() })
        }
        SectionKind::Parameters => {
            let parameters: Vec<_> = changes.iter().filter_map(parameter).collect();
            (!parameters.is_empty()).then_some(SectionBody::Parameters { parameters })
        }
        SectionKind::Access => {
            let rules: Vec<_> = changes.iter().filter_map(rule).collect();
            (!rules.is_empty()).then_some(SectionBody::Access { rules })
        }
    }
}

const fn is_compared(subject: &NotesSubject) -> bool {
    match subject {
        NotesSubject::Release { build, .. } => build.is_some(),
        NotesSubject::Environment { .. } => true,
    }
}

fn folders(changes: &[NoteChange]) -> Vec<FolderNotes> {
    let mut folders: BTreeMap<&str, Vec<PathNote>> = BTreeMap::new();
    for change in changes.iter().filter(|change| matches!(Key::parse(&change.key), Some(Key::Path(_)))) {
        let folder = change.key.rsplit_once('/').map_or("", |(folder, _)| folder);
        let NoteChange { kind, key, from_key, by, .. } = change;
        let note = PathNote { change: *kind, path: key.clone(), from_path: from_key.clone(), by: by.clone() };
        folders.entry(folder).or_default().push(note);
    }
    folders.into_iter().map(|(folder, paths)| FolderNotes { folder: folder.to_owned(), paths }).collect()
}

fn pin(entry: Option<&Entry>) -> Option<&Pin> {
    match entry {
        Some(Entry::Pin(pin)) => Some(pin),
        Some(Entry::Parameter(_) | Entry::Access(_)) | None => None,
    }
}

fn address(change: &NoteChange) -> Option<AddressNote> {
    let (before, after) = (pin(change.before.as_ref()), pin(change.after.as_ref()));
    before.or(after)?;
    let content = |pin: &Pin| ContentNote {
        version: pin.version,
        content: pin.content,
        media_type: pin.media_type.clone(),
        size_bytes: pin.size_bytes,
        width: pin.dimensions.map(|(width, _)| width),
        height: pin.dimensions.map(|(_, height)| height),
    };
    Some(AddressNote {
        change: change.kind,
        path: change.key.clone(),
        from_path: change.from_key.clone(),
        metadata_changed: before.zip(after).is_some_and(|(before, after)| before.metadata != after.metadata),
        before: before.map(content),
        after: after.map(content),
    })
}

fn parameter(change: &NoteChange) -> Option<ParameterNote> {
    let Some(Key::Parameter(name)) = Key::parse(&change.key) else { return None };
    let values = |entry: &Option<Entry>| match entry {
        Some(Entry::Parameter(Parameter { value, by_environment })) => Some(Parameter {
            value: cut(value),
            by_environment: by_environment.iter().map(|(name, value)| (name.clone(), cut(value))).collect(),
        }),
        Some(Entry::Pin(_) | Entry::Access(_)) | None => None,
    };
    let (before, after) = (values(&change.before), values(&change.after));
    Some(ParameterNote { change: change.kind, name: name.to_string(), before, after })
}

fn cut(value: &str) -> String {
    match value.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

fn rule(change: &NoteChange) -> Option<AccessNote> {
    let Some(Key::Access(folder)) = Key::parse(&change.key) else { return None };
    let visibility = |entry: &Option<Entry>| -> Option<Visibility> {
        match entry {
            Some(Entry::Access(visibility)) => Some(*visibility),
            Some(Entry::Pin(_) | Entry::Parameter(_)) | None => None,
        }
    };
    let (before, after) = (visibility(&change.before), visibility(&change.after));
    Some(AccessNote { change: change.kind, folder: folder.to_string(), before, after })
}
