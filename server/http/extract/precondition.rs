//! `If-Match` and `If-None-Match` on what can change. A precondition that can't be understood is refused: who sent it
//! wanted to be safe.

use actix_web::http::header::{ETAG, HeaderName, HeaderValue};

use shelfmark_engine::operations::Expect;

use super::Asked;
use crate::web::Problem;

const ONE_TAG: &str = "send the number that ETag gave, in quotes, such as \"3\"";

/// A number as an entity tag.
pub fn tag(number: i64) -> (HeaderName, HeaderValue) {
    (ETAG, HeaderValue::from_str(&format!("\"{number}\"")).expect("a number in quotes is header text"))
}

fn number(text: &str) -> Option<i64> {
    let digits = text.trim().strip_prefix('"')?.strip_suffix('"')?;
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { digits.parse().ok() } else { None }
}

impl Asked {
    /// The revision that `If-Match` insists on.
    ///
    /// # Errors
    /// Invalid when it is none.
    pub fn expected_revision(&self) -> Result<Option<i64>, Problem> {
        match self.header("If-Match")? {
            None => Ok(None),
            Some(text) if text.trim() == "*" => Ok(None), // what is addressed is there, or it is not found anyway
            Some(text) => number(text).map(Some).ok_or_else(|| Problem::invalid("If-Match", ONE_TAG)),
        }
    }

    /// What `If-Match` and `If-None-Match` insist on for an asset.
    ///
    /// # Errors
    /// Invalid when they are malformed or come together.
    pub fn expect(&self) -> Result<Expect, Problem> {
        match (self.header("If-Match")?.map(str::trim), self.header("If-None-Match")?.map(str::trim)) {
            (None, None) => Ok(Expect::Anything),
            (Some("*"), None) => Ok(Expect::Present),
            (None, Some("*")) => Ok(Expect::Absent),
            (Some(text), None) => {
                number(text).map(Expect::Version).ok_or_else(|| Problem::invalid("If-Match", ONE_TAG))
            }
            (None, Some(_)) => {
                Err(Problem::invalid("If-None-Match", "only * can be asked for here: that there is no asset yet"))
            }
            (Some(_), Some(_)) => Err(Problem::invalid("If-None-Match", "send If-Match or If-None-Match, not both")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_read_as_it_is_written() {
        assert_eq!(number(tag(17).1.to_str().unwrap()), Some(17));
        for text in ["17", "\"\"", "W/\"17\"", "\"1\", \"2\"", "\"+1\"", "\"99999999999999999999\"", "\""] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
