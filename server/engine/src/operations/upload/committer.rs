//! Carrying out orders. Orders that come in while one group is being made durable form the next group: its loose
//! chunks share one pack, its rows one transaction. So the price of durability is paid once for many small uploads,
//! and a single one waits for nobody.

use std::collections::{HashMap, HashSet};

use tokio::sync::{mpsc, oneshot};

use shelfmark_domain::hash::{ChunkId, ContentId};

use super::cutting::NewChunk;
use super::decide::{Shelf, Verdict};
use super::order::{Action, CommitError, Done, Incoming, Order, Outcome, Receipt, Summary};
use super::pack_memory::PackMemory;
use super::packing::{PackError, Packed, Packer};
use super::put::LOOSE_BYTES_MAX;
use super::repeat;
use crate::catalog::{AuditDraft, Catalog, NewVersion, Write};
use crate::operations::people::caller::AccessError;
use crate::operations::work::attach_made;

/// Most orders in one group.
const GROUP_MAX: usize = 64;
/// Orders that may wait; more wait outside.
const QUEUE_MAX: usize = 256;
/// How often a group is tried when the collector has just taken a chunk that it had counted on.
const TRIES: u32 = 3;

type Reply = oneshot::Sender<Result<Receipt, CommitError>>;

/// The way to the committer. When the last clone is dropped, it finishes what it has and ends.
#[derive(Clone, Debug)]
pub(crate) struct Committer {
    queue: mpsc::Sender<(Order, Reply)>,
    catalog: Catalog,
}

impl Committer {
    /// Starts the committer on the present runtime.
    pub fn start(packer: Packer) -> Self {
        let (queue, orders) = mpsc::channel(QUEUE_MAX);
        let catalog = packer.chunks.catalog().clone();
        // A memory of its own: what is committed doesn't wait for packs of uploads that go on.
        let memory = PackMemory::new(GROUP_MAX * LOOSE_BYTES_MAX);
        tokio::spawn(run(Packer { memory, ..packer }, orders));
        Self { queue, catalog }
    }

    /// Carries an order out; it is durable when this returns. One that repeats an earlier order gets what came of that.
    ///
    /// # Errors
    /// Why it was not carried out; nothing has been changed then.
    pub(crate) async fn carry_out(&self, order: Order) -> Result<Receipt, CommitError> {
        if let Some(earlier) = repeat::earlier(&self.catalog, &order.caller).await? {
            return Ok(earlier);
        }
        let again = order.caller.idempotency.is_some().then(|| order.caller.clone());
        let (reply, receipt) = oneshot::channel();
        self.queue.send((order, reply)).await.map_err(|_| CommitError::Stopped)?;
        match (receipt.await.map_err(|_| CommitError::Stopped)?, again) {
            (Err(CommitError::Access(error)), Some(caller)) if matches!(*error, AccessError::KeyInUse(_)) => {
                let earlier = repeat::earlier(&self.catalog, &caller).await?;
                earlier.ok_or(CommitError::Access(error))
            }
            (receipt, _) => receipt,
        }
    }
}

async fn run(packer: Packer, mut orders: mpsc::Receiver<(Order, Reply)>) {
    let mut waiting: Option<(Order, Reply)> = None;
    loop {
        let first = match waiting.take() {
            Some(first) => first,
            None => match orders.recv().await {
                Some(first) => first,
                None => return,
            },
        };
        let mut group = vec![first];
        while group.len() < GROUP_MAX
            && let Ok(next) = orders.try_recv()
        {
            // An order that removes stands alone: the rows of a group are written kind by kind, and what one order
            // removes must not be mistaken for what another makes.
            if removes(&next.0) || group.iter().any(|(order, _)| removes(order)) {
                waiting = Some(next);
                break;
            }
            group.push(next);
        }
        let (orders, replies): (Vec<Order>, Vec<Reply>) = group.into_iter().unzip();
        for (reply, receipt) in replies.into_iter().zip(carry_out(&packer, &orders).await) {
            let _ = reply.send(receipt); // whoever asked may have gone; the order stands
        }
    }
}

fn removes(order: &Order) -> bool {
    order.drafts.iter().any(|draft| draft.action == Action::Remove)
}

/// What came of each order of a group.
type Receipts = Vec<Result<Receipt, CommitError>>;

async fn carry_out(packer: &Packer, orders: &[Order]) -> Receipts {
    if let Some(receipts) = try_often(packer, orders).await {
        return receipts;
    }
    let mut receipts = Vec::with_capacity(orders.len());
    for order in orders {
        receipts.extend(try_often(packer, std::slice::from_ref(order)).await.into_iter().flatten());
    }
    receipts
}

/// `None` when the orders must be carried out one by one; never for a single one.
async fn try_often(packer: &Packer, orders: &[Order]) -> Option<Receipts> {
    let mut tries = 0;
    loop {
        tries += 1;
        match try_group(packer, orders).await {
            Ok(receipts) => return receipts,
            Err(CommitError::Pack(error)) if tries < TRIES && matches!(*error, PackError::Expired) => {}
            Err(error) => return Some(orders.iter().map(|_| Err(error.clone())).collect()),
        }
    }
}

