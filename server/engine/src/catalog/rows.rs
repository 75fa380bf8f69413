//! Statements over many rows. One statement for hundreds of rows costs about as much as one for a single row, so
//! nothing in the catalog loops over single-row statements.
//!
//! Row counts are cut into powers of two, so that every statement has one of a few texts and stays prepared.

use std::fmt::Write as _;

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe};

use super::error::CatalogError;

pub(super) type AnyQuery = Query<'static, Any, AnyArguments>;

/// Most rows in one statement.
const ROWS_MAX: usize = 256;
/// Most values in one statement: binding one takes SQLite longer the more there are.
const VALUES_MAX: usize = 512;

/// A query from a text that this crate has made; values are always bound, never part of the text.
pub(super) fn query(sql: impl Into<String>) -> AnyQuery {
    sqlx::query(AssertSqlSafe(sql.into()))
}

/// The largest power of two that is at most `rows` and the limits.
fn step(rows: usize, columns: usize) -> usize {
    let rows = rows.min(ROWS_MAX).min(VALUES_MAX / columns);
    1 << (usize::BITS - 1 - rows.leading_zeros())
}

/// Runs `{head} VALUES ($1, $2), ... {tail}` over all rows and returns what `RETURNING` gives.
pub(super) async fn insert<T>(
    connection: &mut AnyConnection,
    head: &str,
    tail: &str,
    columns: usize,
    rows: &[T],
    bind: impl Fn(AnyQuery, &T) -> AnyQuery,
) -> Result<Vec<AnyRow>, CatalogError> {
    let returns = tail.contains("RETURNING");
    let mut rest = rows;
    let mut returned = Vec::new();
    while !rest.is_empty() {
        let (now, later) = rest.split_at(step(rest.len(), columns));
        rest = later;
        let sql = format!("{head} VALUES {} {tail}", places(now.len(), columns));
        let bound = now.iter().fold(query(sql), &bind);
        if returns {
            returned.extend(bound.fetch_all(&mut *connection).await?);
        } else {
            bound.execute(&mut *connection).await?;
        }
    }
    Ok(returned)
}

/// Runs `{head} (VALUES ($1, $2), ...) {tail}` over all rows and returns what the statement gives.
pub(super) async fn select_with<T>(
    connection: &mut AnyConnection,
    head: &str,
    tail: &str,
    columns: usize,
    rows: &[T],
    bind: impl Fn(AnyQuery, &T) -> AnyQuery,
) -> Result<Vec<AnyRow>, CatalogError> {
    let mut rest = rows;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (now, later) = rest.split_at(step(rest.len(), columns));
        rest = later;
        let sql = format!("{head} (VALUES {}) {tail}", places(now.len(), columns));
        found.extend(now.iter().fold(query(sql), &bind).fetch_all(&mut *connection).await?);
    }
    Ok(found)
}

/// Runs `{head} ($n, $n+1, ...) {tail}` over all values and returns every row that matches. The fixed parameters,
/// bound by `fixed`, come first in the text as `$1` to `$fixed_count`.
pub(super) async fn select_in<T>(
    connection: &mut AnyConnection,
    head: &str,
    tail: &str,
    fixed: (usize, impl Fn(AnyQuery) -> AnyQuery),
    values: &[T],
    bind: impl Fn(AnyQuery, &T) -> AnyQuery,
) -> Result<Vec<AnyRow>, CatalogError> {
    let mut rest = values;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (now, later) = rest.split_at(step(rest.len(), 1));
        rest = later;
        let sql = format!("{head} {} {tail}", place(fixed.0, now.len()));
        let bound = now.iter().fold((fixed.1)(query(sql)), &bind);
        found.extend(bound.fetch_all(&mut *connection).await?);
    }
    Ok(found)
}

/// Runs `{head} (VALUES ($1, $2), ...)` over all tuples and returns every row that matches. A row that matches tuples of
/// several statements comes several times.
pub(super) async fn select_tuples<T>(
    connection: &mut AnyConnection,
    head: &str,
    columns: usize,
    tuples: &[T],
    bind: impl Fn(AnyQuery, &T) -> AnyQuery,
) -> Result<Vec<AnyRow>, CatalogError> {
    let mut rest = tuples;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (now, later) = rest.split_at(step(rest.len(), columns));
        rest = later;
        let sql = format!("{head} (VALUES {})", places(now.len(), columns));
        found.extend(now.iter().fold(query(sql), &bind).fetch_all(&mut *connection).await?);
    }
    Ok(found)
}

/// Like [`select_in`] for a statement that changes rows; returns how many.
pub(super) async fn execute_in<T>(
    connection: &mut AnyConnection,
    head: &str,
    tail: &str,
    fixed: (usize, impl Fn(AnyQuery) -> AnyQuery),
    values: &[T],
    bind: impl Fn(AnyQuery, &T) -> AnyQuery,
) -> Result<u64, CatalogError> {
    let mut rest = values;
    let mut changed = 0;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(step(rest.len(), 1));
        rest = later;
        let sql = format!("{head} {} {tail}", place(fixed.0, now.len()));
        let bound = now.iter().fold((fixed.1)(query(sql)), &bind);
        changed += bound.execute(&mut *connection).await?.rows_affected();
    }
    Ok(changed)
}

fn places(rows: usize, columns: usize) -> String {
    let mut text = String::with_capacity(rows * columns * 6);
    for row in 0..rows {
        text.push_str(if row == 0 { "" } else { ", " });
        text.push_str(&place(row * columns, columns));
    }
    text
}

/// `($first+1, ..., $first+count)`
fn place(first: usize, count: usize) -> String {
    let mut text = String::with_capacity(count * 6 + 2);
    text.push('(');
    for column in 1..=count {
        text.push_str(if column == 1 { "" } else { ", " });
        let _ = write!(text, "${}", first + column); // writing to a String can't fail
    }
    text.push(')');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_numbered_on() {
        assert_eq!(places(2, 2), "($1, $2), ($3, $4)");
        assert_eq!(place(1, 3), "($2, $3, $4)");
    }

    #[test]
    fn rows_are_cut_into_powers_of_two() {
        assert_eq!([1, 2, 3, 255, 256, 1_000].map(|rows| step(rows, 1)), [1, 2, 2, 128, 256, 256]);
        assert_eq!([1, 31, 1_000].map(|rows| step(rows, 12)), [1, 16, 32]);
    }
}
