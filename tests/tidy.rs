//! What keeps the source tree in order: the arrows between rooms inside a package, which rooms may know which
//! library, and house rules that a compiler does not check. Between packages Cargo keeps the arrows.
//! Each law names the file and line that break it; that each can fail is tested beside it.

mod laws;
mod places;
mod source;

use std::fs;
use std::path::Path;

use source::Source;

/// Every text file of the tree below one of `folders` whose name ends in `ending`, by path.
fn files(folders: &[&str], ending: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in folders {
        collect(root, &root.join(folder), ending, &mut found);
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(root: &Path, folder: &Path, ending: &str, found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else { return }; // a folder that does not exist yet breaks no law
    for entry in entries {
        let path = entry.expect("the source tree can be read").path();
        let name = path.file_name().expect("an entry has a name").to_string_lossy().into_owned();
        if path.is_dir() && !matches!(name.as_str(), "target" | "node_modules" | "dist") {
            collect(root, &path, ending, found);
        } else if path.is_file() && name.ends_with(ending) {
            let shown = path.strip_prefix(root).expect("collected below the root").to_string_lossy().into_owned();
            found.push(Source::new(&shown, &fs::read_to_string(&path).expect("a source file is UTF-8")));
        }
    }
}

/// Fails with one line for each breach.
fn hold(law: &str, breaches: &[String]) {
    assert!(breaches.is_empty(), "{law}\n{}", breaches.join("\n"));
}

fn holds_everywhere(law: &str, sources: &[Source], check: fn(&Source) -> Vec<String>) {
    hold(law, &sources.iter().flat_map(check).collect::<Vec<_>>());
}

fn server() -> Vec<Source> {
    let mut sources = files(&["server"], ".rs");
    source::mark_tests(&mut sources);
    assert!(!sources.is_empty(), "no source was found; the tree has moved and the laws below check nothing");
    sources
}

#[test]
fn rooms_beside_each_other_do_not_import_each_other() {
    holds_everywhere("arrows go http, delivery, jobs, cli -> operations -> catalog, store", &server(), places::arrows);
}

#[test]
fn libraries_stay_in_the_rooms_that_own_them() {
    holds_everywhere("a library is known to its own room only", &server(), places::libraries);
}

#[test]
fn only_app_opens_things() {
    holds_everywhere("only app.rs opens the catalog and the store", &server(), places::opening);
}

#[test]
fn sql_stands_in_the_catalog() {
    holds_everywhere("SQL stands below server/engine/src/catalog", &server(), places::sql);
}

#[test]
fn migrations_are_numbered_alike_on_both_databases() {
    let names = |folder: &str| -> Vec<String> {
        files(&[folder], ".sql").iter().map(|file| file.path[folder.len() + 1..].to_owned()).collect()
    };
    let (sqlite, postgres) = (names("migrations/sqlite"), names("migrations/postgres"));
    hold("migrations have the same names on both databases", &laws::numbered_alike(&sqlite, &postgres));
}

#[test]
fn migrations_have_no_boolean_columns() {
    holds_everywhere("flags are BIGINT 0/1", &files(&["migrations"], ".sql"), laws::no_boolean);
}

#[test]
fn files_are_short_enough_to_read() {
    let mut all = files(&["server", "tests"], ".rs");
    all.extend(files(&["scripts"], ""));
    holds_everywhere("a file has at most 400 lines; split it by noun", &all, laws::short);
}

#[test]
fn nothing_is_left_unfinished() {
    holds_everywhere("no todo!, unimplemented! or dbg!", &files(&["server", "tests"], ".rs"), laws::finished);
}

#[test]
fn the_server_does_not_panic_on_purpose() {
    holds_everywhere("outside tests: no unwrap, no panic!", &server(), laws::no_panic);
}

#[test]
fn every_setting_is_explained() {
    holds_everywhere("each key has a comment above it", &files(&["config"], "default.toml"), laws::explained);
}
