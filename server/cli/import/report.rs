//! What an import tells: warnings beforehand, a sentence or JSON afterwards.

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;
use shelfmark_domain::hash::ContentId;

use super::super::output::{bytes, count, plain};
use super::super::session::Session;
use super::comparison::Comparison;
use super::hashing::HashedFile;
use super::shown;
use super::walk::Tree;

/// How many names a warning lists.
const NAMES_MAX: usize = 10;

/// The outcome of an import.
#[derive(Debug, Serialize)]
pub struct Report {
    files: usize,
    bytes: u64,
    added: usize,
    changed: usize,
    unchanged: usize,
    removed: usize,
    pub sent_bytes: u64,
    pub seconds: f64,
    dry_run: bool,
    case_collisions: Vec<[String; 2]>,
    #[serde(skip)]
    kept: usize,
}

impl Report {
    /// What the comparison says about the files.
    pub fn new(
        files: &[HashedFile],
        library: &[(String, ContentId)],
        comparison: &Comparison<'_>,
        dry_run: bool,
    ) -> Self {
        let there = library.iter().map(|(path, _)| path.as_str()).filter(|_| comparison.kept > 0);
        let here = files.iter().map(|file| file.path.as_str());
        Self {
            files: files.len(),
            bytes: files.iter().map(|file| file.stamp.size_bytes).sum(),
            added: comparison.added.len(),
            changed: comparison.changed.len(),
            unchanged: comparison.unchanged,
            removed: comparison.removed.len(),
            sent_bytes: 0,
            seconds: 0.0,
            dry_run,
            case_collisions: case_collisions(here.chain(there)),
            kept: comparison.kept,
        }
    }

    /// Prints the outcome, and on standard error what a person should know.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn show(&self, session: &Session, dir: &Path, prunes: bool) -> anyhow::Result<()> {
        let collisions = self.case_collisions.iter().map(|[a, b]| format!("{} and {}", plain(a), plain(b)));
        let what = "paths differ only in case and cannot be side by side on some computers";
        warn(&collisions.collect::<Vec<_>>(), what);
        if self.kept > 0 && !prunes && !session.is_json {
            eprintln!("{} not in {}; --prune removes what is not.", count(self.kept as u64, "asset"), shown(dir));
        }
        let json = serde_json::to_value(self)?;
        session.show(&json, |_| self.sentence())
    }

    fn sentence(&self) -> String {
        let Self { added, changed, removed, unchanged, seconds, .. } = self;
        let files = count(self.files as u64, "file");
        let done = format!("{added} added, {changed} changed, {removed} removed, {unchanged} unchanged");
        let (would, sent) = if self.dry_run { ("Dry run: ", "to send") } else { ("", "sent") };
        format!("{would}{files}, {}: {done}; {} {sent}, {seconds:.1} s.", bytes(self.bytes), bytes(self.sent_bytes))
    }
}

/// Tells what is in the folder and is not mirrored.
pub fn warn_of_skipped(tree: &Tree) {
    let names: Vec<String> = tree.skipped.iter().map(|file| shown(file)).collect();
    warn(&names, "skipped, because only files are mirrored (no links or devices)");
}

fn warn(names: &[String], what: &str) {
    if names.is_empty() {
        return;
    }
    eprintln!("warning: {} {what}:", names.len());
    names.iter().take(NAMES_MAX).for_each(|name| eprintln!("  {name}"));
    if names.len() > NAMES_MAX {
        eprintln!("  and {} more", names.len() - NAMES_MAX);
    }
}

/// Pairs of paths that differ only in case: each later one with the first of its kind.
fn case_collisions<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<[String; 2]> {
    let mut hashed: Vec<(u64, &str)> = paths.map(|path| (folded_hash(path), path)).collect();
    hashed.sort_by_key(|(hash, _)| *hash); // stable, so that the first of a kind stays the first
    let suspects =
        hashed.chunk_by(|a, b| a.0 == b.0).filter(|alike| alike.iter().any(|(_, path)| *path != alike[0].1)).flatten();
    let mut seen: HashMap<String, &str> = HashMap::new();
    let mut found: Vec<[String; 2]> = Vec::new();
    for &(_, path) in suspects {
        let first = *seen.entry(path.to_lowercase()).or_insert(path);
        if first != path {
            found.push([first.to_owned(), path.to_owned()]);
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The FNV-1a hash of the path in lower case. Most paths differ in it, and need no lower-case copy to be compared.
fn folded_hash(path: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let start = 0xcbf2_9ce4_8422_2325;
    if path.is_ascii() {
        path.bytes().map(|byte| byte.to_ascii_lowercase()).fold(start, step)
    } else {
        path.to_lowercase().bytes().fold(start, step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_differ_only_in_case_are_told_once() {
        let paths = ["Logo.svg", "a", "logo.svg", "Größe", "GRÖSSE", "größe", "logo.svg"];
        let found = case_collisions(paths.into_iter());
        assert_eq!(found, [["Größe", "größe"], ["Logo.svg", "logo.svg"]].map(|pair| pair.map(str::to_owned)));
    }

    #[test]
    fn the_outcome_has_the_promised_fields() {
        let report = Report::new(&[], &[], &Comparison::default(), true);
        let json = serde_json::to_value(&report).unwrap();
        let mut names: Vec<&String> = json.as_object().unwrap().keys().collect();
        names.sort();
        let mut promised = ["files", "bytes", "added", "changed", "unchanged", "removed", "sent_bytes", "seconds"]
            .into_iter()
            .chain(["dry_run", "case_collisions"])
            .collect::<Vec<_>>();
        promised.sort_unstable();
        assert_eq!(names, promised);
        assert_eq!(
            report.sentence(),
            "Dry run: 0 files, 0 B: 0 added, 0 changed, 0 removed, 0 unchanged; 0 B to send, 0.0 s."
        );
    }
}
