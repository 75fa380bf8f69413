//! What may stand where: arrows between rooms, libraries in their rooms, SQL in the catalog.

use super::source::{Source, words};

const ENGINE: &str = "server/engine/src/";
const CATALOG: &str = "server/engine/src/catalog";
const STORE: &str = "server/engine/src/store";

/// A package's rooms, and for each of them the rooms that it may not import.
struct Package {
    folder: &'static str,
    closed: &'static [(&'static str, &'static [&'static str])],
}

const PACKAGES: &[Package] = &[
    Package { folder: ENGINE, closed: &[("store", &["catalog", "operations"]), ("catalog", &["store", "operations"])] },
    Package {
        folder: "server/",
        closed: &[
            ("http", &["delivery", "jobs", "cli"]),
            ("delivery", &["http", "jobs", "cli"]),
            ("jobs", &["http", "delivery", "cli"]),
            ("cli", &["http", "delivery", "jobs", "web"]),
            ("web", &["http", "delivery", "jobs", "cli"]),
        ],
    },
];

/// A library, and the only places that may know it.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("sqlx", &[CATALOG]),
    ("object_store", &[STORE, "server/app.rs"]),
    ("actix_web", &ROOT_PLACES),
    ("actix_rt", &ROOT_PLACES),
    ("actix_http", &ROOT_PLACES),
    ("clap", &ROOT_PLACES),
];

const ROOT_PLACES: [&str; 9] = [
    "server/web",
    "server/http",
    "server/delivery",
    "server/jobs",
    "server/cli",
    "server/ui",
    "server/app.rs",
    "server/lib.rs",
    "server/main.rs",
];

/// What only app.rs calls in the root package.
const OPENING: &[&str] = &["Catalog::open", "Catalog::connect", "Store::open", "Store::connect"];

const STATEMENTS: &[&str] = &[
    "SELECT ",
    "INSERT INTO ",
    "DELETE FROM ",
    "CREATE TABLE ",
    "CREATE INDEX ",
    "ALTER TABLE ",
    "DROP TABLE ",
    "PRAGMA ",
    "ON CONFLICT",
];

/// Rooms beside each other do not import each other.
pub fn arrows(file: &Source) -> Vec<String> {
    let Some((closed, room, depth)) = room(&file.path) else { return Vec::new() };
    let mut breaches = Vec::new();
    for (at, name) in names_below_the_root(&file.code, depth) {
        if closed.contains(&name) {
            breaches.push(file.breach(&file.code, at, &format!("{room} imports {name}")));
        }
    }
    breaches
}

/// The rooms closed to this file, its own room, and how many `super::` lead from it to the package's root.
fn room(path: &str) -> Option<(&'static [&'static str], &'static str, usize)> {
    let package = PACKAGES.iter().find(|package| path.starts_with(package.folder))?;
    let inside = path[package.folder.len()..].trim_end_matches(".rs").trim_end_matches("/mod");
    let segments: Vec<&str> = inside.split('/').collect();
    let (room, closed) = package.closed.iter().find(|(room, _)| *room == segments[0])?;
    Some((closed, room, segments.len()))
}

/// Every first name that follows the package's root in a path, in groups `crate::{a, b::c}` too.
fn names_below_the_root(code: &str, depth: usize) -> Vec<(usize, &str)> {
    let mut names = Vec::new();
    for root in ["crate::".to_owned(), "super::".repeat(depth)] {
        for at in words(code, &root) {
            let start = at + root.len();
            if code[start..].starts_with('{') {
                names.extend(group(code, start));
            } else {
                names.push((start, word(&code[start..])));
            }
        }
    }
    names
}

/// The first names of the items of a group that begins at `start`.
fn group(code: &str, start: usize) -> Vec<(usize, &str)> {
    let (mut names, mut depth, mut is_first) = (Vec::new(), 0, false);
    for (at, character) in code.char_indices().skip_while(|(at, _)| *at < start) {
        match character {
            '{' => (depth, is_first) = (depth + 1, depth == 0),
            '}' if depth == 1 => break,
            '}' => depth -= 1,
            ',' if depth == 1 => is_first = true,
            _ if is_first && !character.is_whitespace() => {
                names.push((at, word(&code[at..])));
                is_first = false;
            }
            _ => {}
        }
    }
    names
}

fn word(code: &str) -> &str {
    let end = code.find(|character: char| !character.is_alphanumeric() && character != '_');
    &code[..end.unwrap_or(code.len())]
}

/// A library is named in its own places only.
pub fn libraries(file: &Source) -> Vec<String> {
    let mut breaches = Vec::new();
    for (library, places) in LIBRARIES {
        if places.iter().any(|place| is_in(&file.path, place)) {
            continue;
        }
        let used = |&at: &usize| {
            let before = file.code[..at].trim_end();
            file.code[at + library.len()..].starts_with("::")
                || before.ends_with("use")
                || before.ends_with("extern crate")
        };
        let found = words(&file.code, library).filter(used);
        breaches.extend(found.map(|at| file.breach(&file.code, at, &format!("{library} is used here"))));
    }
    breaches
}

