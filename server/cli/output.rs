//! What a person sees on standard output: sentences, aligned tables, readable sizes; or JSON where it was asked for.

use std::io::{self, Write};

use serde_json::Value;

/// Writes lines. A reader that has seen enough (`| head`) is no failure.
///
/// # Errors
/// When standard output cannot be written for another reason.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes a JSON value.
///
/// # Errors
/// As `print`.
pub fn print_json(value: &Value) -> io::Result<()> {
    print(&format!("{value:#}"))
}

/// Writes the answer about one thing, or the list of the answers about several.
///
/// # Errors
/// As `print`.
pub fn print_json_of(mut answers: Vec<Value>) -> anyhow::Result<()> {
    let all = if answers.len() == 1 { answers.remove(0) } else { serde_json::json!({ "items": answers }) };
    Ok(print_json(&all)?)
}

/// Rows under headings; the columns are as wide as they need to be.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table that has only its headings yet.
    pub fn new(head: &[&str]) -> Self {
        Self { rows: vec![head.iter().map(|&text| text.to_owned()).collect()] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| plain(&cell)).collect());
    }

    /// The table as text, without a line end after the last row.
    pub fn text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width =
            |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        let line = |row: &Vec<String>| {
            let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, &wide)| format!("{cell:<wide$}")).collect();
            cells.join("  ").trim_end().to_owned()
        };
        self.rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// The text with control characters made visible: what others wrote must not steer the terminal.
pub fn plain(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// A field of an answer as text; `-` where it is absent or null. Dots lead to fields of fields.
pub fn field(value: &Value, name: &str) -> String {
    let found = name.split('.').try_fold(value, |value, name| value.get(name));
    match found {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// An instant to the second, as it stands in tables.
pub fn instant(value: &Value, name: &str) -> String {
    let text = field(value, name);
    match (text.get(..10), text.get(11..19)) {
        (Some(day), Some(time)) => format!("{day} {time}Z"),
        _ => text,
    }
}

/// A field that counts bytes, readable.
pub fn size(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_u64).map_or_else(|| "-".to_owned(), bytes)
}

/// A number of bytes, readable: `0 B`, `999 B`, `1.5 kB`, `12 MB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if count < 1_000 {
        return format!("{count} B");
    }
    let mut scaled = count as f64 / 1_000.0;
    let mut unit = UNITS[0];
    for &larger in &UNITS[1..] {
        if scaled < 999.5 {
            break;
        }
        scaled /= 1_000.0;
        unit = larger;
    }
    if scaled < 9.95 { format!("{scaled:.1} {unit}") } else { format!("{scaled:.0} {unit}") }
}

/// A number with its noun: `1 file`, `2 files`.
pub fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_characters_and_lines_have_no_trailing_space() {
        let mut table = Table::new(&["PATH", "SIZE"]);
        table.row(["größe.svg".to_owned(), "1 B".to_owned()]);
        table.row(["a".to_owned(), String::new()]);
        assert_eq!(table.text(), "PATH       SIZE\ngröße.svg  1 B\na");
    }

    #[test]
    fn what_others_wrote_does_not_steer_the_terminal() {
        assert_eq!(plain("a\u{1b}[31mb\n"), "a\\u{1b}[31mb\\n");
    }

    #[test]
    fn sizes_are_readable() {
        let shown: Vec<String> = [0, 999, 1_000, 1_540, 999_999, 12_345_678, 5_000_000_000].map(bytes).into();
        assert_eq!(shown, ["0 B", "999 B", "1.0 kB", "1.5 kB", "1.0 MB", "12 MB", "5.0 GB"]);
    }

    #[test]
    fn fields_are_texts_whatever_they_hold() {
        let value = serde_json::json!({"a": {"b": 3}, "c": null, "at": "2026-03-01T12:00:00.000000Z"});
        assert_eq!([field(&value, "a.b"), field(&value, "c"), field(&value, "d.e")], ["3", "-", "-"]);
        assert_eq!(instant(&value, "at"), "2026-03-01 12:00:00Z");
        assert_eq!(instant(&value, "c"), "-");
    }
}
