//! Notes as Markdown (CommonMark with tables). What people wrote stays text.

use std::fmt::Write as _;

use super::document::{
    AccessNote, AddressNote, ContentNote, FolderCount, FolderNotes, ImpactNote, NotesDocument, ParameterNote,
    SectionBody,
};
use super::escape::{inline, paragraphs};
use super::facts::{NoteItem, NotesSubject, NotesTotals};
use crate::name::BuildName;
use crate::pin::{Parameter, Visibility};

/// The notes as Markdown. Equal documents give equal texts.
pub fn to_markdown(document: &NotesDocument) -> String {
    let mut blocks = vec![format!("# {}", inline(&document.heading))];
    blocks.push(paragraphs(&document.introduction, ""));
    for section in &document.sections {
        blocks.push(format!("## {}", inline(&section.heading)));
        blocks.push(match &section.body {
            SectionBody::Summary { totals } => summary(&document.subject, totals),
            SectionBody::Items { items, left_out } => items_list(items, *left_out, document.shows_numbers),
            SectionBody::Impact { impacts, left_out } => impact_list(impacts, *left_out, document.shows_numbers),
            SectionBody::Folders { folders, rest } => joined([folder_lists(folders), rest_list(rest)]),
            SectionBody::Addresses { addresses, rest } => joined([address_table(addresses), rest_list(rest)]),
            SectionBody::Parameters { parameters } => parameter_table(parameters),
            SectionBody::Access { rules } => access_table(rules),
        });
    }
    if document.sections.is_empty() {
        blocks.push("Nothing to report.".to_owned());
    }
    joined(blocks) + "\n"
}

fn joined(blocks: impl IntoIterator<Item = String>) -> String {
    blocks.into_iter().filter(|block| !block.is_empty()).collect::<Vec<_>>().join("\n\n")
}

fn summary(subject: &NotesSubject, totals: &NotesTotals) -> String {
    let NotesTotals { added, changed, removed, moved, bytes_before, bytes_after } = totals;
    let counts = format!("{added} added, {changed} changed, {removed} removed, {moved} moved");
    let shown = |build: &Option<BuildName>| build.map_or_else(|| "nothing".to_owned(), |build| build.to_string());
    let mut text = match subject {
        NotesSubject::Release { build, against, .. } => {
            format!("{} compared with {}: {counts}; ", shown(build), shown(against))
        }
        NotesSubject::Environment { served_from, served_to, .. } => {
            format!("{} compared with {}: {counts}; ", shown(served_to), shown(served_from))
        }
    };
    let _ = write!(text, "{bytes_before} bytes before, {bytes_after} bytes after."); // writing to a String can't fail
    if let NotesSubject::Environment { releases, taken_back, .. } = subject {
        for (what, list) in [("Releases", releases), ("Taken back", taken_back)] {
            let names: Vec<String> = list.iter().map(ToString::to_string).collect();
            if !names.is_empty() {
                let _ = write!(text, "\n\n{what}: {}.", names.join(", "));
            }
        }
    }
    text
}

fn items_list(items: &[NoteItem], left_out: u64, shows_numbers: bool) -> String {
    let mut blocks = Vec::new();
    for item in items {
        let number = if shows_numbers { format!("**{}** ", item.number) } else { String::new() };
        let by = item.assignee.as_ref().map(|name| format!(", done by {}", inline(name))).unwrap_or_default();
        let requester = inline(&item.requester);
        let head = format!("- {number}{} ({}, requested by {requester}{by})", inline(&item.title), item.kind.as_str());
        let impact = match item.impact.trim() {
            "" => String::new(),
            impact => format!("  Impact on users:\n\n{}", paragraphs(impact, "  ")),
        };
        blocks.extend([head, paragraphs(&item.release_note, "  "), impact]);
        let mut paths: Vec<String> = item.paths.iter().map(|path| format!("  - {}", inline(path))).collect();
        if item.paths_left_out > 0 {
            paths.push(format!("  - and {} more", item.paths_left_out));
        }
        blocks.push(paths.join("\n"));
    }
    blocks.push(more(left_out));
    joined(blocks)
}

fn more(left_out: u64) -> String {
    if left_out == 0 { String::new() } else { format!("And {left_out} more work items.") }
}

