//! Notes as HTML. Whatever Markdown a person wrote, the page runs nothing and fetches nothing: raw HTML is shown as text,
//! addresses that a browser would run are dropped, and the page forbids what is left in a policy of its own.

use comrak::{Options, markdown_to_html};

const STYLE: &str = "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse}td,th{border:1px solid #999;padding:.2rem .5rem;text-align:left;vertical-align:top}\
code{overflow-wrap:anywhere}";

/// Markdown as a whole page.
pub fn to_html(title: &str, markdown: &str) -> String {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.strikethrough = true;
    options.render.escape = true;
    let body = markdown_to_html(markdown, &options);
    format!(
        "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<title>{}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n{body}</body>\n</html>\n",
        escaped(title)
    )
}

/// A text as it stands between tags.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use html5gum::{Token, Tokenizer};

    use super::*;

    /// Every tag of a page with its attributes.
    fn tags(page: &str) -> Vec<(String, Vec<(String, String)>)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let mut tags = Vec::new();
        for token in Tokenizer::new(page).flatten() {
            if let Token::StartTag(tag) = token {
                let attributes = tag.attributes.iter().map(|(name, value)| (text(name), text(value))).collect();
                tags.push((text(&tag.name), attributes));
            }
        }
        tags
    }

    #[test]
    fn nothing_that_a_person_writes_runs() {
        let attacks = [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "<svg/onload=alert(1)>",
            "a <iframe src=\"https://example.org\"></iframe> b",
            "[a](javascript:alert(1))",
            "[a](JaVaScRiPt:alert(1))",
            "[a](data:text/html;base64,PHNjcmlwdD4=)",
            "![a](javascript:alert(1))",
            "[a](https://example.org \"x\\\" onclick=\\\"alert(1)\")",
            "<a href=\"javascript:alert(1)\">a</a>",
            "`</code><script>alert(1)</script>`",
            "```html\"onload=\"alert(1)\n<script>\n```",
            "| <script> |\n|---|\n| </td><script>alert(1)</script> |",
            "</body></html><script>alert(1)</script>",
            "[x]: javascript:alert(1)\n\n[x]",
        ];
        let allowed = [
            "html", "head", "meta", "title", "style", "body", "p", "a", "img", "code", "pre", "h1", "table", "thead",
            "tbody", "tr", "th", "td",
        ];
        for attack in attacks {
            for (name, attributes) in tags(&to_html(attack, &format!("# x\n\n{attack}\n"))) {
                assert!(allowed.contains(&name.as_str()), "{attack}: {name}");
                for (name, value) in attributes {
                    assert!(!name.starts_with("on"), "{attack}: {name}");
                    let value = value.to_lowercase();
                    let runs = value.contains("javascript:") || value.starts_with("data:");
                    assert!(!matches!(name.as_str(), "href" | "src") || !runs, "{attack}: {value}");
                }
            }
        }
    }

    #[test]
    fn markdown_becomes_a_page() {
        let page = to_html("R-1 <b>", "# One & two\n\n| a |\n|---|\n| b |\n\n- ~~c~~\n");
        for part in ["<title>R-1 &lt;b&gt;</title>", "<h1>One &amp; two</h1>", "<td>b</td>", "<del>c</del>"] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }
}
