//! Who refers to an asset: at latest, and in what each environment serves. Each question goes from the path to those
//! who have ever referred to it, and looks whether they do so there and now.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::name::EnvironmentName;
use shelfmark_domain::pin::AssetId;

use super::ReferenceError;
use super::examine::{Held, examine};
use super::missing::How;
use super::pending::catch_up;
use super::pinned::{examine_manifest, held, numbered, pinned};
use crate::Engine;
use crate::catalog::{Cursor, DeclaredRow, Findings, Need, Page, ProjectRow};

/// A way in which one asset uses another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Used {
    pub how: How,
    /// As it is written in the bytes; of a declared reference, its kind.
    pub reference: String,
    /// The path that it leads to.
    pub path: String,
    /// Whether it only may be a reference.
    pub is_possible: bool,
}

/// An asset that uses another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedAsset {
    pub path: String,
    /// The asset that is there at latest, or in the first environment where it is.
    pub asset: AssetId,
    /// Whether its latest version does so.
    pub is_latest: bool,
    /// The environments whose served version does so, in their order.
    pub environments: Vec<EnvironmentName>,
    /// Its versions that do so, of the latest one and those that are served.
    pub versions: BTreeSet<i64>,
    pub uses: Vec<Used>,
}

/// The users of an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedBy {
    pub users: Page<UsedAsset>,
    /// Whether all of the library has been looked at: what came in just now may be missing.
    pub is_complete: bool,
}

/// What is asked about: a path, and the asset that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    pub path: String,
    pub asset: Option<AssetId>,
}

/// What is served by an environment, or the library at latest.
struct View {
    environment: Option<(EnvironmentName, ManifestId)>,
    /// Where the asset is in it.
    targets: BTreeSet<String>,
}

/// Who uses an asset, by path.
///
/// # Errors
/// `Read`, `Catalog`.
pub async fn used_by(
    engine: &Engine,
    project: &ProjectRow,
    path: &str,
    asset: Option<AssetId>,
    after: &str,
    limit: u32,
) -> Result<UsedBy, ReferenceError> {
    let is_complete = catch_up(engine, project).await?;
    let subject = Subject { path: path.to_owned(), asset };
    let views = views(engine, project, &subject).await?;
    let targets: BTreeSet<&String> = views.iter().flat_map(|view| &view.targets).collect();
    let mut after = after.to_owned();
    let mut users: Vec<UsedAsset> = Vec::new();
    loop {
        let page = candidates(engine, project, &subject, &targets, &after, limit.saturating_add(1)).await?;
        after = page.last.unwrap_or(after);
        users.extend(users_among(engine, project, &subject, &views, page.found, page.declared).await?);
        if page.is_end || users.len() > limit as usize {
            break;
        }
    }
    let next = (users.len() > limit as usize).then(|| users.truncate(limit as usize));
    let next = next.and_then(|()| users.last()).map(|user| Cursor::after(&user.path));
    Ok(UsedBy { users: Page { items: users, next }, is_complete })
}

async fn views(engine: &Engine, project: &ProjectRow, subject: &Subject) -> Result<Vec<View>, ReferenceError> {
    let mut paths: BTreeSet<String> = [subject.path.clone()].into();
    if let Some(asset) = subject.asset {
        paths.extend(engine.catalog.paths_of(&[asset]).await?.into_values().flatten());
    }
    let mut views = vec![View { environment: None, targets: [subject.path.clone()].into() }];
    for pointer in engine.catalog.environments(project.number).await? {
        let Some(served) = pointer.environment.serves else { continue };
        examine_manifest(engine, project, served.manifest).await?;
        let pins = pinned(engine, served.manifest, paths.iter().map(String::as_str).collect()).await?;
        let is_it = |path: &String, asset: AssetId| subject.asset.map_or(*path == subject.path, |own| own == asset);
        let targets = pins.into_iter().filter(|(path, pin)| is_it(path, pin.asset)).map(|(path, _)| path).collect();
        views.push(View { environment: Some((pointer.environment.name, served.manifest)), targets });
    }
    Ok(views)
}

/// Paths whose assets may use the subject.
struct Candidates {
    found: BTreeSet<String>,
    declared: BTreeMap<String, Vec<DeclaredRow>>,
    /// Up to which path these are all.
    last: Option<String>,
    is_end: bool,
}

async fn candidates(
    engine: &Engine,
    project: &ProjectRow,
    subject: &Subject,
    targets: &BTreeSet<&String>,
    after: &str,
    limit: u32,
) -> Result<Candidates, ReferenceError> {
    let is_full = |length: usize| length >= limit as usize;
    let mut found = BTreeSet::new();
    let mut horizon: Option<String> = None;
    let mut lower = |last: Option<&String>| {
        if let Some(last) = last {
            horizon = Some(horizon.take().map_or(last.clone(), |horizon| horizon.min(last.clone())));
        }
    };
    for target in targets {
        let sources = engine.catalog.referring_paths(project.number, target, after, limit).await?;
        lower(sources.last().filter(|_| is_full(sources.len())));
        found.extend(sources);
    }
    // Each asset may be declared to need it in several ways, all of which belong on one page.
    let rows_max = limit.saturating_add(u32::try_from(engine.limits.declared_references_max).unwrap_or(u32::MAX / 2));
    let rows = engine.catalog.declaring(project.number, &subject.path, subject.asset, after, rows_max).await?;
    if rows.len() >= rows_max as usize {
        let last = rows.last().map(|(path, _)| path.clone());
        lower(rows.iter().map(|(path, _)| path).rfind(|path| Some(*path) != last.as_ref()));
    }
    let mut declared: BTreeMap<String, Vec<DeclaredRow>> = BTreeMap::new();
    for (path, row) in rows {
        declared.entry(path).or_default().push(row);
    }
    let is_end = horizon.is_none();
    if let Some(horizon) = &horizon {
        found.retain(|path| path <= horizon);
        declared.retain(|path, _| path <= horizon);
    }
    Ok(Candidates { found, declared, last: horizon, is_end })
}

