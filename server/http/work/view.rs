//! A work item as the API shows it.

use serde::Serialize;
use utoipa::ToSchema;

use shelfmark_domain::name::{ReleaseNumber, UserName, WorkItemNumber};
use shelfmark_domain::time::Timestamp;
use shelfmark_domain::work_item::{Day, Label, Link, Priority, WorkKind, WorkStatus};
use shelfmark_engine::catalog::{WorkItemRow, WorkItemSaid};

/// An entry of the work register.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkItemView {
    #[schema(value_type = String, example = "W-7")]
    pub number: WorkItemNumber,
    /// request, change, fix or incident.
    #[schema(value_type = String, example = "request")]
    kind: WorkKind,
    title: String,
    description: String,
    /// open, in_progress, resolved, authorised, released, closed, rejected or reopened.
    #[schema(value_type = String, example = "open")]
    status: WorkStatus,
    /// The person who wants it; null when a machine entered it for nobody.
    #[schema(value_type = Option<String>, example = "anna")]
    requester: Option<UserName>,
    requester_name: String,
    /// Who works on it.
    #[schema(value_type = Option<String>, example = "ben")]
    assignee: Option<UserName>,
    /// low, normal, high or urgent.
    #[schema(value_type = String, example = "normal")]
    priority: Priority,
    #[schema(value_type = Option<String>, format = Date)]
    due_on: Option<Day>,
    #[schema(value_type = Vec<String>)]
    labels: Vec<Label>,
    /// Of another system, such as an issue tracker.
    #[schema(value_type = Option<String>, example = "https://example.org/issues/7")]
    link: Option<Link>,
    /// What users will notice.
    impact: String,
    /// What the notes of its release say.
    release_note: String,
    /// The newest release that it was grouped in.
    #[schema(value_type = Option<String>, example = "R-12")]
    release: Option<ReleaseNumber>,
    created_by: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    changed_at: Timestamp,
    /// What `If-Match` can insist on; goes up with every change of the item and of what is attached to it.
    pub revision: i64,
}

/// The person behind an id; `None` for a machine.
pub fn person(id: &str) -> Option<UserName> {
    id.strip_prefix('@')?.parse().ok()
}

impl From<WorkItemRow> for WorkItemView {
    fn from(row: WorkItemRow) -> Self {
        let WorkItemRow { number, said, requester, requester_name, status, release, .. } = row;
        let WorkItemRow { created_by, created_at, changed_at, revision, .. } = row;
        let WorkItemSaid { kind, title, description, assignee, priority, due_on, labels, link, impact, release_note } =
            said;
        Self {
            number,
            kind,
            title,
            description,
            status,
            requester: person(&requester),
            requester_name,
            assignee,
            priority,
            due_on,
            labels,
            link,
            impact,
            release_note,
            release,
            created_by,
            created_at,
            changed_at,
            revision,
        }
    }
}
