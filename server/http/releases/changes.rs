//! Changes: the lines of a release.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, delete, get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use shelfmark_domain::hash::ContentId;
use shelfmark_domain::name::{EnvironmentName, ParameterName, ReleaseNumber, SearchName};
use shelfmark_domain::path::{AssetPath, FolderPath};
use shelfmark_domain::pin::{AssetId, Key, Parameter, Visibility};
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::{ChangeValue, PinnedChange};
use shelfmark_engine::operations::{self, AddedChange, ChangedLines};

use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, PageQuery, PageView, at_most, counted, plain, tag};
use crate::http::releases::release_of;
use crate::web::Problem;

/// Changes to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddBody {
    add: Vec<ChangeBody>,
}

/// One thing to add to a release.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ChangeBody {
    /// An asset, by its path or id, at a version; at its latest one when absent. The version is fixed at this moment.
    Asset {
        #[schema(value_type = Option<String>)]
        path: Option<AssetPath>,
        #[schema(value_type = Option<String>, format = "uuid")]
        asset: Option<Uuid>,
        #[schema(minimum = 1)]
        version: Option<i64>,
    },
    /// Every asset in a folder at its latest version; the empty path for everything.
    Folder {
        #[schema(value_type = String, example = "img/")]
        path: FolderPath,
    },
    /// The whole library at its latest, including what was removed from it.
    Latest {},
    /// Every asset that a saved search finds now, at its latest version.
    SavedSearch {
        #[schema(value_type = String, example = "spring-icons")]
        name: SearchName,
    },
    /// Serve nothing at this path any more.
    Remove {
        #[schema(value_type = String)]
        path: AssetPath,
    },
    /// Give a parameter a value, optionally different by environment.
    Parameter {
        #[schema(value_type = String)]
        name: ParameterName,
        value: String,
        #[serde(default)]
        #[schema(value_type = BTreeMap<String, String>)]
        by_environment: BTreeMap<EnvironmentName, String>,
    },
    /// Take a parameter away.
    RemoveParameter {
        #[schema(value_type = String)]
        name: ParameterName,
    },
    /// Say who may fetch what lies below a folder without credentials.
    Access {
        #[schema(value_type = String, example = "internal/")]
        prefix: FolderPath,
        #[schema(value_type = String, example = "private")]
        visibility: Visibility,
    },
    /// Take an access rule away.
    RemoveAccess {
        #[schema(value_type = String)]
        prefix: FolderPath,
    },
}

impl ChangeBody {
    fn into_added(self) -> Result<AddedChange, Problem> {
        Ok(match self {
            Self::Asset { path, asset, version } => {
                let version = version.map(|number| counted("version", number)).transpose()?;
                match (path, asset) {
                    (Some(path), None) => AddedChange::Asset { path, version },
                    (None, Some(id)) => AddedChange::AssetById { asset: AssetId(id.into_bytes()), version },
                    _ => return Err(Problem::invalid("path", "name the asset by its path or by its id, not both")),
                }
            }
            Self::Folder { path } => AddedChange::Folder(path),
            Self::Latest {} => AddedChange::Latest,
            Self::SavedSearch { name } => AddedChange::SavedSearch(name),
            Self::Remove { path } => AddedChange::RemovePath(path),
            Self::Parameter { name, value, by_environment } => {
                AddedChange::Parameter(name, Parameter { value, by_environment })
            }
            Self::RemoveParameter { name } => AddedChange::RemoveParameter(name),
            Self::Access { prefix, visibility } => AddedChange::Access(prefix, visibility),
            Self::RemoveAccess { prefix } => AddedChange::RemoveAccess(prefix),
        })
    }
}

/// What was added.
#[derive(Debug, Serialize, ToSchema)]
pub struct AddedView {
    /// Lines written.
    added: u64,
    /// Lines that the release has now.
    changes: i64,
    /// The release's revision now.
    revision: i64,
    /// How many of the lines written are for keys that other open releases change too.
    conflicts: u64,
    /// Those releases; GET conflicts tells them apart by key.
    #[schema(value_type = Vec<String>)]
    conflicts_with: Vec<ReleaseNumber>,
}

/// A line of a release. Which fields are there depends on its kind.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct ChangeView {
    /// What the line is known by, for taking it out again.
    key: String,
    /// asset, remove, parameter, remove_parameter, access or remove_access.
    #[schema(example = "asset")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// Of a parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Of an access rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    asset: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    content: Option<ContentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    by_environment: Option<BTreeMap<EnvironmentName, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    visibility: Option<Visibility>,
    added_by: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    added_at: Option<Timestamp>,
}

