//! A file of the tree, read just well enough to tell code, strings, comments and tests apart.

/// One text file. The views have as many lines as `text`; what does not belong to them is blank.
pub struct Source {
    /// From the repository's root, with `/`.
    pub path: String,
    pub text: String,
    /// Rust without comments and without what stands in quotes.
    pub code: String,
    /// Only what stands in quotes.
    pub quoted: String,
    /// The whole file is compiled for tests only.
    pub is_test: bool,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let (code, quoted) = split(text);
        let is_test = path.ends_with("/tests.rs") || path.ends_with("_tests.rs") || path.contains("/tests/");
        Self { path: path.to_owned(), text: text.to_owned(), code, quoted, is_test }
    }

    /// The code that ships: without test modules, empty for a file of tests.
    pub fn shipped_code(&self) -> String {
        if self.is_test { blank(&self.code) } else { without_tests(&self.code, &self.code) }
    }

    /// What ships in quotes, as `shipped_code`.
    pub fn shipped_quoted(&self) -> String {
        if self.is_test { blank(&self.quoted) } else { without_tests(&self.code, &self.quoted) }
    }

    /// `path:line: sentence`, for the byte `at` of one of the views.
    pub fn breach(&self, view: &str, at: usize, sentence: &str) -> String {
        let line = view[..at].matches('\n').count() + 1;
        format!("{}:{line}: {sentence}", self.path)
    }

    /// The paths, without `.rs`, of the modules that this file declares for tests only.
    pub fn test_modules(&self) -> Vec<String> {
        let inside = self.path.trim_end_matches(".rs");
        let owns_folder = ["/mod", "/lib", "/main"].iter().find_map(|name| inside.strip_suffix(name));
        let folder = owns_folder.unwrap_or(inside);
        let declared = |after: &str| {
            let name = after.trim_start().trim_start_matches("pub(crate) ").strip_prefix("mod ")?.split_once(';')?.0;
            name.chars().all(|c| c.is_alphanumeric() || c == '_').then(|| format!("{folder}/{name}"))
        };
        self.code.split("#[cfg(test)]").skip(1).filter_map(declared).collect()
    }
}

/// Notes which files are there for tests only because another one declares them so.
pub fn mark_tests(sources: &mut [Source]) {
    let modules: Vec<String> = sources.iter().flat_map(Source::test_modules).collect();
    for source in sources {
        let declared = |module: &String| {
            source.path.strip_prefix(module.as_str()).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        };
        source.is_test |= modules.iter().any(declared);
    }
}

/// Each place where `name` stands as a word of its own, as a byte offset.
pub fn words<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = usize> + 'a {
    let in_word = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(name).map(|(at, _)| at).filter(move |&at| {
        let begins = name.starts_with(in_word) && text[..at].ends_with(in_word);
        let goes_on = name.ends_with(in_word) && text[at + name.len()..].starts_with(in_word);
        !begins && !goes_on
    })
}

/// Bytes of every kind but line ends become spaces, so that offsets and line numbers stay.
fn blank(text: &str) -> String {
    text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect()
}

/// `view` without the items that follow `#[cfg(test)]` in `code`.
fn without_tests(code: &str, view: &str) -> String {
    let mut kept = view.to_owned();
    for (start, _) in code.match_indices("#[cfg(test)]") {
        let end = item_end(code, start + "#[cfg(test)]".len());
        let blanked = blank(&kept[start..end]);
        kept.replace_range(start..end, &blanked);
    }
    kept
}

/// Where the item that begins at `from` ends: after its `;` or its closing brace.
fn item_end(code: &str, from: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && byte == b'}' {
                    return at + 1;
                }
            }
            b';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// Splits Rust text into its code and its quoted text.
fn split(text: &str) -> (String, String) {
    let (mut code, mut quoted) = (String::with_capacity(text.len()), String::with_capacity(text.len()));
    let mut rest = text;
    while !rest.is_empty() {
        let (kind, length) = piece(rest, code.chars().next_back());
        let (now, later) = rest.split_at(length);
        code.push_str(&if kind == Kind::Code { now.to_owned() } else { blank(now) });
        quoted.push_str(&if kind == Kind::Quoted { now.to_owned() } else { blank(now) });
        rest = later;
    }
    (code, quoted)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Quoted,
}

