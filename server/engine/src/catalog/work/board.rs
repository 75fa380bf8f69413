//! The order of work items on the board: ranks within a status.

use shelfmark_domain::name::WorkItemNumber;
use shelfmark_domain::work_item::{Neighbours, RANK_STEP, WorkStatus};

use crate::catalog::columns::Columns as _;
use crate::catalog::error::CatalogError;
use crate::catalog::rows::query;
use crate::catalog::write::Write;

impl Write {
    /// The rank of the last item of a status; `None` for an empty one.
    pub async fn last_rank(&mut self, project: i64, status: WorkStatus) -> Result<Option<i64>, CatalogError> {
        let row = query(
            "SELECT rank FROM work_items WHERE project = $1 AND status = $2 ORDER BY rank DESC, number DESC LIMIT 1",
        )
        .bind(project)
        .bind(status.as_str())
        .fetch_optional(self.connection())
        .await?;
        row.map(|row| row.int(0)).transpose()
    }

    /// The ranks around the place right before or right after an item, leaving out the one that moves.
    pub async fn neighbours(
        &mut self,
        project: i64,
        status: WorkStatus,
        beside: (WorkItemNumber, i64),
        moving: WorkItemNumber,
        is_before: bool,
    ) -> Result<Neighbours, CatalogError> {
        let (operator, direction) = if is_before { ("<", "DESC") } else { (">", "ASC") };
        let (number, rank) = beside;
        let row = query(format!(
            "SELECT rank FROM work_items WHERE project = $1 AND status = $2 AND (rank, number) {operator} ($3, $4) \
             AND number <> $5 ORDER BY rank {direction}, number {direction} LIMIT 1"
        ))
        .bind(project)
        .bind(status.as_str())
        .bind(rank)
        .bind(number.get())
        .bind(moving.get())
        .fetch_optional(self.connection())
        .await?;
        let other = row.map(|row| row.int(0)).transpose()?;
        let rank = Some(rank);
        Ok(if is_before {
            Neighbours { before: other, after: rank }
        } else {
            Neighbours { before: rank, after: other }
        })
    }

    /// Spreads the ranks of a status, in the order that they have.
    pub async fn spread_ranks(&mut self, project: i64, status: WorkStatus) -> Result<(), CatalogError> {
        query(
            "UPDATE work_items SET rank = s.place * $1 FROM (SELECT number, \
             ROW_NUMBER() OVER (ORDER BY rank, number) AS place FROM work_items WHERE project = $2 AND status = $3) s \
             WHERE work_items.project = $2 AND work_items.number = s.number",
        )
        .bind(RANK_STEP)
        .bind(project)
        .bind(status.as_str())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Gives an item another rank.
    pub async fn set_rank(&mut self, project: i64, number: WorkItemNumber, rank: i64) -> Result<(), CatalogError> {
        query("UPDATE work_items SET rank = $1 WHERE project = $2 AND number = $3")
            .bind(rank)
            .bind(project)
            .bind(number.get())
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
