//! Metadata as it stands in JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use shelfmark_domain::metadata::Metadata;

/// What people say about an asset. What is not said is absent.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MetadataFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// What a reader who can't see the picture is told. The empty text says that it is decorative.
    #[serde(skip_serializing_if = "Option::is_none")]
    alt_text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rights_holder: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    licence: Option<String>,
    /// The last day on which the asset may be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date, example = "2027-12-31")]
    expires_on: Option<jiff::civil::Date>,
    /// Custom fields by name.
    fields: BTreeMap<String, String>,
}

impl From<Metadata> for MetadataFields {
    fn from(metadata: Metadata) -> Self {
        let Metadata { title, alt_text, description, tags, rights_holder, licence, expires_on, fields } = metadata;
        Self { title, alt_text, description, tags, rights_holder, licence, expires_on, fields }
    }
}

impl From<MetadataFields> for Metadata {
    fn from(said: MetadataFields) -> Self {
        let MetadataFields { title, alt_text, description, tags, rights_holder, licence, expires_on, fields } = said;
        Self { title, alt_text, description, tags, rights_holder, licence, expires_on, fields }
    }
}
