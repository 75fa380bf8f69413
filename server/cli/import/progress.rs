//! Progress for anything long: on standard error, and only when it is a terminal.

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

/// A bar that counts bytes and shows their rate and the time left.
pub fn bar(what: &'static str, total_bytes: u64) -> ProgressBar {
    if total_bytes == 0 {
        return ProgressBar::hidden();
    }
    let template = "{prefix} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} left";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total_bytes).with_style(style).with_prefix(what).with_finish(ProgressFinish::AndClear)
}
