//! A person says which value holds where a release and what is served have both changed a key.

use std::collections::HashMap;

use shelfmark_domain::access::Permission;
use shelfmark_domain::name::{EnvironmentName, ProjectName, ReleaseNumber};
use shelfmark_domain::pin::{AssetId, Entry};

use super::rebase::{Rebase, RebaseConflict, RebaseError, rebase_of};
use crate::Engine;
use crate::catalog::{ChangeRow, ChangeValue, ProjectRow, ReleaseRow, Write};
use crate::operations::people::caller::Caller;
use crate::operations::releases::audit;
use crate::operations::releases::changes::draft_release;

/// How often the release is compared beside the changes of others, before those have to wait.
const TRIES_BESIDE: u32 = 4;
/// Keys that the audit entry names.
const KEYS_NAMED: usize = 50;

/// Which value holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// The release's line.
    Ours,
    /// What is served; the release has no line there any more.
    Theirs,
    /// A version of the asset that the line means, or else of the one that is served.
    Version(i64),
}

/// What a person says about one conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    pub key: String,
    /// The name of what is served there, as the person saw it.
    pub theirs: String,
    pub keeping: Keeping,
}

/// What is to be written.
#[derive(Default)]
struct Resolved {
    kept: Vec<(String, String)>,
    dropped: Vec<String>,
    lines: Vec<ChangeRow>,
}

/// Resolves conflicts of a draft, all or none. Returns how it stands then.
///
/// # Errors
/// See `RebaseError`; nothing has been changed.
pub async fn resolve_conflicts(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: ReleaseNumber,
    (environment, resolutions): (Option<&EnvironmentName>, &[Resolution]),
    expected: Option<i64>,
) -> Result<Rebase, RebaseError> {
    let project = caller.project(&engine.catalog, project, Permission::PlanReleases).await?;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        return rebase_of(engine, &project, number, environment).await;
    }
    let (mut write, found) = found_in_one_state(engine, caller, &project, number, environment).await?;
    let release = draft_release(&mut write, &project, number, expected).await?;
    let Resolved { kept, dropped, lines } = decided(engine, &found, resolutions).await?;
    let keys: Vec<&String> = resolutions.iter().map(|resolution| &resolution.key).take(KEYS_NAMED).collect();
    let details = serde_json::json!({ "environment": found.environment, "kept": kept.len(), "dropped": dropped.len(),
        "replaced": lines.len(), "keys": keys });
    let draft = audit("release.conflicts_resolved", &project, number, details);
    let sequence = write.record(&caller.principal, caller.now, draft);
    write.keep_lines(project.number, number, &found.environment, &kept, sequence).await?;
    write.remove_changes(project.number, number, &dropped).await?;
    write.put_changes(project.number, number, &lines, sequence).await?;
    write.update_release(project.number, &release).await?;
    caller.note_outcome(&mut write, &()).await?;
    write.commit().await?;
    Ok(resolved(found, resolutions, &caller.principal.name, release.revision + 1))
}

/// How a release stands after its conflicts were resolved. This follows from what was found: reading it again could
/// fail, although all is done.
fn resolved(found: Rebase, resolutions: &[Resolution], by: &str, revision: i64) -> Rebase {
    let said: HashMap<&str, Keeping> = resolutions.iter().map(|said| (said.key.as_str(), said.keeping)).collect();
    let after = |conflict: RebaseConflict| match said.get(conflict.key.as_str()) {
        None => Some(conflict),
        Some(Keeping::Ours) => Some(RebaseConflict { kept_by: Some(by.to_owned()), ..conflict }),
        Some(Keeping::Theirs | Keeping::Version(_)) => None,
    };
    let conflicts = found.conflicts.into_iter().filter_map(after).collect();
    Rebase { conflicts, release: ReleaseRow { revision, ..found.release }, ..found }
}

/// Compares, and begins the change while that still holds.
async fn found_in_one_state(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectRow,
    number: ReleaseNumber,
    environment: Option<&EnvironmentName>,
) -> Result<(Write, Rebase), RebaseError> {
    for _ in 0..TRIES_BESIDE {
        let found = rebase_of(engine, project, number, environment).await?;
        let mut write = caller.begin(&engine.catalog).await?;
        let release = write.release(project.number, number).await?.map(|release| release.revision);
        let environments = write.environments(project.number).await?;
        let at = environments.iter().find(|at| at.environment.name == found.environment);
        if release == Some(found.release.revision) && at.is_some_and(|at| at.changed == found.changed) {
            return Ok((write, found));
        }
    }
    let write = caller.begin(&engine.catalog).await?;
    let found = rebase_of(engine, project, number, environment).await?;
    Ok((write, found))
}

async fn decided(engine: &Engine, found: &Rebase, resolutions: &[Resolution]) -> Result<Resolved, RebaseError> {
    let mut conflicts: HashMap<&str, &RebaseConflict> =
        found.conflicts.iter().map(|conflict| (conflict.key.as_str(), conflict)).collect();
    let mut resolved = Resolved::default();
    for (at, Resolution { key, theirs, keeping }) in resolutions.iter().enumerate() {
        let Some(conflict) = conflicts.remove(key.as_str()) else {
            let is_twice = resolutions[..at].iter().any(|earlier| earlier.key == *key);
            let key = key.clone();
            return Err(if is_twice { RebaseError::Twice(key) } else { RebaseError::NoConflict(key) });
        };
        if conflict.theirs_name != *theirs {
            return Err(RebaseError::Changed(key.clone()));
        }
        match keeping {
            Keeping::Ours => resolved.kept.push((key.clone(), theirs.clone())),
            Keeping::Theirs => resolved.dropped.push(key.clone()),
            Keeping::Version(number) => {
                let asset = asset_of(conflict).ok_or_else(|| RebaseError::NotAnAsset(key.clone()))?;
                if engine.catalog.version(asset, *number).await?.is_none() {
                    return Err(RebaseError::NoVersion { key: key.clone(), number: *number });
                }
                let value = ChangeValue::Pin { asset, version: *number };
                resolved.lines.push(ChangeRow { key: key.clone(), value });
            }
        }
    }
    Ok(resolved)
}

/// The asset that the line means, or else the one that is served.
fn asset_of(conflict: &RebaseConflict) -> Option<AssetId> {
    let asset = |entry: &Option<Entry>| match entry {
        Some(Entry::Pin(pin)) => Some(pin.asset),
        Some(Entry::Parameter(_) | Entry::Access(_)) | None => None,
    };
    asset(&conflict.ours).or_else(|| asset(&conflict.theirs))
}
