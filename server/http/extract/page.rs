//! Pages of lists: which one is asked for, and how one is shown.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use shelfmark_engine::catalog::{Cursor, Page};

use super::Asked;
use crate::web::Problem;

/// Which page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Most items on the page.
    #[param(value_type = Option<u32>, minimum = 1)]
    pub limit: Option<String>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A page that is asked for, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paging {
    pub limit: u32,
    pub cursor: Option<Cursor>,
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct PageView<T> {
    pub items: Vec<T>,
    /// Where the next page starts: give it as `cursor`. Null after the last one.
    pub next_cursor: Option<String>,
}

impl<R, T: From<R>> From<Page<R>> for PageView<T> {
    fn from(page: Page<R>) -> Self {
        let next_cursor = page.next.map(|cursor| cursor.to_string());
        Self { items: page.items.into_iter().map(T::from).collect(), next_cursor }
    }
}

impl Asked {
    /// The page that the query asks for, when it asks for nothing else.
    ///
    /// # Errors
    /// As `paging`.
    pub fn page(&self) -> Result<Paging, Problem> {
        let PageQuery { limit, cursor } = self.query()?;
        self.paging(limit, cursor, self.config().limits.page_max)
    }

    /// A page from the texts of its parameters.
    ///
    /// # Errors
    /// Invalid for a limit out of range or a cursor that no list has given.
    pub fn paging(&self, limit: Option<String>, cursor: Option<String>, most: u32) -> Result<Paging, Problem> {
        let limit = match limit {
            None => self.config().limits.page,
            Some(text) => {
                let limit = text.parse().ok().filter(|limit| (1..=most).contains(limit));
                limit.ok_or_else(|| Problem::invalid("limit", format!("{text:?} is no limit; give 1 to {most}")))?
            }
        };
        let cursor = cursor.map(|text| text.parse()).transpose();
        Ok(Paging { limit, cursor: cursor.map_err(|why| Problem::invalid("cursor", why))? })
    }
}

impl Paging {
    /// The cursor of a list that is sorted by number.
    ///
    /// # Errors
    /// Invalid for the cursor of another list.
    pub fn number(&self) -> Result<Option<i64>, Problem> {
        let number = self.cursor.as_ref().map(Cursor::number).transpose();
        number.map_err(|why| Problem::invalid("cursor", why))
    }

    /// The cursor of a list that is sorted by text; the empty text for the start.
    pub fn key(&self) -> &str {
        self.cursor.as_ref().map_or("", Cursor::key)
    }
}