/// Those at the paths who do use the subject somewhere, by path.
async fn users_among(
    engine: &Engine,
    project: &ProjectRow,
    subject: &Subject,
    views: &[View],
    found: BTreeSet<String>,
    declared: BTreeMap<String, Vec<DeclaredRow>>,
) -> Result<Vec<UsedAsset>, ReferenceError> {
    let paths: BTreeSet<&str> = found.iter().chain(declared.keys()).map(String::as_str).collect();
    let mut users: BTreeMap<String, UsedAsset> = BTreeMap::new();
    for view in views.iter().filter(|view| !view.targets.is_empty()) {
        let there = assets_in(engine, project, view, &paths).await?;
        let mut using = found_uses(engine, project, view, &there).await?;
        for (path, rows) in &declared {
            let rows = rows.iter().filter(|row| there.get(path).is_some_and(|there| there.asset == row.asset));
            using.entry(path.clone()).or_default().extend(rows.map(|row| declared_use(row, subject)));
        }
        for (path, uses) in using.into_iter().filter(|(_, uses)| !uses.is_empty()) {
            let Some(using) = there.get(&path) else { continue };
            let user = users.entry(path.clone()).or_insert_with(|| UsedAsset {
                path,
                asset: using.asset,
                is_latest: false,
                environments: Vec::new(),
                versions: BTreeSet::new(),
                uses: Vec::new(),
            });
            user.versions.insert(using.version);
            match &view.environment {
                None => user.is_latest = true,
                Some((name, _)) => user.environments.push(name.clone()),
            }
            user.uses.extend(uses);
            user.uses.sort();
            user.uses.dedup();
        }
    }
    Ok(users.into_values().collect())
}

fn declared_use(row: &DeclaredRow, subject: &Subject) -> Used {
    let path = match &row.need {
        Need::Path(path) => path.clone(),
        Need::Asset(_) => subject.path.clone(),
    };
    Used { how: How::Declared, reference: row.kind.clone(), path, is_possible: false }
}

/// An asset in a view.
struct There {
    asset: AssetId,
    version: i64,
    /// Its content, where references are looked for in it.
    held: Option<Held>,
}

/// What a view has at these paths.
async fn assets_in(
    engine: &Engine,
    project: &ProjectRow,
    view: &View,
    paths: &BTreeSet<&str>,
) -> Result<HashMap<String, There>, ReferenceError> {
    if let Some((_, manifest)) = view.environment {
        let pins = pinned(engine, manifest, paths.iter().copied().collect()).await?;
        let there = pins.into_iter().map(|(path, pin)| {
            let (asset, version, held) = (pin.asset, pin.version, held(&path, &pin));
            (path, There { asset, version, held })
        });
        return Ok(there.collect());
    }
    let paths: Vec<&str> = paths.iter().copied().collect();
    let assets = engine.catalog.assets_by_path(project.number, &paths).await?;
    let there = assets.into_iter().map(|(path, row)| {
        let latest = row.latest;
        let held = Held::new(&path, latest.content, &latest.media_type, latest.size_bytes);
        (path, There { asset: row.id, version: latest.number, held })
    });
    Ok(there.collect())
}

/// The references of what is there to the view's targets, by path.
async fn found_uses(
    engine: &Engine,
    project: &ProjectRow,
    view: &View,
    there: &HashMap<String, There>,
) -> Result<HashMap<String, Vec<Used>>, ReferenceError> {
    let held: Vec<&Held> = there.values().filter_map(|there| there.held.as_ref()).collect();
    let ids: Vec<_> = held.iter().map(|held| held.place(project.number)).collect();
    let mut leading: BTreeSet<&str> = BTreeSet::new();
    for target in &view.targets {
        let places = engine.catalog.places_leading_to(target, &ids).await?;
        leading.extend(ids.iter().zip(&held).filter(|(id, _)| places.contains_key(id)).map(|(_, held)| &*held.path));
    }
    let leading: Vec<Held> = held.into_iter().filter(|held| leading.contains(&*held.path)).cloned().collect();
    let led = examine(engine, numbered(project), &leading, Findings::default()).await?;
    let uses = leading.into_iter().zip(led).map(|(held, led)| {
        let used = led.into_iter().filter(|led| view.targets.contains(&led.target)).map(|led| Used {
            how: How::Found,
            reference: led.written,
            path: led.target,
            is_possible: led.is_possible,
        });
        (held.path, used.collect())
    });
    Ok(uses.collect())
}
