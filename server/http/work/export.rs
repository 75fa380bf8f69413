//! Work items for spreadsheets.

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::{HttpResponse, get};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};

use shelfmark_domain::work_item::Label;
use shelfmark_engine::catalog::{Catalog, CatalogError, WorkFilter, WorkItemRow};

use super::super::docs::Binary;
use super::super::extract::Asked;
use super::filter::WorkQuery;
use super::view::person;
use crate::web::Problem;

/// Items read at a time.
const ROWS_AT_ONCE: u32 = 1_000;

const HEAD: [&str; 16] = [
    "number",
    "kind",
    "status",
    "priority",
    "title",
    "requester",
    "assignee",
    "due_on",
    "labels",
    "release",
    "link",
    "impact",
    "release_note",
    "description",
    "created_at",
    "changed_at",
];

/// Exports the wanted work items as CSV, newest first, all of them.
///
/// What a spreadsheet would take for a formula is preceded by an apostrophe.
#[utoipa::path(tag = "work", params(WorkQuery),
    responses((status = 200, body = Binary, content_type = "text/csv")))]
#[get("/projects/{project}/work-items.csv")]
pub async fn export_work_items(asked: Asked) -> Result<HttpResponse, Problem> {
    let project = asked.readable_project().await?;
    let query: WorkQuery = asked.query()?;
    let paged = [("order", &query.order), ("limit", &query.limit), ("cursor", &query.cursor)];
    if let Some((name, _)) = paged.iter().find(|(_, value)| value.is_some()) {
        return Err(Problem::invalid(*name, "an export has all items, newest first; leave this out"));
    }
    let mut lines = Box::pin(lines(asked.catalog().clone(), project.number, query.filter()?));
    // The first rows are read before the status is sent: a database that is away is a problem and no short list.
    let first = lines.try_next().await?;
    let body = stream::iter([Ok(text(&[HEAD.map(str::to_owned)]))]).chain(stream::iter(first.map(Ok))).chain(lines);
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CONTENT_TYPE, "text/csv; charset=utf-8; header=present"));
    answer.insert_header((CONTENT_DISPOSITION, "attachment; filename=\"work-items.csv\""));
    Ok(answer.streaming(body))
}

/// The wanted items as CSV, some hundred lines at a time.
fn lines(catalog: Catalog, project: i64, filter: WorkFilter) -> impl Stream<Item = Result<Bytes, CatalogError>> {
    stream::try_unfold(Some(None), move |before| {
        let (catalog, filter) = (catalog.clone(), filter.clone());
        async move {
            let Some(before) = before else { return Ok(None) };
            let page = catalog.work_items(project, &filter, before, ROWS_AT_ONCE).await?;
            let next = page.next.and(page.items.last().map(|item| Some(item.number.get())));
            let rows: Vec<_> = page.items.into_iter().map(row).collect();
            Ok((!rows.is_empty()).then(|| (text(&rows), next)))
        }
    })
}

fn row(item: WorkItemRow) -> [String; 16] {
    let WorkItemRow { number, said, requester, requester_name, status, release, created_at, changed_at, .. } = item;
    let shown = |value: Option<String>| value.unwrap_or_default();
    let requester = person(&requester).map_or(requester_name, |name| name.to_string());
    [
        number.to_string(),
        said.kind.as_str().to_owned(),
        status.as_str().to_owned(),
        said.priority.as_str().to_owned(),
        said.title,
        requester,
        shown(said.assignee.map(|name| name.to_string())),
        shown(said.due_on.map(|day| day.to_string())),
        said.labels.iter().map(Label::as_str).collect::<Vec<_>>().join(", "),
        shown(release.map(|number| number.to_string())),
        shown(said.link.map(|link| link.to_string())),
        said.impact,
        said.release_note,
        said.description,
        created_at.to_string(),
        changed_at.to_string(),
    ]
}

fn text(rows: &[[String; 16]]) -> Bytes {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        let cells = row.iter().map(|cell| defused(cell));
        writer.write_record(cells).expect("memory can be written, and every row has the same columns");
    }
    writer.into_inner().expect("memory can be flushed").into()
}

/// The text as no spreadsheet takes it for a formula.
fn defused(cell: &str) -> String {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    if is_formula { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_defused_and_cells_quoted() {
        for (cell, shown) in [("=1+1", "'=1+1"), ("-2", "'-2"), ("@a", "'@a"), ("+a", "'+a"), ("a=b", "a=b"), ("", "")]
        {
            assert_eq!(defused(cell), shown);
        }
        let mut row = HEAD.map(|_| String::new());
        row[0] = "a \"b\", c".into();
        row[4] = "two\nlines".into();
        let text = text(&[row]);
        assert_eq!(&text[..], b"\"a \"\"b\"\", c\",,,,\"two\nlines\",,,,,,,,,,,\r\n");
    }
}
