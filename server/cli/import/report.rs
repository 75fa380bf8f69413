//! What an import tells: warnings beforehand, a sentence or JSON afterwards.

use std::path::Path;

use serde::Serialize;
use shelfmark_domain::hash::ContentId;
use shelfmark_domain::letter_case;

use super::super::output::{bytes, count, plain};
use super::comparison::Comparison;
use super::hashing::HashedFile;
use super::shown;
use super::walk::Tree;
use crate::cli::people::session::Session;

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
            case_collisions: letter_case::collisions(here.chain(there)),
            kept: comparison.kept,
        }
    }

    /// Adds what the server has found in all of the library; paths that the import has removed since do not count.
    pub fn add_case_collisions(&mut self, found: Vec<[String; 2]>, removed: &[&str]) {
        let stays = |path: &String| removed.binary_search(&path.as_str()).is_err();
        self.case_collisions.extend(found.into_iter().filter(|pair| pair.iter().all(stays)));
        self.case_collisions.sort();
        self.case_collisions.dedup();
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

#[cfg(test)]
mod tests {
    use super::*;

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
