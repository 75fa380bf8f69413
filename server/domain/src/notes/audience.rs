//! Those to whom notes speak.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Whom notes are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Who works on the contents: by work item and folder, with who did it.
    #[default]
    Editors,
    /// Who runs what fetches the contents: the addresses that changed.
    Platforms,
    /// Who sees the contents: what they will notice.
    Users,
}

/// A text that is no audience.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no audience; write editors, platforms or users")]
pub struct InvalidAudience(String);

impl Audience {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Editors, Self::Platforms, Self::Users];

    /// The audience as the API and the catalog write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Editors => "editors",
            Self::Platforms => "platforms",
            Self::Users => "users",
        }
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Audience {
    type Err = InvalidAudience;

    fn from_str(text: &str) -> Result<Self, InvalidAudience> {
        let found = Self::ALL.into_iter().find(|audience| audience.as_str() == text);
        found.ok_or_else(|| InvalidAudience(text.chars().take(80).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audience_is_read_as_it_is_written() {
        for audience in Audience::ALL {
            assert_eq!(audience.to_string().parse(), Ok(audience));
            assert_eq!(serde_json::to_value(audience).unwrap(), audience.as_str());
        }
        assert!("everyone".parse::<Audience>().is_err());
    }
}
