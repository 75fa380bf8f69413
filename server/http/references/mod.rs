//! What assets refer to, who refers to them, what builds lack, and what a change would touch.

pub mod declared;
pub mod impact;
pub mod missing;
pub mod used;

use std::collections::BTreeSet;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use shelfmark_domain::name::EnvironmentName;
use shelfmark_engine::operations::references::{How, Used, UsedAsset};

/// How a reference is known.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HowView {
    /// It stands in the bytes.
    Found,
    /// Somebody has said so.
    Declared,
}

impl From<How> for HowView {
    fn from(how: How) -> Self {
        match how {
            How::Found => Self::Found,
            How::Declared => Self::Declared,
        }
    }
}

/// An asset that uses another one.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserView {
    path: String,
    #[schema(value_type = String, format = "uuid")]
    asset: Uuid,
    /// Whether its latest version does so.
    latest: bool,
    /// The environments that serve a version which does so.
    #[schema(value_type = Vec<String>, example = json!(["production"]))]
    environments: Vec<EnvironmentName>,
    /// Its versions that do so, of the latest one and those that are served.
    #[schema(value_type = Vec<i64>)]
    versions: BTreeSet<i64>,
    uses: Vec<UsedView>,
}

/// In which way one asset uses another.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsedView {
    how: HowView,
    /// As it is written in the bytes; of a declared reference, its kind.
    #[schema(example = "../img/logo.svg")]
    reference: String,
    /// The path that it leads to.
    path: String,
    /// Whether it only may be a reference, as texts in JSON are.
    possible: bool,
}

impl From<Used> for UsedView {
    fn from(used: Used) -> Self {
        let Used { how, reference, path, is_possible } = used;
        Self { how: how.into(), reference, path, possible: is_possible }
    }
}

impl From<UsedAsset> for UserView {
    fn from(user: UsedAsset) -> Self {
        let UsedAsset { path, asset, is_latest, environments, versions, uses } = user;
        let uses = uses.into_iter().map(UsedView::from).collect();
        Self { path, asset: Uuid::from_bytes(asset.0), latest: is_latest, environments, versions, uses }
    }
}
