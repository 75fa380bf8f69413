//! Work items.

use shelfmark_domain::name::{ReleaseNumber, UserName, WorkItemNumber};
use shelfmark_domain::time::Timestamp;
use shelfmark_domain::work_item::{Day, Label, Link, Priority, WorkKind, WorkStatus};

use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::rows::{self, AnyQuery, query};
use crate::catalog::write::Write;

/// What people say of a work item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkItemSaid {
    pub kind: WorkKind,
    pub title: String,
    pub description: String,
    pub assignee: Option<UserName>,
    pub priority: Priority,
    pub due_on: Option<Day>,
    /// By name, each once.
    pub labels: Vec<Label>,
    /// Of another system, such as an issue tracker.
    pub link: Option<Link>,
    /// On users.
    pub impact: String,
    pub release_note: String,
}

/// An entry of the work register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkItemRow {
    pub number: WorkItemNumber,
    pub said: WorkItemSaid,
    /// The id of whoever wants it, and what they were called.
    pub requester: String,
    pub requester_name: String,
    pub status: WorkStatus,
    /// Order on the board within the status.
    pub rank: i64,
    /// The newest release that it was grouped in.
    pub release: Option<ReleaseNumber>,
    /// The id of whoever entered it, and what they were called.
    pub creator: String,
    pub created_by: String,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
    /// +1 per change of the item or of what is attached to it.
    pub revision: i64,
}

/// Of `work_items w`.
pub(super) const COLUMNS: &str = "w.number, w.kind, w.title, w.description, w.assignee, w.priority, w.due_on, \
     w.labels, w.link, w.impact, w.release_note, w.requester, w.requester_name, w.status, w.rank, w.creator, \
     w.created_by, w.created_at, w.changed_at, w.revision, \
     (SELECT MAX(g.release) FROM release_items g WHERE g.project = w.project AND g.item = w.number)";
/// How many columns that is.
pub(super) const COLUMNS_COUNT: usize = 21;

pub(super) fn read(row: &sqlx::any::AnyRow) -> Result<WorkItemRow, CatalogError> {
    let word = |at: usize, what: &str| row.text(at).map(|text| (corrupt(format!("{text:?} as {what}")), text));
    let (wrong_kind, kind) = word(1, "a kind of work item")?;
    let (wrong_priority, priority) = word(5, "a priority")?;
    let (wrong_status, status) = word(13, "a work item's status")?;
    let labels = row.text(7)?;
    let said = WorkItemSaid {
        kind: WorkKind::parse(&kind).ok_or(wrong_kind)?,
        title: row.text(2)?,
        description: row.text(3)?,
        assignee: row.text_or_null(4)?.map(|_| row.parsed(4)).transpose()?,
        priority: Priority::parse(&priority).ok_or(wrong_priority)?,
        due_on: row.text_or_null(6)?.map(|_| row.parsed(6)).transpose()?,
        labels: serde_json::from_str(&labels).map_err(|_| corrupt(format!("{labels:?} as labels")))?,
        link: row.text_or_null(8)?.map(|_| row.parsed(8)).transpose()?,
        impact: row.text(9)?,
        release_note: row.text(10)?,
    };
    Ok(WorkItemRow {
        number: WorkItemNumber::new(row.int(0)?),
        said,
        requester: row.text(11)?,
        requester_name: row.text(12)?,
        status: WorkStatus::parse(&status).ok_or(wrong_status)?,
        rank: row.int(14)?,
        release: row.int_or_null(20)?.map(ReleaseNumber::new),
        creator: row.text(15)?,
        created_by: row.text(16)?,
        created_at: row.time(17)?,
        changed_at: row.time(18)?,
        revision: row.int(19)?,
    })
}

/// A text as it is searched.
pub(super) fn searched(text: &str) -> String {
    text.to_lowercase()
}

/// Binds what can change of an item, in the order of the columns in `insert_work_item`.
fn bind_changing(query: AnyQuery, item: &WorkItemRow) -> AnyQuery {
    let said = &item.said;
    let labels = serde_json::to_string(&said.labels).expect("labels are texts");
    query
        .bind(said.kind.as_str())
        .bind(said.title.clone())
        .bind(said.description.clone())
        .bind(said.assignee.as_ref().map(ToString::to_string))
        .bind(said.priority.as_str())
        .bind(said.due_on.as_ref().map(ToString::to_string))
        .bind(labels)
        .bind(said.link.as_ref().map(ToString::to_string))
        .bind(said.impact.clone())
        .bind(said.release_note.clone())
        .bind(item.status.as_str())
        .bind(item.rank)
        .bind(searched(&format!("{}\n{}", said.title, said.description)))
        .bind(item.changed_at.as_micros())
        .bind(item.revision)
}