/// What `rest` begins with, and its length in bytes; `before` is the character of code in front of it.
fn piece(rest: &str, before: Option<char>) -> (Kind, usize) {
    let first = rest.chars().next().map_or(0, char::len_utf8);
    if rest.starts_with("//") {
        return (Kind::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Kind::Comment, block_comment(rest));
    }
    if rest.starts_with('"') {
        return (Kind::Quoted, string(rest));
    }
    let after_word = before.is_some_and(|character| character.is_alphanumeric() || character == '_');
    if rest.starts_with('r') && (!after_word || before == Some('b')) {
        let hashes = rest[1..].bytes().take_while(|&byte| byte == b'#').count();
        if rest[1 + hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let body = hashes + 2;
            return (Kind::Quoted, rest[body..].find(&end).map_or(rest.len(), |at| body + at + end.len()));
        }
    }
    if rest.starts_with('\'') {
        return character(rest).map_or((Kind::Code, 1), |length| (Kind::Quoted, length));
    }
    (Kind::Code, first)
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if here.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn string(rest: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a character in quotes; `None` for a lifetime.
fn character(rest: &str) -> Option<usize> {
    let inside = rest[1..].chars().next()?;
    if inside == '\\' {
        return rest.get(3..)?.find('\'').map(|at| at + 4);
    }
    let end = 1 + inside.len_utf8();
    rest[end..].starts_with('\'').then_some(end + 1)
}

#[test]
fn code_comments_and_quotes_are_told_apart() {
    let text = concat!(
        "let a = \"SELECT // \\\" b\"; // todo!()\n",
        "/* x /* y */ panic!() */ let c = '\"'; let d: &'static str = r#\"DELETE \" e\"#;\n",
        "let f = b'\\''; let g = br\"raw\"; let ü = 'ä';\n",
    );
    let source = Source::new("a.rs", text);
    for gone in ["SELECT", "todo", "panic", "DELETE", "raw", "ä"] {
        assert!(!source.code.contains(gone), "{gone} is not code");
    }
    for kept in ["let a", "let c", "'static str", "let f", "let g", "let ü"] {
        assert!(source.code.contains(kept), "{kept} is code");
    }
    assert!(source.quoted.contains("SELECT") && source.quoted.contains("DELETE \" e"));
    assert!(!source.quoted.contains("todo") && !source.quoted.contains("static"));
    assert_eq!(source.code.matches('\n').count(), text.matches('\n').count());
}

#[test]
fn test_modules_do_not_ship() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { c(\"}\") }\n}\nfn d() {}\n#[cfg(test)]\nmod e;\nfn f() {}\n";
    let shipped = Source::new("server/a.rs", text).shipped_code();
    assert!(shipped.contains("fn a") && shipped.contains("fn d") && shipped.contains("fn f"));
    assert!(!shipped.contains("fn b") && !shipped.contains("mod e"));
    assert_eq!(Source::new("server/a/tests.rs", "fn a() {}").shipped_code().trim(), "");
}

#[test]
fn words_are_whole() {
    assert_eq!(words("sqlx sqlx_x xsqlx sqlx::y", "sqlx").collect::<Vec<_>>(), [0, 18]);
    assert_eq!(words("a.unwrap() b.unwrap_or()", ".unwrap()").collect::<Vec<_>>(), [1]);
}

#[test]
fn a_module_declared_for_tests_is_a_file_of_tests() {
    let mut sources = [
        Source::new("server/a/mod.rs", "#[cfg(test)]\nmod samples;\nmod b;\n"),
        Source::new("server/a/samples.rs", "fn c() {}"),
        Source::new("server/a/b.rs", "#[cfg(test)] mod d;"),
        Source::new("server/a/b/d.rs", "fn e() {}"),
    ];
    mark_tests(&mut sources);
    assert_eq!(sources.map(|source| source.is_test), [false, true, false, true]);
}
