//! What an order comes to, given the assets as they are. Orders of one group see the assets as the ones before have
//! left them.

use std::collections::HashMap;

use shelfmark_domain::metadata::Metadata;
use shelfmark_domain::pin::AssetId;
use shelfmark_domain::time::Timestamp;

use super::order::{Action, CommitError, Done, Draft, DraftContent, Expect, Order, Outcome, Target};
use crate::catalog::{AssetState, CatalogError, NewVersion, Write};

/// The assets that the orders of a group touch, as they stand after those that have been decided.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    by_path: HashMap<(i64, String), AssetId>,
    by_id: HashMap<AssetId, AssetState>,
}

/// What one order adds and removes.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub done: Vec<Done>,
    /// Without their audit entry, which is written when all lines have been decided.
    pub versions: Vec<NewVersion>,
    pub removed: Vec<AssetId>,
}

impl Shelf {
    /// Reads the assets that the orders name.
    pub async fn load(write: &mut Write, orders: &[&Order]) -> Result<Self, CatalogError> {
        let mut paths: HashMap<i64, Vec<String>> = HashMap::new();
        let mut shelf = Self::default();
        for order in orders {
            let paths = paths.entry(order.project.number).or_default();
            for draft in &order.drafts {
                match &draft.target {
                    Target::Path(path) => paths.push(path.as_str().to_owned()),
                    Target::Asset(id) => {
                        if let Some(state) = write.asset_state(order.project.number, *id).await? {
                            shelf.put(order.project.number, state);
                        }
                    }
                }
            }
        }
        for (project, mut paths) in paths {
            paths.sort();
            paths.dedup();
            for (_, state) in write.assets_at(project, &paths).await? {
                shelf.put(project, state);
            }
        }
        Ok(shelf)
    }

    fn put(&mut self, project: i64, state: AssetState) {
        if state.deleted_at.is_none() {
            self.by_path.insert((project, state.path.clone()), state.id);
        }
        self.by_id.insert(state.id, state);
    }

    fn find(&self, project: i64, target: &Target) -> Option<&AssetState> {
        let id = match target {
            Target::Path(path) => self.by_path.get(&(project, path.as_str().to_owned()))?,
            Target::Asset(id) => id,
        };
        self.by_id.get(id)
    }

    /// Decides all lines of an order; a refused order leaves the shelf as it was, because all lines are checked before
    /// the first one counts.
    ///
    /// # Errors
    /// The first line that is refused.
    pub fn decide(&mut self, order: &Order, now: Timestamp) -> Result<Verdict, CommitError> {
        let mut verdict = Verdict::default();
        let before: Vec<Option<AssetState>> =
            order.drafts.iter().map(|draft| self.find(order.project.number, &draft.target).cloned()).collect();
        for (draft, current) in order.drafts.iter().zip(&before) {
            check(draft, current.as_ref())?;
        }
        for (draft, current) in order.drafts.iter().zip(before) {
            let done = match &draft.action {
                Action::Remove => self.remove(order.project.number, current, now, &mut verdict),
                Action::Put { content, metadata, reverted_from } => {
                    let next = next_state(&draft.target, content.as_ref(), metadata.as_ref(), current.as_ref())?;
                    self.put_version(order.project.number, next, current, *reverted_from, now, &mut verdict)
                }
            };
            verdict.done.push(done);
        }
        Ok(verdict)
    }

    fn remove(&mut self, project: i64, current: Option<AssetState>, now: Timestamp, verdict: &mut Verdict) -> Done {
        let Some(mut state) = current else { return Done { outcome: Outcome::Absent, asset: None } };
        verdict.removed.push(state.id);
        self.by_path.remove(&(project, state.path.clone()));
        state.deleted_at = Some(now);
        self.by_id.insert(state.id, state.clone());
        Done { outcome: Outcome::Removed, asset: Some(state) }
    }

    fn put_version(
        &mut self,
        project: i64,
        next: AssetState,
        current: Option<AssetState>,
        reverted_from: Option<i64>,
        now: Timestamp,
        verdict: &mut Verdict,
    ) -> Done {
        if let Some(current) = current
            && is_same(&current, &next)
        {
            return Done { outcome: Outcome::Unchanged, asset: Some(current) };
        }
        verdict.versions.push(NewVersion {
            asset: next.id,
            path: next.path.clone(),
            number: next.version,
            content: next.content,
            size_bytes: next.size_bytes,
            media_type: next.media_type.clone(),
            dimensions: next.dimensions,
            metadata: next.metadata.clone(),
            reverted_from,
            audit: 0,
            at: now,
        });
        self.put(project, next.clone());
        let outcome = if next.version == 1 { Outcome::Created } else { Outcome::Changed };
        Done { outcome, asset: Some(next) }
    }
}

fn shown(target: &Target) -> String {
    match target {
        Target::Path(path) => path.to_string(),
        Target::Asset(id) => uuid::Uuid::from_bytes(id.0).to_string(),
    }
}

/// Whether a line's expectation holds.
fn check(draft: &Draft, current: Option<&AssetState>) -> Result<(), CommitError> {
    if let (Target::Asset(_), Some(state)) = (&draft.target, current)
        && state.deleted_at.is_some()
    {
        return Err(CommitError::Deleted(state.path.clone()));
    }
    let needs_asset =
        matches!((&draft.target, &draft.action), (Target::Asset(_), _) | (_, Action::Put { content: None, .. }));
    if needs_asset && current.is_none() {
        return Err(CommitError::NoAsset(shown(&draft.target)));
    }
    match (draft.expect, current) {
        (Expect::Anything, _) | (Expect::Absent, None) | (Expect::Present, Some(_)) => Ok(()),
        (Expect::Absent, Some(state)) => Err(CommitError::Exists(state.path.clone())),
        (Expect::Present, None) => Err(CommitError::NoAsset(shown(&draft.target))),
        (Expect::Version(expected), Some(state)) if state.version == expected => Ok(()),
        (Expect::Version(expected), state) => Err(CommitError::Stale {
            path: state.map_or_else(|| shown(&draft.target), |state| state.path.clone()),
            expected,
            found: state.map_or(0, |state| state.version),
        }),
    }
}

/// The asset with its next version.
fn next_state(
    target: &Target,
    content: Option<&DraftContent>,
    metadata: Option<&Metadata>,
    current: Option<&AssetState>,
) -> Result<AssetState, CommitError> {
    let mut next = match (current, target, content) {
        (Some(state), _, _) => AssetState { version: state.version + 1, ..state.clone() },
        (None, Target::Path(path), Some(content)) => AssetState {
            id: AssetId(*uuid::Uuid::now_v7().as_bytes()),
            path: path.as_str().to_owned(),
            version: 1,
            content: content.id,
            size_bytes: content.size_bytes,
            media_type: content.media_type.clone(),
            dimensions: content.dimensions,
            metadata: Default::default(),
            deleted_at: None,
        },
        (None, _, _) => return Err(CommitError::NoAsset(shown(target))),
    };
    if let Some(content) = content {
        next.content = content.id;
        next.size_bytes = content.size_bytes;
        next.media_type = content.media_type.clone();
        next.dimensions = content.dimensions;
    }
    if let Some(metadata) = metadata {
        next.metadata = metadata.clone();
    }
    Ok(next)
}

/// Whether a version would add nothing. The media type follows from the content and the path.
fn is_same(current: &AssetState, next: &AssetState) -> bool {
    current.content == next.content && current.metadata == next.metadata
}
