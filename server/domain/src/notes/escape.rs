//! Texts of people in Markdown: they stay text, whatever they hold.

/// A text on one line, in which nothing has a meaning in Markdown or HTML. It can stand at the start of a line, after a
/// list's mark and in the cell of a table.
pub(super) fn inline(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    let mut is_start = true;
    let mut digits_only = true;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !is_start {
            escaped.push(' ');
        }
        for character in word.chars() {
            let ends_a_number = is_start && digits_only && !escaped.is_empty() && matches!(character, '.' | ')');
            let begins_a_block = escaped.is_empty() && matches!(character, '-' | '+' | '=' | ':');
            if ends_a_number || begins_a_block || is_active(character) {
                escaped.push('\\');
            }
            digits_only &= character.is_ascii_digit();
            escaped.push(if is_invisible(character) { char::REPLACEMENT_CHARACTER } else { character });
        }
        is_start = false;
    }
    escaped
}

/// Whether a character may begin or end something in the middle of a line. `@`, `:` and `.` do so only with extensions
/// that find addresses in texts, which are never used.
const fn is_active(character: char) -> bool {
    matches!(
        character,
        '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '(' | '|' | '~' | '#' | '!' | '&' | '$' | '^'
    )
}

/// Whether a character turns the direction of others or hides: what a reader sees would not be what is there.
const fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// A text of several lines as paragraphs with `indent` before each line; empty lines part them.
pub(super) fn paragraphs(text: &str, indent: &str) -> String {
    let mut blocks: Vec<Vec<String>> = vec![Vec::new()];
    for line in text.lines().map(inline) {
        if line.is_empty() {
            blocks.push(Vec::new());
        } else if let Some(block) = blocks.last_mut() {
            block.push(line);
        }
    }
    let block = |lines: &Vec<String>| format!("{indent}{}", lines.join(&format!("\\\n{indent}")));
    blocks.iter().filter(|lines| !lines.is_empty()).map(block).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_loses_it() {
        let cases = [
            ("<script>alert(1)</script>", "\\<script\\>alert\\(1)\\</script\\>"),
            ("[a](javascript:b)", "\\[a\\]\\(javascript:b)"),
            ("a | b", "a \\| b"),
            ("1. one", "1\\. one"),
            ("12) one", "12\\) one"),
            ("- dash", "\\- dash"),
            ("# head", "\\# head"),
            ("a-b.c 1.5", "a-b.c 1.5"),
            ("a\n\n# b\tc", "a \\# b c"),
            ("&lt;", "\\&lt;"),
            ("a\u{202E}b", "a\u{FFFD}b"),
        ];
        for (text, escaped) in cases {
            assert_eq!(inline(text), escaped);
        }
    }

    #[test]
    fn lines_stay_lines_and_paragraphs_paragraphs() {
        assert_eq!(paragraphs("a\nb\n\n\n- c\n", "  "), "  a\\\n  b\n\n  \\- c");
        assert_eq!(paragraphs(" \n", "  "), "");
    }
}
