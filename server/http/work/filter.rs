//! Which work items a query wants.

use std::str::FromStr;

use serde::Deserialize;
use utoipa::IntoParams;

use shelfmark_domain::name::UserName;
use shelfmark_domain::work_item::{Priority, WorkKind, WorkStatus};
use shelfmark_engine::catalog::WorkFilter;

use super::super::extract::plain;
use crate::web::Problem;

/// The longest text that is searched for, in bytes.
const TEXT_BYTES_MAX: usize = 1_000;

/// Which work items, and how they are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WorkQuery {
    /// One status, or several with commas between them.
    #[param(example = "open,in_progress")]
    status: Option<String>,
    /// request, change, fix or incident.
    kind: Option<String>,
    /// low, normal, high or urgent.
    priority: Option<String>,
    /// A person's name.
    assignee: Option<String>,
    /// A person's name.
    requester: Option<String>,
    /// One label.
    label: Option<String>,
    /// Those that this release is about.
    #[param(example = "R-12")]
    release: Option<String>,
    /// Due earlier than this day.
    #[param(value_type = Option<String>, format = Date)]
    due_before: Option<String>,
    /// Words that title or description have, in whatever case.
    q: Option<String>,
    /// number: the newest first, as when absent; board: as people have put them. Board order needs one status.
    pub order: Option<String>,
    /// Most items on the page.
    #[param(value_type = Option<u32>, minimum = 1)]
    pub limit: Option<String>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

fn parsed<T: FromStr>(field: &'static str, text: Option<&String>) -> Result<Option<T>, Problem>
where
    T::Err: std::fmt::Display,
{
    text.map(|text| text.parse().map_err(|why| Problem::invalid(field, why))).transpose()
}

fn word<T: Copy>(
    field: &'static str,
    text: Option<&str>,
    parse: impl Fn(&str) -> Option<T>,
    all: &[&str],
) -> Result<Option<T>, Problem> {
    let one = |text: &str| {
        let wrong = || Problem::invalid(field, format!("{text:?} is no {field}; give one of {}", all.join(", ")));
        parse(text).ok_or_else(wrong)
    };
    text.map(one).transpose()
}

impl WorkQuery {
    /// What the query wants.
    ///
    /// # Errors
    /// Invalid, with the parameter at fault.
    pub fn filter(&self) -> Result<WorkFilter, Problem> {
        let (statuses, kinds, priorities) = (
            WorkStatus::ALL.iter().map(|one| one.as_str()).collect::<Vec<_>>(),
            WorkKind::ALL.iter().map(|one| one.as_str()).collect::<Vec<_>>(),
            Priority::ALL.iter().map(|one| one.as_str()).collect::<Vec<_>>(),
        );
        let mut wanted = Vec::new();
        for text in self.status.iter().flat_map(|text| text.split(',')) {
            let status = word("status", Some(text.trim()), WorkStatus::parse, &statuses)?;
            wanted.extend(status.filter(|status| !wanted.contains(status)));
        }
        let text = plain("q", self.q.clone().unwrap_or_default())?;
        if text.len() > TEXT_BYTES_MAX {
            return Err(Problem::invalid("q", format!("the text is longer than {TEXT_BYTES_MAX} bytes; shorten it")));
        }
        let requester: Option<UserName> = parsed("requester", self.requester.as_ref())?;
        Ok(WorkFilter {
            statuses: wanted,
            kind: word("kind", self.kind.as_deref(), WorkKind::parse, &kinds)?,
            priority: word("priority", self.priority.as_deref(), Priority::parse, &priorities)?,
            assignee: parsed("assignee", self.assignee.as_ref())?,
            requester: requester.map(|name| format!("@{name}")),
            label: parsed("label", self.label.as_ref())?,
            release: parsed("release", self.release.as_ref())?,
            due_before: parsed("due_before", self.due_before.as_ref())?,
            text,
        })
    }

    /// Whether the order is that of the board.
    ///
    /// # Errors
    /// Invalid for another order.
    pub fn is_board(&self) -> Result<bool, Problem> {
        match self.order.as_deref() {
            None | Some("number") => Ok(false),
            Some("board") => Ok(true),
            Some(other) => Err(Problem::invalid("order", format!("{other:?} is no order; give number or board"))),
        }
    }
}
