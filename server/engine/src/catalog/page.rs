//! Pages of lists. A cursor names the place after the last item that was given, so a list can be walked while it
//! changes: nothing is given twice, and nothing that stays is left out.

use std::fmt;
use std::str::FromStr;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page starts; `None` after the last one.
    pub next: Option<Cursor>,
}

/// A place in a list: the sort key of the last item that was given. Opaque to callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(String);

/// A text that is not a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one that a list has given; take next_cursor from the page before")]
pub struct InvalidCursor;

const VERSION: &str = "1";

impl Cursor {
    /// The place after the item with this sort key.
    pub fn after(key: impl fmt::Display) -> Self {
        Self(key.to_string())
    }

    /// The sort key, when it is a text.
    pub fn key(&self) -> &str {
        &self.0
    }

    /// The sort key, when it is a number.
    ///
    /// # Errors
    /// `InvalidCursor` for the cursor of another list.
    pub fn number(&self) -> Result<i64, InvalidCursor> {
        self.0.parse().map_err(|_| InvalidCursor)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(VERSION)?;
        self.0.bytes().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let digits = text.strip_prefix(VERSION).ok_or(InvalidCursor)?.as_bytes();
        if !digits.len().is_multiple_of(2) || digits.len() > 8_192 {
            return Err(InvalidCursor);
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let bytes: Option<Vec<u8>> =
            digits.as_chunks::<2>().0.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
        let key = String::from_utf8(bytes.ok_or(InvalidCursor)?).map_err(|_| InvalidCursor)?;
        if key.contains('\0') { Err(InvalidCursor) } else { Ok(Self(key)) }
    }
}

impl<T> Page<T> {
    /// A page from up to `limit + 1` items: the one too many only tells that there is more.
    pub(super) fn cut(mut items: Vec<T>, limit: u32, key: impl Fn(&T) -> Cursor) -> Self {
        let limit = limit as usize;
        if items.len() <= limit {
            return Self { items, next: None };
        }
        items.truncate(limit);
        let next = items.last().map(key);
        Self { items, next }
    }

    /// The same page with every item turned into another thing.
    pub fn map<U>(self, turn: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(turn).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_is_written_and_nothing_else_is() {
        let cursor = Cursor::after("img/ä b.png");
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in ["", "0", "1f", "1zz", "2ff", "1ff", "100", "☃", "1é1"] {
            let parsed = text.parse::<Cursor>();
            assert!(parsed.is_err() || parsed.is_ok_and(|c| c.number().is_err()), "{text}");
        }
    }

    #[test]
    fn a_page_knows_whether_there_is_more() {
        let page = Page::cut(vec![1, 2, 3], 2, |n| Cursor::after(n));
        assert_eq!((page.items, page.next), (vec![1, 2], Some(Cursor::after(2))));
        assert_eq!(Page::cut(vec![1, 2], 2, |n| Cursor::after(n)).next, None);
    }
}
