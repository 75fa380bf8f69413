//! Everything that happened to a work item.

use actix_web::{get, web::Json};

use super::super::audit::AuditEntryView;
use super::super::extract::{Asked, PageQuery, PageView};
use super::item_of;
use crate::web::Problem;

/// Lists what happened to a work item, newest first, as the audit trail has it.
#[utoipa::path(tag = "work", params(PageQuery), responses((status = 200, body = PageView<AuditEntryView>)))]
#[get("/projects/{project}/work-items/{item}/history")]
pub async fn list_history(asked: Asked) -> Result<Json<PageView<AuditEntryView>>, Problem> {
    let project = asked.readable_project().await?;
    let item = item_of(&asked, &project).await?.number;
    let page = asked.page()?;
    let found = asked.catalog().work_item_history(&project.name, item, page.number()?, page.limit).await?;
    let next_cursor = found.next.map(|cursor| cursor.to_string());
    let items: Result<Vec<_>, _> = found.items.into_iter().map(AuditEntryView::try_from).collect();
    Ok(Json(PageView { items: items?, next_cursor }))
}
