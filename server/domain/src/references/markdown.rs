//! References in Markdown: links, images, the definitions that they use, and raw HTML.

use std::cell::Cell;

use comrak::nodes::NodeValue;
use comrak::{Arena, Options};

use super::{Sink, Strength, html};

/// Parsing is given up after so many steps for each byte, and some more: a text that takes longer was made for that.
const STEPS_PER_BYTE: usize = 8;
const STEPS_MIN: usize = 100_000;
/// The parser asks whether to go on whenever it has done so many.
const STEPS_AT_ONCE: usize = 256;

/// Finds the references of a Markdown document. A definition that nothing uses refers to nothing, as it isn't shown.
pub(super) fn document(text: &str, sink: &mut Sink) {
    let mut options = Options::default();
    options.extension.front_matter_delimiter = Some("---".to_owned());
    options.extension.table = true;
    options.extension.strikethrough = true;
    options.extension.footnotes = true;
    options.extension.tasklist = true;
    let steps_left = Cell::new((STEPS_MIN + text.len() * STEPS_PER_BYTE) / STEPS_AT_ONCE);
    let is_over = || {
        steps_left.set(steps_left.get().saturating_sub(1));
        steps_left.get() == 0
    };
    let arena = Arena::new();
    let Ok(root) = comrak::try_parse_document(&arena, text, &options, &is_over) else { return };
    let mut raw = String::new();
    for node in root.descendants() {
        match &node.data().value {
            NodeValue::Link(link) => sink.add_link(&link.url),
            NodeValue::Image(image) => sink.add(&image.url, Strength::Certain),
            NodeValue::HtmlBlock(block) => raw.push_str(&block.literal),
            NodeValue::HtmlInline(tag) => raw.push_str(tag),
            _ => {}
        }
    }
    html::html(&raw, sink);
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::super::laws::{certain, found};

    #[test]
    fn a_text_refers_by_links_and_images() {
        let text = r#"---
cover: front.png
---
# Guide ![badge](img/badge.svg "Build")

See [the setup](setup.md#install), [the API][api] and [home](/). This \![x](y.png) is a link, and not `![code](code.png)`.

| a | b |
|---|---|
| ![cell](img/cell.png) | [full][] |

[![linked](<img/a b.png>)](big/a%20b.png) <https://example.org/x.png> <span><img src="img/inline.png"></span>

<p align="center"><img src="img/block.png" width=10></p>

    ![indented](img/code.png)

```md
![fenced](img/fenced.png)
```

[api]: ../api/index.md
[full]: img/full.png 'Title'
[unused]: img/unused.png
"#;
        let expected = [
            "img/badge.svg",
            "setup.md#install",
            "../api/index.md",
            "y.png",
            "img/cell.png",
            "img/full.png",
            "big/a%20b.png",
            "img/a%20b.png",
            "img/inline.png",
            "img/block.png",
        ];
        let found_here = certain(Format::Markdown, text);
        let normal: Vec<String> = found_here.into_iter().map(|written| written.replace("a b", "a%20b")).collect();
        assert_eq!(normal, expected);
    }

    #[test]
    fn a_text_that_was_made_to_take_long_does_not() {
        for piece in ["[", "![a](", "> ", "- ", "*a _", "[a](<", "``` ", "<a href='", "[a]: b\n", "|a", "![[]()"] {
            let text = piece.repeat(100_000 / piece.len());
            found(Format::Markdown, &text);
        }
    }
}
