//! Mentions: `@anna` in a text calls Anna.

use crate::name::UserName;

/// The most people whom one text calls.
const MENTIONS_MAX: usize = 100;

/// Whom a text mentions, each once, in the order of the text. An address of mail mentions nobody.
pub fn mentions(text: &str) -> Vec<UserName> {
    let mut found: Vec<UserName> = Vec::new();
    for (at, _) in text.match_indices('@') {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || "@._+-".contains(c)) {
            continue;
        }
        let rest = &text[at + 1..];
        let end = rest.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
        let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
        if after.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '@') {
            continue;
        }
        if let Ok(name) = name.trim_end_matches('-').parse::<UserName>()
            && !found.contains(&name)
            && found.len() < MENTIONS_MAX
        {
            found.push(name);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        mentions(text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn people_are_mentioned_by_their_names() {
        assert_eq!(names("@anna, please ask (@ben-2) and @anna again. @carl-"), ["anna", "ben-2", "carl"]);
        assert_eq!(names("anna@example.org @Anna @annaB @ @- a@anna @@anna @anna_b"), [""; 0]);
        assert_eq!(names("ä@anna ü @anna"), ["anna"]);
    }

    #[test]
    fn a_text_calls_at_most_a_hundred_people() {
        let text: String = (0..300).map(|n| format!("@p{n} ")).collect();
        assert_eq!(names(&text).len(), 100);
    }
}
