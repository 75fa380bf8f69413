//! What a person wants to be told: kinds of events, or those that name the person. An event names people in its
//! details: `mentions` lists those that it mentions, `assignee` is whom something was given to. Names stand there as
//! `anna` or `@anna`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::pattern::{EventPattern, InvalidPattern};
use crate::name::UserName;

const MENTIONS: &str = "mentions";
const ASSIGNED: &str = "assigned";

/// One thing that a person wants to be told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interest {
    Events(EventPattern),
    /// Events whose details mention the person.
    Mentions,
    /// Events whose details give something to the person.
    Assigned,
}

/// A text that is no interest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; or mentions or assigned, for what names you")]
pub struct InvalidInterest(#[from] InvalidPattern);

impl Interest {
    /// Whether the person wants to hear of an event of this kind with these details.
    pub fn wants(&self, kind: &str, details: &Value, person: &UserName) -> bool {
        let is_person =
            |name: &Value| name.as_str().is_some_and(|name| name.strip_prefix('@').unwrap_or(name) == person.as_str());
        match self {
            Self::Events(pattern) => pattern.matches(kind),
            Self::Mentions => details[MENTIONS].as_array().is_some_and(|names| names.iter().any(is_person)),
            Self::Assigned => is_person(&details["assignee"]),
        }
    }
}

impl fmt::Display for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Events(pattern) => pattern.fmt(f),
            Self::Mentions => f.write_str(MENTIONS),
            Self::Assigned => f.write_str(ASSIGNED),
        }
    }
}

impl FromStr for Interest {
    type Err = InvalidInterest;

    fn from_str(text: &str) -> Result<Self, InvalidInterest> {
        match text {
            MENTIONS => Ok(Self::Mentions),
            ASSIGNED => Ok(Self::Assigned),
            _ => Ok(Self::Events(text.parse()?)),
        }
    }
}

impl Serialize for Interest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Interest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_is_named_in_the_details_hears_of_it() {
        let anna: UserName = "anna".parse().unwrap();
        let (mentions, assigned): (Interest, Interest) = ("mentions".parse().unwrap(), "assigned".parse().unwrap());
        assert!(mentions.wants("comment.added", &json!({ "mentions": ["bob", "@anna"] }), &anna));
        assert!(!mentions.wants("comment.added", &json!({ "mentions": ["annabel"], "assignee": "anna" }), &anna));
        assert!(assigned.wants("work_item.changed", &json!({ "assignee": "anna" }), &anna));
        for details in [json!({}), json!(null), json!({ "assignee": null, "mentions": "anna" })] {
            assert!(!assigned.wants("a.b", &details, &anna) && !mentions.wants("a.b", &details, &anna), "{details}");
        }
        let releases: Interest = "release.*".parse().unwrap();
        assert!(releases.wants("release.created", &json!({}), &anna));
        assert!("mention".parse::<Interest>().is_err());
    }
}