/// `place` is a file, or a room: its folder and the file of its name.
fn is_in(path: &str, place: &str) -> bool {
    path == place || path.strip_prefix(place).is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
}

/// In the root package only app.rs opens the catalog and the store.
pub fn opening(file: &Source) -> Vec<String> {
    if file.path == "server/app.rs" || file.path.starts_with(ENGINE) {
        return Vec::new();
    }
    let code = file.shipped_code();
    let found = |name| words(&code, name).map(|at| file.breach(&code, at, name)).collect::<Vec<_>>();
    OPENING.iter().flat_map(|name| found(name)).collect()
}

/// SQL stands below the catalog.
pub fn sql(file: &Source) -> Vec<String> {
    if is_in(&file.path, CATALOG) {
        return Vec::new();
    }
    let quoted = file.shipped_quoted();
    let mut found: Vec<usize> = STATEMENTS.iter().flat_map(|statement| words(&quoted, statement)).collect();
    found.extend(words(&quoted, "UPDATE ").filter(|at| {
        let statement = quoted[*at..].split('"').next().unwrap_or_default();
        words(statement, "SET ").next().is_some()
    }));
    found.into_iter().map(|at| file.breach(&quoted, at, "SQL text")).collect()
}

#[cfg(test)]
mod can_fail {
    use super::*;

    fn breaches(check: fn(&Source) -> Vec<String>, path: &str, text: &str) -> Vec<String> {
        check(&Source::new(path, text))
    }

    #[test]
    fn an_arrow_between_neighbours() {
        let catalog = "server/engine/src/catalog/build.rs";
        assert_eq!(
            breaches(arrows, catalog, "\nuse crate::store::Store;"),
            ["server/engine/src/catalog/build.rs:2: catalog imports store"]
        );
        assert_eq!(breaches(arrows, catalog, "use crate::{\n    catalog::x,\n    operations::{a, b},\n};").len(), 1);
        assert_eq!(breaches(arrows, catalog, "fn a() { super::super::store::b() }").len(), 1);
        assert_eq!(breaches(arrows, "server/engine/src/store/mod.rs", "use super::catalog::A;").len(), 1);
        assert_eq!(breaches(arrows, "server/cli.rs", "use crate::jobs::A;").len(), 1);
        assert_eq!(breaches(arrows, "server/http/release.rs", "use crate::delivery;").len(), 1);
    }

    #[test]
    fn an_arrow_that_may_be_stays() {
        let operation = "server/engine/src/operations/promote.rs";
        assert_eq!(breaches(arrows, operation, "use crate::{catalog::Catalog, store::Store};").len(), 0);
        assert_eq!(breaches(arrows, "server/http/release.rs", "use crate::{app::Services, http::error};").len(), 0);
        assert_eq!(breaches(arrows, "server/engine/src/store/a.rs", "use crate::store::b; // crate::catalog").len(), 0);
        assert_eq!(breaches(arrows, "server/app.rs", "use crate::{http, delivery, jobs, cli};").len(), 0);
        assert_eq!(breaches(arrows, "server/cli/put.rs", "use crate::cli::{http, jobs};").len(), 0);
    }

    #[test]
    fn a_library_outside_its_room() {
        assert_eq!(
            breaches(libraries, "server/engine/src/operations/put.rs", "use sqlx::Any;"),
            ["server/engine/src/operations/put.rs:1: sqlx is used here"]
        );
        assert_eq!(breaches(libraries, "server/http/put.rs", "fn a(b: object_store::Path) {}").len(), 1);
        assert_eq!(breaches(libraries, "server/domain/src/path.rs", "use actix_web::web;").len(), 1);
        assert_eq!(breaches(libraries, "server/engine/src/storeroom.rs", "use object_store as a;").len(), 1);
        assert_eq!(breaches(libraries, "server/engine/src/store.rs", "use object_store::path::Path;").len(), 0);
        assert_eq!(breaches(libraries, "server/http/put.rs", "let object_store = config.object_store;").len(), 0);
    }

    #[test]
    fn opening_outside_app() {
        let text = "async fn a() { Catalog::open(b).await }";
        assert_eq!(breaches(opening, "server/cli/gc.rs", text), ["server/cli/gc.rs:1: Catalog::open"]);
        assert_eq!(breaches(opening, "server/app.rs", text).len(), 0);
        assert_eq!(breaches(opening, "server/engine/src/catalog/mod.rs", text).len(), 0);
    }

    #[test]
    fn sql_outside_the_catalog() {
        let operation = "server/engine/src/operations/put.rs";
        assert_eq!(
            breaches(sql, operation, "fn a() {\n    b(\"SELECT 1\")\n}"),
            ["server/engine/src/operations/put.rs:2: SQL text"]
        );
        assert_eq!(breaches(sql, operation, "b(\"UPDATE c\\\n  SET d = 1\")").len(), 1);
        assert_eq!(breaches(sql, operation, "// \"SELECT 1\"\nb(\"UPDATE the release\")").len(), 0);
        assert_eq!(breaches(sql, "server/engine/src/catalog/asset.rs", "b(\"SELECT 1\")").len(), 0);
    }
}
