//! Addresses of delivery, taken apart by hand: no pattern is matched and a plain address is not copied.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use crate::web::Problem;

/// An address after its first segment: the project, what of it is meant, and the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address<'a> {
    pub project: &'a str,
    /// An environment, a build, or a content.
    pub within: &'a str,
    /// What follows; may be empty.
    pub path: &'a str,
}

/// The path of a request without percent-encoding.
///
/// # Errors
/// Invalid when it is not UTF-8.
pub fn decoded(path: &str) -> Result<Cow<'_, str>, Problem> {
    if !path.contains('%') {
        return Ok(Cow::Borrowed(path));
    }
    percent_decode(path.as_bytes()).decode_utf8().map_err(|_| {
        Problem::invalid("path", "the path is not UTF-8; percent-encode the UTF-8 bytes of each character")
    })
}

impl<'a> Address<'a> {
    /// Takes a decoded path apart; segments that are missing are empty.
    pub fn parse(path: &'a str) -> Self {
        let after_first = path.strip_prefix('/').unwrap_or(path).split_once('/').map_or("", |(_, rest)| rest);
        let (project, rest) = after_first.split_once('/').unwrap_or((after_first, ""));
        let (within, path) = rest.split_once('/').unwrap_or((rest, ""));
        Self { project, within, path }
    }

    /// The last segment of the path.
    pub fn file_name(&self) -> &'a str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// The query parameters that delivery knows. All others are ignored, as caches and trackers add their own.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Query<'a> {
    /// The instant that is asked about.
    pub at: Option<Cow<'a, str>>,
    /// The build to which a manifest is compared.
    pub since: Option<Cow<'a, str>>,
    /// Whether the content is to be saved instead of shown.
    pub download: bool,
}

impl<'a> Query<'a> {
    /// Reads the text after the question mark. Of parameters that come twice the last one counts.
    ///
    /// # Errors
    /// Invalid, with the parameter's name, for a value that is not UTF-8.
    pub fn parse(text: &'a str) -> Result<Self, Problem> {
        let mut query = Self::default();
        for pair in text.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = || {
                let decoded = percent_decode(value.as_bytes()).decode_utf8();
                decoded.map_err(|_| Problem::invalid(name, format!("the parameter {name} is not UTF-8")))
            };
            match name {
                "at" => query.at = Some(value()?),
                "since" => query.since = Some(value()?),
                "download" => query.download = true,
                _ => {}
            }
        }
        Ok(query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let parts = |path| {
            let Address { project, within, path } = Address::parse(path);
            (project, within, path)
        };
        assert_eq!(parts("/e/site/production/img/a.png"), ("site", "production", "img/a.png"));
        assert_eq!(parts("/e/site/production/"), ("site", "production", ""));
        assert_eq!(parts("/e/site/production"), ("site", "production", ""));
        assert_eq!(parts("/e/site"), ("site", "", ""));
        assert_eq!(parts("/e"), ("", "", ""));
        assert_eq!(Address::parse("/c/site/00/img/ä.png").file_name(), "ä.png");
    }

    #[test]
    fn percent_encoding_is_undone_once() {
        assert_eq!(decoded("/e/a%20b/%C3%A4%2541").unwrap(), "/e/a b/ä%41");
        assert!(decoded("/e/%FF").is_err());
    }

    #[test]
    fn unknown_parameters_are_ignored() {
        let query = Query::parse("utm=1&at=2026-03-01T14%3A00:00+02:00&download&&v").unwrap();
        assert_eq!(query.at.as_deref(), Some("2026-03-01T14:00:00+02:00"));
        assert!(query.download && query.since.is_none());
        assert!(Query::parse("at=%FF").is_err());
    }
}