/// Stores the group's loose chunks and carries its orders out in one transaction. An order that is refused does not
/// keep the others; an error of the store or database keeps all. `None` when one of several orders failed after it
/// had been decided: others may have built on it, and part of it stands in the transaction, which is given up.
async fn try_group(packer: &Packer, orders: &[Order]) -> Result<Option<Receipts>, CommitError> {
    let mut loose = pack_loose(packer, orders).await?;
    let mut write = packer.chunks.catalog().write().await?;
    let mut shelf = Shelf::load(&mut write, &orders.iter().collect::<Vec<_>>()).await?;
    let mut receipts = Vec::with_capacity(orders.len());
    let mut entered = Entered::default();
    for order in orders.iter() {
        if let Err(error) = order.caller.check_first(&mut write).await {
            receipts.push(Err(error.into()));
            continue;
        }
        let receipt = match shelf.decide(order, order.caller.now) {
            Ok(verdict) => match enter(&mut write, order, verdict, &mut entered, packer.limits.work_versions_max).await
            {
                Err(_) if orders.len() > 1 => return Ok(None),
                receipt => receipt,
            },
            Err(refused) => Err(refused),
        };
        receipts.push(receipt);
    }
    if receipts.iter().all(Result::is_err) {
        return Ok(Some(receipts));
    }
    let accepted = |order: &usize| receipts[*order].is_ok();
    loose.keep(&needed(orders, accepted));
    loose.enter(&mut write).await?;
    let contents: Vec<_> = (0..orders.len()).filter(accepted).flat_map(|i| orders[i].contents.clone()).collect();
    write.insert_contents(&contents).await?;
    for (project, versions) in entered.versions {
        write.insert_versions(project, &versions).await?;
    }
    write.commit().await?;
    Ok(Some(receipts))
}

/// The chunks that the accepted orders have brought loose.
fn needed(orders: &[Order], accepted: impl Fn(&usize) -> bool) -> HashSet<ChunkId> {
    let accepted = (0..orders.len()).filter(accepted).map(|index| &orders[index].incoming);
    let chunks = accepted.flat_map(|incoming| match incoming {
        Incoming::Loose(chunks) => chunks.as_slice(),
        Incoming::Nothing | Incoming::Packed(_) => &[],
    });
    chunks.map(|chunk| chunk.id).collect()
}

/// Stores the group's loose chunks in a pack.
async fn pack_loose(packer: &Packer, orders: &[Order]) -> Result<Packed, CommitError> {
    let mut packing = packer.begin(None);
    for order in orders {
        if let Incoming::Loose(chunks) = &order.incoming {
            let dictionary = packer.dictionary(&order.project).await?;
            packing.use_dictionary(dictionary);
            let chunks: Vec<NewChunk> = chunks.clone(); // the bytes are shared, not copied
            packing.add(chunks).await?;
        }
    }
    Ok(packing.finish().await?)
}

/// What the orders of a group have come to so far, by project.
#[derive(Debug, Default)]
struct Entered {
    versions: HashMap<i64, Vec<NewVersion>>,
    asset_revisions: HashMap<i64, i64>,
}

/// Writes what one accepted order changes, except its versions, which are collected.
async fn enter(
    write: &mut Write,
    order: &Order,
    verdict: Verdict,
    entered: &mut Entered,
    work_versions_max: usize,
) -> Result<Receipt, CommitError> {
    let Verdict { done, versions: new, removed } = verdict;
    let (project, now) = (order.project.number, order.caller.now);
    let before = match entered.asset_revisions.get(&project) {
        Some(revision) => *revision,
        None => write.project(project).await?.map_or(0, |project| project.asset_revision),
    };
    let mut after = before;
    if !new.is_empty() || !removed.is_empty() {
        if let Incoming::Packed(packed) = &order.incoming {
            packed.enter(write).await?;
        }
        after = write.record(&order.caller.principal, now, draft(order, &done));
        write.delete_assets(&removed, now).await?;
        write.touch_assets(project, after).await?;
        if let Some(dictionary) = order.dictionary {
            write.set_dictionary(project, dictionary).await?;
        }
        if let Some(item) = order.item {
            let made: Vec<_> = new.iter().map(|version| (version.asset, version.number)).collect();
            attach_made(write, &order.caller, &order.project, item, &made, work_versions_max).await?;
        }
        let new = new.into_iter().map(|version| NewVersion { audit: after, ..version });
        entered.versions.entry(project).or_default().extend(new);
    }
    entered.asset_revisions.insert(project, after);
    let receipt = Receipt { at: now, summary: Summary::of(&done, before, after), done };
    repeat::keep(write, order, &receipt).await?;
    Ok(receipt)
}

/// The audit entry of an order: a single line tells what it made, many are counted and hashed.
fn draft(order: &Order, done: &[Done]) -> AuditDraft {
    let details = match done {
        [one] => {
            let asset = one.asset.as_ref();
            serde_json::json!({
                "asset": asset.map(|asset| uuid::Uuid::from_bytes(asset.id.0).to_string()),
                "version": asset.map(|asset| asset.version),
                "content": asset.map(|asset| asset.content),
            })
        }
        many => {
            let Summary { created, changed, unchanged, removed, .. } = Summary::of(many, 0, 0);
            let lines = ContentId::of(lines(many).as_bytes());
            serde_json::json!({ "created": created, "changed": changed, "unchanged": unchanged, "removed": removed,
                "lines": lines })
        }
    };
    AuditDraft {
        action: order.action,
        project: order.project.name.to_string(),
        subject: order.subject.clone(),
        message: order.message.clone(),
        details,
    }
}

/// One line for each asset that changed, so that the audit entry of a batch binds all of it.
fn lines(done: &[Done]) -> String {
    let changed = done.iter().filter(|done| !matches!(done.outcome, Outcome::Unchanged | Outcome::Absent));
    let line = |done: &Done| {
        done.asset.as_ref().map(|a| format!("{:?} {} {} {}\n", done.outcome, a.path, a.version, a.content))
    };
    changed.filter_map(line).collect()
}
