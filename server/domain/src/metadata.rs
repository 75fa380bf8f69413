//! What people say about an asset. Metadata is part of a version: editing it makes the next version.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The most bytes that a version's metadata may have as JSON.
pub const METADATA_BYTES_MAX: usize = 64 * 1024;
/// The most bytes in one text of the metadata.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;
/// The most tags, and the most custom fields, of one version.
pub const ITEMS_MAX: usize = 200;

/// Descriptive facts that people give. What is not said is absent, so that equal metadata has equal JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What a reader who can't see the picture is told. The empty text says that it is decorative.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alt_text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rights_holder: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// The last day on which the asset may be used, as `2027-12-31`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<jiff::civil::Date>,
    /// Custom fields by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
}

/// A field that two versions say differently; as JSON, `None` where it is not said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDifference {
    /// Such as `alt_text`, or `fields.campaign` for a custom field.
    pub field: String,
    pub before: Option<serde_json::Value>,
    pub after: Option<serde_json::Value>,
}

/// Why metadata is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMetadata {
    #[error("the metadata has {0} bytes as JSON; at most {METADATA_BYTES_MAX} are allowed")]
    TooLarge(usize),
    #[error("{field} has {bytes} bytes; at most {TEXT_BYTES_MAX} are allowed")]
    TextTooLong { field: &'static str, bytes: usize },
    #[error("there are {count} {field}; at most {ITEMS_MAX} are allowed")]
    TooMany { field: &'static str, count: usize },
    #[error("{field} has a NUL character; remove it")]
    Nul { field: &'static str },
    #[error("a name in {field} is empty; name it or leave it out")]
    EmptyName { field: &'static str },
}

impl Metadata {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The one JSON text of this metadata: keys in declaration order, absent ones left out; empty text for none.
    pub fn to_text(&self) -> String {
        if self.is_empty() {
            return String::new();
        }
        serde_json::to_string(self).expect("metadata consists of texts and lists of texts, which JSON can hold")
    }

    /// What this metadata says differently from what another says now, by field.
    pub fn differences(&self, after: &Self) -> Vec<FieldDifference> {
        let (before, after) = (self.by_field(), after.by_field());
        let fields: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let difference = |field: &String| {
            let (before, after) = (before.get(field).cloned(), after.get(field).cloned());
            (before != after).then(|| FieldDifference { field: field.clone(), before, after })
        };
        fields.into_iter().filter_map(difference).collect()
    }

    fn by_field(&self) -> BTreeMap<String, serde_json::Value> {
        let whole = serde_json::to_value(self).expect("metadata consists of texts, which JSON can hold");
        let mut said = BTreeMap::new();
        for (field, value) in whole.as_object().into_iter().flatten() {
            match value.as_object() {
                Some(custom) => {
                    said.extend(custom.iter().map(|(name, value)| (format!("{field}.{name}"), value.clone())))
                }
                None => drop(said.insert(field.clone(), value.clone())),
            }
        }
        said
    }

    /// Checks the limits, sorts the tags and removes doubled ones.
    ///
    /// # Errors
    /// The first limit that does not hold.
    pub fn checked(mut self) -> Result<Self, InvalidMetadata> {
        self.tags.sort();
        self.tags.dedup();
        for (field, count) in [("tags", self.tags.len()), ("fields", self.fields.len())] {
            if count > ITEMS_MAX {
                return Err(InvalidMetadata::TooMany { field, count });
            }
        }
        if self.tags.iter().any(String::is_empty) {
            return Err(InvalidMetadata::EmptyName { field: "tags" });
        }
        if self.fields.keys().any(String::is_empty) {
            return Err(InvalidMetadata::EmptyName { field: "fields" });
        }
        for (field, text) in self.texts() {
            if text.len() > TEXT_BYTES_MAX {
                return Err(InvalidMetadata::TextTooLong { field, bytes: text.len() });
            }
            if text.contains('\0') {
                return Err(InvalidMetadata::Nul { field });
            }
        }
        match self.to_text().len() {
            bytes if bytes > METADATA_BYTES_MAX => Err(InvalidMetadata::TooLarge(bytes)),
            _ => Ok(self),
        }
    }

    fn texts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let single = [
            ("title", &self.title),
            ("alt_text", &self.alt_text),
            ("description", &self.description),
            ("rights_holder", &self.rights_holder),
            ("licence", &self.licence),
        ];
        let single = single.into_iter().filter_map(|(field, text)| Some((field, text.as_deref()?)));
        let tags = self.tags.iter().map(|tag| ("tags", tag.as_str()));
        let fields =
            self.fields.iter().flat_map(|(name, value)| [("fields", name.as_str()), ("fields", value.as_str())]);
        single.chain(tags).chain(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_metadata_has_one_text() {
        let a = Metadata { tags: vec!["b".into(), "a".into(), "b".into()], ..Metadata::default() };
        let b = Metadata { tags: vec!["a".into(), "b".into()], ..Metadata::default() };
        assert_eq!(a.checked().unwrap().to_text(), b.checked().unwrap().to_text());
        assert_eq!(Metadata::default().to_text(), "");
    }

    #[test]
    fn limits_and_unknown_fields_are_refused() {
        let long = Metadata { title: Some("x".repeat(TEXT_BYTES_MAX + 1)), ..Metadata::default() };
        assert!(matches!(long.checked(), Err(InvalidMetadata::TextTooLong { field: "title", .. })));
        let nul = Metadata { alt_text: Some("a\0b".into()), ..Metadata::default() };
        assert_eq!(nul.checked(), Err(InvalidMetadata::Nul { field: "alt_text" }));
        assert!(serde_json::from_str::<Metadata>(r#"{"titel":"x"}"#).is_err());
    }
}