fn impact_list(impacts: &[ImpactNote], left_out: u64, shows_numbers: bool) -> String {
    let line = |impact: &ImpactNote| {
        let text = paragraphs(&impact.text, "  ");
        let number = if shows_numbers { format!("**{}** ", impact.item) } else { String::new() };
        format!("- {number}{}", text.trim_start())
    };
    joined(impacts.iter().map(line).chain([more(left_out)]))
}

fn folder_lists(folders: &[FolderNotes]) -> String {
    let list = |folder: &FolderNotes| {
        let name = if folder.folder.is_empty() { "/".to_owned() } else { inline(&folder.folder) };
        let lines = folder.paths.iter().map(|note| {
            let from = note.from_path.as_ref().map(|path| format!(" from {}", inline(path))).unwrap_or_default();
            let by = if note.by.is_empty() { String::new() } else { format!(", by {}", inline(&note.by)) };
            format!("- {}: {}{from}{by}", note.change.as_str(), inline(&note.path))
        });
        format!("### {name}\n\n{}", lines.collect::<Vec<_>>().join("\n"))
    };
    joined(folders.iter().map(list))
}

fn rest_list(rest: &[FolderCount]) -> String {
    if rest.is_empty() {
        return String::new();
    }
    let all: u64 = rest.iter().map(|count| count.changes).sum();
    let line = |count: &FolderCount| {
        let folder = match count.folder.as_deref() {
            None => "elsewhere".to_owned(),
            Some("") => "/".to_owned(),
            Some(folder) => inline(folder),
        };
        format!("- {folder}: {}", count.changes)
    };
    format!("And {all} more changes, by folder:\n\n{}", rest.iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// A table of cells that have been escaped.
fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let rule = vec!["---"; head.len()].join(" | ");
    let mut lines = vec![format!("| {} |", head.join(" | ")), format!("| {rule} |")];
    lines.extend(rows.map(|cells| format!("| {} |", cells.join(" | "))));
    if lines.len() == 2 { String::new() } else { lines.join("\n") }
}

fn address_table(addresses: &[AddressNote]) -> String {
    let content = |note: &Option<ContentNote>| match note {
        None => "-".to_owned(),
        Some(ContentNote { media_type, size_bytes, width, height, content, .. }) => {
            let dimensions =
                width.zip(*height).map(|(width, height)| format!(", {width}×{height}")).unwrap_or_default();
            format!("{}, {size_bytes} bytes{dimensions}, `{content}`", inline(media_type))
        }
    };
    let row = |note: &AddressNote| {
        let from = note.from_path.as_ref().map(|path| format!(" from {}", inline(path))).unwrap_or_default();
        let metadata = if note.metadata_changed { ", metadata" } else { "" };
        vec![
            format!("{}{metadata}", note.change.as_str()),
            format!("{}{from}", inline(&note.path)),
            content(&note.before),
            content(&note.after),
        ]
    };
    table(&["Change", "Address", "Before", "After"], addresses.iter().map(row))
}

fn parameter_table(parameters: &[ParameterNote]) -> String {
    let values = |parameter: &Option<Parameter>| match parameter {
        None => "-".to_owned(),
        Some(Parameter { value, by_environment }) => {
            let own = by_environment.iter().map(|(name, value)| format!("; {name}: {}", inline(value)));
            format!("{}{}", inline(value), own.collect::<String>())
        }
    };
    let row = |note: &ParameterNote| {
        vec![note.change.as_str().to_owned(), inline(&note.name), values(&note.before), values(&note.after)]
    };
    table(&["Change", "Parameter", "Before", "After"], parameters.iter().map(row))
}

fn access_table(rules: &[AccessNote]) -> String {
    let visibility = |visibility: Option<Visibility>| match visibility {
        None => "-".to_owned(),
        Some(Visibility::Public) => "public".to_owned(),
        Some(Visibility::Private) => "private".to_owned(),
    };
    let row = |note: &AccessNote| {
        let folder = if note.folder.is_empty() { "/".to_owned() } else { inline(&note.folder) };
        vec![note.change.as_str().to_owned(), folder, visibility(note.before), visibility(note.after)]
    };
    table(&["Change", "Folder", "Before", "After"], rules.iter().map(row))
}

#[cfg(test)]
#[path = "markdown_tests.rs"]
mod tests;
