//! Grouping work items into releases. An item's versions come along as lines of the release: of each attached asset
//! the highest version. Where several items of a release bring the same asset, the highest of all is pinned; a line
//! that a person has put there by hand is never taken back to a lower version of the same asset.

use std::collections::{BTreeMap, BTreeSet};

use shelfmark_domain::access::Permission;
use shelfmark_domain::name::{ProjectName, ReleaseNumber, WorkItemNumber};
use shelfmark_domain::work_item::WorkStatus;

use super::{WorkError, audit, item_in};
use crate::Engine;
use crate::catalog::{ChangeRow, ChangeValue, ItemLine, ProjectRow, WorkItemRow, Write};
use crate::operations::ChangedLines;
use crate::operations::people::caller::Caller;
use crate::operations::releases::audit as release_audit;
use crate::operations::releases::changes::{conflicts, draft_release};

/// Stands for the audit entry that is being written.
const THIS_CHANGE: i64 = -1;

/// Adds work items to a draft release with the versions that answer them; items that are there already bring their
/// newest versions. Only authorised items, or with `unauthorised` resolved ones too: a gate may decide later.
///
/// # Errors
/// See `WorkError`; nothing has been changed.
pub async fn add_items(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: ReleaseNumber,
    items: &[WorkItemNumber],
    unauthorised: bool,
    expected: Option<i64>,
) -> Result<ChangedLines, WorkError> {
    let project = caller.project(&engine.catalog, project, Permission::PlanReleases).await?;
    if let Some(earlier) = caller.earlier_outcome(&engine.catalog).await? {
        return Ok(earlier);
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let release = draft_release(&mut write, &project, number, expected).await?;
    let mut wanted = Vec::new();
    let items: BTreeSet<WorkItemNumber> = items.iter().copied().collect();
    for item in &items {
        let row = item_in(&mut write, &project, *item).await?;
        check_ready(&row, unauthorised)?;
        let open = write.release_of_item(project.number, *item, true).await?;
        if let Some(release) = open.filter(|open| *open != number) {
            return Err(WorkError::Grouped { item: *item, release });
        }
        wanted.extend(lines_of(&mut write, &project, *item).await?);
    }
    let plan = Plan::of(&mut write, &project, number, &items, wanted).await?;
    let lines = plan.lines();
    let (conflicts, conflicts_with) = conflicts(&mut write, &project, number, &plan.puts).await?;
    let details = serde_json::json!({ "items": items, "lines": lines, "conflicts": conflicts,
        "conflicts_with": conflicts_with });
    let draft = release_audit("release.items_added", &project, number, details);
    let sequence = write.record(&caller.principal, caller.now, draft);
    for item in &items {
        let by = &caller.principal.name;
        write.put_release_item(project.number, number, *item, by, caller.now).await?;
        let details = serde_json::json!({ "release": number });
        let draft = audit("work_item.added_to_release", &project, *item, "", details);
        write.record(&caller.principal, caller.now, draft);
    }
    plan.carry_out(&mut write, &project, number, sequence).await?;
    write.update_release(project.number, &release).await?;
    let total = write.count_changes(project.number, number).await?;
    let revision = release.revision + 1;
    let changed = ChangedLines { lines, total, revision, conflicts, conflicts_with };
    caller.note_outcome(&mut write, &changed).await?;
    write.commit().await?;
    Ok(changed)
}

/// Takes a work item out of a draft release, with the lines that came only with it.
///
/// # Errors
/// See `WorkError`; nothing has been changed.
pub async fn remove_item(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: ReleaseNumber,
    item: WorkItemNumber,
    expected: Option<i64>,
) -> Result<ChangedLines, WorkError> {
    let project = caller.project(&engine.catalog, project, Permission::PlanReleases).await?;
    if let Some(earlier) = caller.earlier_outcome(&engine.catalog).await? {
        return Ok(earlier);
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let release = draft_release(&mut write, &project, number, expected).await?;
    if write.release_of_item(project.number, item, true).await? != Some(number) {
        return Err(WorkError::NotGrouped { item, release: number });
    }
    let plan = Plan::of(&mut write, &project, number, &BTreeSet::from([item]), Vec::new()).await?;
    let lines = plan.lines();
    let details = serde_json::json!({ "items": [item], "lines": lines });
    let draft = release_audit("release.items_removed", &project, number, details);
    let sequence = write.record(&caller.principal, caller.now, draft);
    plan.carry_out(&mut write, &project, number, sequence).await?;
    write.remove_release_item(project.number, number, item).await?;
    let details = serde_json::json!({ "release": number });
    let draft = audit("work_item.removed_from_release", &project, item, "", details);
    write.record(&caller.principal, caller.now, draft);
    write.update_release(project.number, &release).await?;
    let total = write.count_changes(project.number, number).await?;
    let revision = release.revision + 1;
    let changed = ChangedLines { lines, total, revision, conflicts: 0, conflicts_with: Vec::new() };
    caller.note_outcome(&mut write, &changed).await?;
    write.commit().await?;
    Ok(changed)
}

fn check_ready(item: &WorkItemRow, unauthorised: bool) -> Result<(), WorkError> {
    let is_ready = item.status == WorkStatus::Authorised || (unauthorised && item.status == WorkStatus::Resolved);
    if is_ready {
        return Ok(());
    }
    let wanted = if unauthorised { "what is resolved or authorised" } else { "only what is authorised" };
    Err(WorkError::NotReady { item: item.number, status: item.status, wanted })
}

async fn lines_of(write: &mut Write, project: &ProjectRow, item: WorkItemNumber) -> Result<Vec<ItemLine>, WorkError> {
    let wanted = write.wanted_lines(project.number, item).await?;
    if let Some(gone) = wanted.iter().find(|wanted| wanted.is_deleted) {
        return Err(WorkError::Deleted { item, path: gone.path.clone() });
    }
    let line = |wanted: crate::catalog::WantedLine| ItemLine {
        item,
        key: wanted.path,
        asset: wanted.asset,
        version: wanted.version,
        audit: THIS_CHANGE,
    };
    Ok(wanted.into_iter().map(line).collect())
}

/// What becomes of the lines of a release when items come or go.
#[derive(Debug, Default)]
struct Plan {
    /// The keys whose lines items have to do with now or had.
    keys: Vec<String>,
    puts: Vec<ChangeRow>,
    removals: Vec<String>,
    lines: Vec<ItemLine>,
}

impl Plan {
    /// `wanted` takes the place of what these items have brought so far.
    async fn of(
        write: &mut Write,
        project: &ProjectRow,
        release: ReleaseNumber,
        items: &BTreeSet<WorkItemNumber>,
        wanted: Vec<ItemLine>,
    ) -> Result<Self, WorkError> {
        let (former, others): (Vec<ItemLine>, Vec<ItemLine>) =
            write.item_lines(project.number, release).await?.into_iter().partition(|line| items.contains(&line.item));
        let concerned = former.iter().chain(&wanted).map(|line| line.key.clone());
        let keys: Vec<String> = concerned.collect::<BTreeSet<_>>().into_iter().collect();
        let present = write.changes_at(project.number, release, &keys).await?;
        let mut by_key: BTreeMap<&String, Key> = keys.iter().map(|key| (key, Key::default())).collect();
        for line in former.iter().chain(&others) {
            if let Some(key) = by_key.get_mut(&line.key) {
                key.written.insert(line.audit);
            }
        }
        for line in others.into_iter().chain(wanted) {
            if let Some(key) = by_key.get_mut(&line.key) {
                key.asked.push(line);
            }
        }
        let mut plan = Self::default();
        for (key, asked) in by_key {
            plan.decide(key, asked, present.get(key));
        }
        Ok(Self { keys, ..plan })
    }

    fn decide(&mut self, key: &str, Key { written, asked }: Key, present: Option<&(ChangeRow, i64)>) {
        let is_by_hand = present.is_some_and(|(_, audit)| !written.contains(audit));
        // Two assets ask for one path only if the former has left it since: the newer asking knows.
        let Some(last) = asked.last().map(|line| line.asset) else {
            if present.is_some() && !is_by_hand {
                self.removals.push(key.to_owned());
            }
            return;
        };
        let highest = asked.iter().filter(|line| line.asset == last).map(|line| line.version).max();
        let value = ChangeValue::Pin { asset: last, version: highest.unwrap_or_default() };
        let audit = match present {
            Some((ChangeRow { value: ChangeValue::Pin { asset, version }, .. }, _))
                if is_by_hand && *asset == last && Some(*version) >= highest =>
            {
                0
            }
            Some((row, audit)) if !is_by_hand && row.value == value => *audit,
            _ => {
                self.puts.push(ChangeRow { key: key.to_owned(), value });
                THIS_CHANGE
            }
        };
        self.lines.extend(asked.into_iter().map(|line| ItemLine { audit, ..line }));
    }

    /// How many lines of the release it writes or takes out.
    fn lines(&self) -> u64 {
        (self.puts.len() + self.removals.len()) as u64
    }

    async fn carry_out(
        self,
        write: &mut Write,
        project: &ProjectRow,
        release: ReleaseNumber,
        sequence: i64,
    ) -> Result<(), WorkError> {
        let Self { keys, puts, removals, mut lines } = self;
        for line in lines.iter_mut().filter(|line| line.audit == THIS_CHANGE) {
            line.audit = sequence;
        }
        write.remove_changes(project.number, release, &removals).await?;
        write.put_changes(project.number, release, &puts, sequence).await?;
        write.replace_item_lines(project.number, release, &keys, &lines).await?;
        Ok(())
    }
}

/// What items have to do with one key.
#[derive(Debug, Default)]
struct Key {
    /// The audit entries under which items have written the line.
    written: BTreeSet<i64>,
    /// What they ask for now; those that are being added last.
    asked: Vec<ItemLine>,
}
