//! Which work items are wanted. Each filter that is common walks an index of its own.

use shelfmark_domain::name::{ReleaseNumber, UserName};
use shelfmark_domain::work_item::{Day, Label, Priority, WorkKind, WorkStatus};

use super::item::searched;
use crate::catalog::rows::AnyQuery;

/// What wanted items have in common. What is not said doesn't matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkFilter {
    /// Any of these; none: every status.
    pub statuses: Vec<WorkStatus>,
    pub kind: Option<WorkKind>,
    pub priority: Option<Priority>,
    pub assignee: Option<UserName>,
    /// The id of whoever wants it.
    pub requester: Option<String>,
    pub label: Option<Label>,
    pub release: Option<ReleaseNumber>,
    /// Earlier than this day.
    pub due_before: Option<Day>,
    /// Words that title or description have, in whatever case.
    pub text: String,
}

/// A value of a condition.
#[derive(Clone, Debug)]
enum Value {
    Number(i64),
    Text(String),
}

/// A `FROM ... WHERE ...` with the values of its parameters.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    text: String,
    values: Vec<Value>,
    /// The column of the item's number in the table that is walked.
    number: &'static str,
}

impl Condition {
    /// The items of a project that a filter wants.
    pub fn of(project: i64, filter: &WorkFilter) -> Self {
        // The list is ordered by the column of the shortest index that it can walk, or databases walk all items.
        let number = match (&filter.release, &filter.label) {
            (Some(_), _) => "r.item",
            (None, Some(_)) => "l.item",
            (None, None) => "w.number",
        };
        let mut condition = Self { text: String::from("FROM work_items w"), values: Vec::new(), number };
        if filter.release.is_some() {
            condition.push(" JOIN release_items r ON r.project = w.project AND r.item = w.number");
        }
        if filter.label.is_some() {
            condition.push(" JOIN work_item_labels l ON l.project = w.project AND l.item = w.number");
        }
        condition.push(" WHERE w.project = ");
        condition.number(project);
        condition.add(filter, project);
        condition
    }

    fn add(&mut self, filter: &WorkFilter, project: i64) {
        let WorkFilter { statuses, kind, priority, assignee, requester, label, release, due_before, text } = filter;
        if let Some(release) = release {
            self.push(" AND r.project = ").number(project).push(" AND r.release = ").number(release.get());
        }
        if let Some(label) = label {
            self.push(" AND l.project = ").number(project).push(" AND l.label = ").text(label.as_str());
        }
        if let [first, others @ ..] = statuses.as_slice() {
            self.push(" AND w.status IN (").text(first.as_str());
            for status in others {
                self.push(", ").text(status.as_str());
            }
            self.push(")");
        }
        let words = [
            (" AND w.kind = ", kind.map(WorkKind::as_str)),
            (" AND w.priority = ", priority.map(Priority::as_str)),
            (" AND w.assignee = ", assignee.as_ref().map(UserName::as_str)),
            (" AND w.requester = ", requester.as_deref()),
        ];
        for (condition, value) in words {
            if let Some(value) = value {
                self.push(condition).text(value);
            }
        }
        if let Some(day) = due_before {
            self.push(" AND w.due_on < ").text(&day.to_string());
        }
        for word in searched(text).split_whitespace() {
            self.push(" AND w.words LIKE ").text(&containing(word)).push(" ESCAPE '\\'");
        }
    }

    pub fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    pub fn number(&mut self, number: i64) -> &mut Self {
        self.value(Value::Number(number))
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        self.value(Value::Text(text.to_owned()))
    }

    fn value(&mut self, value: Value) -> &mut Self {
        self.values.push(value);
        self.text.push_str(&format!("${}", self.values.len()));
        self
    }

    /// Only items with a lower number than this, the newest first, up to a limit.
    pub fn newest(&mut self, before: Option<i64>, limit: i64) -> &mut Self {
        let column = self.number;
        if let Some(before) = before {
            self.push(&format!(" AND {column} < ")).number(before);
        }
        self.push(&format!(" ORDER BY {column} DESC LIMIT ")).number(limit)
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn bind(&self, query: AnyQuery) -> AnyQuery {
        self.values.iter().fold(query, |query, value| match value {
            Value::Number(number) => query.bind(*number),
            Value::Text(text) => query.bind(text.clone()),
        })
    }
}

/// A pattern for texts with a word in them; what patterns give a meaning is taken literally.
fn containing(word: &str) -> String {
    let mut pattern = String::with_capacity(word.len() + 2);
    pattern.push('%');
    for character in word.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_numbers_its_parameters() {
        let filter = WorkFilter {
            statuses: vec![WorkStatus::Open, WorkStatus::Reopened],
            release: Some(ReleaseNumber::new(2)),
            text: "A_b".into(),
            ..WorkFilter::default()
        };
        let condition = Condition::of(1, &filter);
        assert_eq!(
            condition.as_str(),
            "FROM work_items w JOIN release_items r ON r.project = w.project AND r.item = w.number WHERE w.project = $1 \
             AND r.project = $2 AND r.release = $3 AND w.status IN ($4, $5) AND w.words LIKE $6 ESCAPE '\\'"
        );
        assert_eq!(condition.values.len(), 6);
        let mut walked = condition.clone();
        walked.newest(Some(9), 3);
        assert_eq!(
            walked.as_str().strip_prefix(condition.as_str()),
            Some(" AND r.item < $7 ORDER BY r.item DESC LIMIT $8")
        );
        assert_eq!(containing("50%_\\"), "%50\\%\\_\\\\%");
    }
}
