//! References in CSS: `url()`, `src()`, `image-set()` and `@import`.

use cssparser::{ParseError, Parser, Token};

use super::{Sink, Strength};

/// What a quoted text means where it stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quoted {
    Text,
    Reference,
}

/// Finds the references of a style sheet, of a `style` attribute, or of any value that is written as CSS.
pub(super) fn sheet(text: &str, sink: &mut Sink) {
    walk(&mut Parser::new(text), Quoted::Text, sink);
}

/// Reads to the end of a block. Blocks in it are read by recursion, which the parser ends at some depth; what is deeper
/// is then read as if it stood here.
fn walk(parser: &mut Parser<'_>, inside: Quoted, sink: &mut Sink) {
    let mut next = inside;
    let mut is_namespace = false;
    while let Ok(token) = parser.next().cloned() {
        let quoted = std::mem::replace(&mut next, inside);
        match token {
            Token::AtKeyword(word) => {
                is_namespace = word.eq_ignore_ascii_case("namespace");
                next = if word.eq_ignore_ascii_case("import") { Quoted::Reference } else { Quoted::Text };
            }
            Token::UnquotedUrl(url) if !is_namespace => sink.add(&url, Strength::Certain),
            Token::QuotedString(text) if quoted == Quoted::Reference => sink.add(&text, Strength::Certain),
            Token::Semicolon => is_namespace = false,
            Token::Function(name) => {
                let is_reference = ["url", "src", "image", "image-set", "-webkit-image-set"]
                    .iter()
                    .any(|known| name.eq_ignore_ascii_case(known));
                let meaning = if is_reference && !is_namespace { Quoted::Reference } else { Quoted::Text };
                nested(parser, meaning, sink);
            }
            Token::ParenthesisBlock | Token::SquareBracketBlock | Token::CurlyBracketBlock => {
                is_namespace = false;
                nested(parser, Quoted::Text, sink);
            }
            _ => {}
        }
    }
}

fn nested(parser: &mut Parser<'_>, inside: Quoted, sink: &mut Sink) {
    let walked: Result<(), ParseError<()>> = parser.parse_nested_block(|block| {
        walk(block, inside, sink);
        Ok(())
    });
    drop(walked); // too deep: the rest of the block is read in the one around it
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::super::laws::found;

    #[test]
    fn a_style_sheet_refers_by_urls_and_imports() {
        let sheet = r#"
            @charset "utf-8"; @namespace svg url(http://www.w3.org/2000/svg); @namespace "x.html";
            @import "base.css"; @import url(theme/dark.css) layer(theme) screen and (min-width: 1px);
            /* url(commented.png) */
            @font-face { font-family: "Inter"; src: local("Inter.woff"), url("../fonts/inter.woff2?v=4") format("woff2"),
                url('../fonts/inter.eot?#iefix') format("embedded-opentype"); }
            .hero { background: #fff url( img/hero.jpg ) no-repeat, URL("img/a b.png"); content: "not-a.png"; }
            .hero::after { background-image: image-set("img/1x.png" 1x, url("img/2x.png") 2x, "img/x.avif" type("image/avif")); }
            @media print { @supports (display: grid) { .x { --icon: url(icons/print.svg); & .y { mask: url("icons/m.svg#id") } } } }
            .none { fill: url(#gradient); background: url(data:image/png;base64,AAAA), url(https://cdn.example.org/x.png), url() }
            .escaped { background: url(img/\(1\).png) }
        "#;
        let expected = [
            "base.css",
            "theme/dark.css",
            "../fonts/inter.woff2?v=4",
            "../fonts/inter.eot?#iefix",
            "img/hero.jpg",
            "img/a b.png",
            "img/1x.png",
            "img/2x.png",
            "img/x.avif",
            "icons/print.svg",
            "icons/m.svg#id",
            "img/(1).png",
        ];
        assert_eq!(found(Format::Css, sheet), expected);
    }

    #[test]
    fn what_is_broken_is_read_as_far_as_it_goes() {
        assert_eq!(found(Format::Css, "a { b: url(x.png"), ["x.png"]);
        assert_eq!(found(Format::Css, "@import 'x.css"), ["x.css"]);
        assert_eq!(found(Format::Css, "}}} ) ] a{b:url(x.png)}"), ["x.png"]);
        assert_eq!(found(Format::Css, "url(a b.png) url(\"c.png\")"), ["c.png"]);
        let deep = format!("{}url(x.png)", "{(".repeat(20_000));
        assert_eq!(found(Format::Css, &deep), ["x.png"]);
    }
}