impl From<PinnedChange> for ChangeView {
    fn from(listed: PinnedChange) -> Self {
        let PinnedChange { change, content, added_by, added_at } = listed;
        let is_removal = matches!(change.value, ChangeValue::Remove);
        let mut view = Self { content, added_by, added_at: Some(added_at), ..Self::default() };
        match Key::parse(&change.key) {
            Some(Key::Parameter(name)) => {
                view.kind = if is_removal { "remove_parameter" } else { "parameter" };
                view.name = Some(name.to_string());
            }
            Some(Key::Access(folder)) => {
                view.kind = if is_removal { "remove_access" } else { "access" };
                view.prefix = Some(if folder.is_root() { String::new() } else { format!("{folder}/") });
            }
            Some(Key::Path(_)) | None => {
                view.kind = if is_removal { "remove" } else { "asset" };
                view.path = Some(change.key.clone());
            }
        }
        match change.value {
            ChangeValue::Pin { asset, version } => {
                view.asset = Some(Uuid::from_bytes(asset.0));
                view.version = Some(version);
            }
            ChangeValue::Parameter(Parameter { value, by_environment }) => {
                view.value = Some(value);
                view.by_environment = Some(by_environment);
            }
            ChangeValue::Access(visibility) => view.visibility = Some(visibility),
            ChangeValue::Remove => {}
        }
        Self { key: change.key, ..view }
    }
}

/// Adds changes to a release, all or none. A change takes the place of an earlier one for the same key.
#[utoipa::path(tag = "releases", request_body = AddBody, responses((status = 200, body = AddedView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the release is at this revision, in quotes")))]
#[post("/projects/{project}/releases/{release}/changes")]
pub async fn add_changes(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<AddBody>().await?;
    let add = at_most("add", body.add, asked.config().limits.lines)?;
    let added: Vec<AddedChange> = add.into_iter().map(ChangeBody::into_added).collect::<Result<_, _>>()?;
    let (project, release, expected) = (asked.project()?, asked.release()?, asked.expected_revision()?);
    let changed = operations::add_changes(asked.engine(), &caller, &project, release, added, expected).await?;
    let ChangedLines { lines: added, total: changes, revision, conflicts, conflicts_with } = changed;
    let view = AddedView { added, changes, revision, conflicts, conflicts_with };
    Ok(HttpResponse::Ok().insert_header(tag(revision)).json(view))
}

/// Lists a release's changes by key.
#[utoipa::path(tag = "releases", params(PageQuery), responses((status = 200, body = PageView<ChangeView>)))]
#[get("/projects/{project}/releases/{release}/changes")]
pub async fn list_changes(asked: Asked) -> Result<HttpResponse, Problem> {
    let project = asked.readable_project().await?;
    let release = release_of(&asked, &project).await?;
    let page = asked.page()?;
    let changes = asked.catalog().changes(project.number, release.number, page.key(), page.limit).await?;
    Ok(HttpResponse::Ok().insert_header(tag(release.revision)).json(PageView::<ChangeView>::from(changes)))
}

/// Changes to take out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveBody {
    /// As the list of changes gives them.
    keys: Vec<String>,
}

/// What was taken out.
#[derive(Debug, Serialize, ToSchema)]
pub struct RemovedChangesView {
    /// Lines removed; keys without a line are passed over.
    removed: u64,
    /// Lines that the release has now.
    changes: i64,
    /// The release's revision now.
    revision: i64,
}

/// Takes changes out of a release.
#[utoipa::path(tag = "releases", request_body = RemoveBody, responses((status = 200, body = RemovedChangesView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the release is at this revision, in quotes")))]
#[delete("/projects/{project}/releases/{release}/changes")]
pub async fn remove_changes(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<RemoveBody>().await?;
    let keys = at_most("keys", body.keys, asked.config().limits.lines)?;
    let keys: Vec<String> = keys.into_iter().map(|key| plain("keys", key)).collect::<Result<_, _>>()?;
    let (project, release, expected) = (asked.project()?, asked.release()?, asked.expected_revision()?);
    let changed = operations::remove_changes(asked.engine(), &caller, &project, release, &keys, expected).await?;
    let ChangedLines { lines: removed, total: changes, revision, .. } = changed;
    Ok(HttpResponse::Ok().insert_header(tag(revision)).json(RemovedChangesView { removed, changes, revision }))
}
