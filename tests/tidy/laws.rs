//! House rules that hold for a file whatever room it is in.

use super::source::{Source, words};

const LINES_MAX: usize = 400;

/// At most `LINES_MAX` lines.
pub fn short(file: &Source) -> Vec<String> {
    let lines = file.text.lines().count();
    if lines <= LINES_MAX {
        return Vec::new();
    }
    vec![format!("{}:{lines}: the file has {lines} lines", file.path)]
}

/// No mark of unfinished work, in tests neither.
pub fn finished(file: &Source) -> Vec<String> {
    find(file, &file.code, &["todo!", "unimplemented!", "dbg!"])
}

/// Outside tests nothing panics on purpose; `expect` may state an invariant.
pub fn no_panic(file: &Source) -> Vec<String> {
    find(file, &file.shipped_code(), &[".unwrap()", ".unwrap_err()", "panic!"])
}

fn find(file: &Source, view: &str, names: &[&str]) -> Vec<String> {
    let found = |name| words(view, name).map(move |at| file.breach(view, at, name));
    names.iter().flat_map(|name| found(name)).collect()
}

/// Each key of a settings file stands below a comment.
pub fn explained(file: &Source) -> Vec<String> {
    let mut breaches = Vec::new();
    let mut above = "";
    for (index, line) in file.text.lines().enumerate() {
        let is_comment = above.trim_start().trim_start_matches('#').trim() != "" && above.trim_start().starts_with('#');
        if let Some(key) = key(line)
            && !is_comment
        {
            breaches.push(format!("{}:{}: {key} has no comment above it", file.path, index + 1));
        }
        above = line;
    }
    breaches
}

fn key(line: &str) -> Option<&str> {
    let (key, _) = line.split_once('=')?;
    let key = key.trim();
    let is_key = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    is_key.then_some(key)
}

/// No column of a type that SQLite lacks.
pub fn no_boolean(file: &Source) -> Vec<String> {
    let mut breaches = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let statement = line.split("--").next().unwrap_or_default().to_uppercase();
        if ["BOOLEAN", "BOOL"].iter().any(|name| words(&statement, name).next().is_some()) {
            breaches.push(format!("{}:{}: BOOLEAN; use BIGINT 0/1", file.path, index + 1));
        }
    }
    breaches
}

/// The same names in both folders, each with a number of its own.
pub fn numbered_alike(sqlite: &[String], postgres: &[String]) -> Vec<String> {
    let missing = |here: &[String], there: &[String], folder: &str| -> Vec<String> {
        let absent = there.iter().filter(|name| !here.contains(name));
        absent.map(|name| format!("migrations/{folder}/{name}:1: is missing")).collect()
    };
    let mut breaches = missing(sqlite, postgres, "sqlite");
    breaches.extend(missing(postgres, sqlite, "postgres"));
    let mut numbers = Vec::new();
    for name in sqlite {
        let number = name.split('_').next().unwrap_or_default().parse::<u32>();
        match number {
            Err(_) => breaches.push(format!("migrations/sqlite/{name}:1: does not begin with a number and _")),
            Ok(number) if numbers.contains(&number) => {
                breaches.push(format!("migrations/sqlite/{name}:1: the number {number} is taken"));
            }
            Ok(number) => numbers.push(number),
        }
    }
    breaches
}

#[cfg(test)]
mod can_fail {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new("server/cli/a.rs", text)
    }

    #[test]
    fn a_long_file() {
        assert_eq!(short(&source(&"x\n".repeat(LINES_MAX))).len(), 0);
        assert_eq!(short(&source(&"x\n".repeat(LINES_MAX + 1))), ["server/cli/a.rs:401: the file has 401 lines"]);
    }

    #[test]
    fn unfinished_work() {
        assert_eq!(finished(&source("fn a() {\n    todo!()\n}")), ["server/cli/a.rs:2: todo!"]);
        assert_eq!(finished(&source("fn a() { dbg!(1); unimplemented!() }")).len(), 2);
        assert_eq!(finished(&source("// todo!\nlet a = \"todo!\";")).len(), 0);
    }

    #[test]
    fn a_panic_outside_tests() {
        assert_eq!(no_panic(&source("fn a() {\n\n    b().unwrap();\n}")), ["server/cli/a.rs:3: .unwrap()"]);
        assert_eq!(no_panic(&source("fn a() { panic!(\"b\") }")).len(), 1);
        assert_eq!(no_panic(&source("fn a() { b().unwrap_or(1); c.expect(\"d\") }")).len(), 0);
        assert_eq!(no_panic(&source("#[cfg(test)]\nmod tests {\n    fn a() { b().unwrap(); panic!() }\n}")).len(), 0);
        assert_eq!(
            no_panic(&source("#[cfg(test)]\nuse a::b;\nfn c() { d.unwrap() }")),
            ["server/cli/a.rs:3: .unwrap()"]
        );
    }

    #[test]
    fn a_setting_without_a_comment() {
        let settings = |text| explained(&Source::new("config/default.toml", text));
        assert_eq!(settings("[a]\n# What b is.\nb = 1\nc = 2\n"), ["config/default.toml:4: c has no comment above it"]);
        assert_eq!(settings("#\nb = 1\n").len(), 1);
        assert_eq!(settings("# What b is.\nb = [\n    \"c=d\",\n]\n").len(), 0);
    }

    #[test]
    fn a_boolean_column() {
        let migration = |text| no_boolean(&Source::new("migrations/sqlite/0001_a.sql", text));
        assert_eq!(migration("a TEXT,\nb boolean"), ["migrations/sqlite/0001_a.sql:2: BOOLEAN; use BIGINT 0/1"]);
        assert_eq!(migration("is_bool BIGINT -- a BOOLEAN").len(), 0);
    }

    #[test]
    fn migrations_that_differ() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let both = names(&["0001_a.sql", "0002_b.sql"]);
        assert_eq!(numbered_alike(&both, &both).len(), 0);
        assert_eq!(numbered_alike(&both, &both[..1]), ["migrations/postgres/0002_b.sql:1: is missing"]);
        assert_eq!(numbered_alike(&both[..1], &both), ["migrations/sqlite/0002_b.sql:1: is missing"]);
        let twice = names(&["0001_a.sql", "0001_b.sql", "c.sql"]);
        assert_eq!(numbered_alike(&twice, &twice).len(), 2);
    }
}