impl Catalog {
    /// A work item.
    pub async fn work_item(&self, project: i64, number: WorkItemNumber) -> Result<Option<WorkItemRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} FROM work_items w WHERE w.project = $1 AND w.number = $2"))
            .bind(project)
            .bind(number.get())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read).transpose()
    }
}

impl Write {
    /// A work item as it stands in this change.
    pub async fn work_item(
        &mut self,
        project: i64,
        number: WorkItemNumber,
    ) -> Result<Option<WorkItemRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} FROM work_items w WHERE w.project = $1 AND w.number = $2"))
            .bind(project)
            .bind(number.get())
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Takes the project's next work item number. Numbers have no gaps: one that isn't committed is taken again.
    pub async fn next_work_item(&mut self, project: i64) -> Result<WorkItemNumber, CatalogError> {
        let row =
            query("UPDATE projects SET last_work_item = last_work_item + 1 WHERE number = $1 RETURNING last_work_item")
                .bind(project)
                .fetch_one(self.connection())
                .await?;
        Ok(WorkItemNumber::new(row.int(0)?))
    }

    /// Adds a work item.
    pub async fn insert_work_item(&mut self, project: i64, item: &WorkItemRow) -> Result<(), CatalogError> {
        let insert = query(
            "INSERT INTO work_items (kind, title, description, assignee, priority, due_on, labels, link, impact, \
             release_note, status, rank, words, changed_at, revision, project, number, requester, requester_name, \
             creator, created_by, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)",
        );
        bind_changing(insert, item)
            .bind(project)
            .bind(item.number.get())
            .bind(item.requester.clone())
            .bind(item.requester_name.clone())
            .bind(item.creator.clone())
            .bind(item.created_by.clone())
            .bind(item.created_at.as_micros())
            .execute(self.connection())
            .await?;
        self.insert_labels(project, item).await
    }

    /// Writes what can change of a work item.
    pub async fn update_work_item(&mut self, project: i64, item: &WorkItemRow) -> Result<(), CatalogError> {
        let update = query(
            "UPDATE work_items SET kind = $1, title = $2, description = $3, assignee = $4, priority = $5, due_on = $6, \
             labels = $7, link = $8, impact = $9, release_note = $10, status = $11, rank = $12, words = $13, \
             changed_at = $14, revision = $15 WHERE project = $16 AND number = $17",
        );
        bind_changing(update, item).bind(project).bind(item.number.get()).execute(self.connection()).await?;
        Ok(())
    }

    /// Writes a work item's labels anew.
    pub async fn replace_labels(&mut self, project: i64, item: &WorkItemRow) -> Result<(), CatalogError> {
        query("DELETE FROM work_item_labels WHERE project = $1 AND item = $2")
            .bind(project)
            .bind(item.number.get())
            .execute(self.connection())
            .await?;
        self.insert_labels(project, item).await
    }

    async fn insert_labels(&mut self, project: i64, item: &WorkItemRow) -> Result<(), CatalogError> {
        let number = item.number.get();
        rows::insert(
            self.connection(),
            "INSERT INTO work_item_labels (project, label, item)",
            "",
            3,
            &item.said.labels,
            |query, label| query.bind(project).bind(label.to_string()).bind(number),
        )
        .await?;
        Ok(())
    }

    /// Those of these people who are there.
    pub async fn people_among(&mut self, names: &[UserName]) -> Result<Vec<UserName>, CatalogError> {
        let found = rows::select_in(
            self.connection(),
            "SELECT name FROM users WHERE name IN",
            "",
            (0, |query| query),
            names,
            |query, name| query.bind(name.to_string()),
        )
        .await?;
        let there: Result<Vec<UserName>, _> = found.iter().map(|row| row.parsed(0)).collect();
        let there = there?;
        Ok(names.iter().filter(|name| there.contains(name)).cloned().collect())
    }
}
