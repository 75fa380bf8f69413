//! References in HTML and SVG: tags are read one by one, as browsers do, without making a tree of them.

use html5gum::{DefaultEmitter, HtmlString, StartTag, Token, Tokenizer};

use super::{Sink, Strength, css};

/// Attributes that always refer to a file.
const SOURCES: [&str; 4] = ["src", "poster", "background", "xlink:href"];
/// Attributes of SVG whose values are written as CSS.
const PRESENTATION: [&str; 9] =
    ["fill", "stroke", "filter", "mask", "clip-path", "marker-start", "marker-mid", "marker-end", "cursor"];
/// Pictures of a page for others, as `<meta>` names them.
const META: [&str; 8] = [
    "og:image",
    "og:image:url",
    "og:image:secure_url",
    "og:video",
    "og:audio",
    "twitter:image",
    "twitter:image:src",
    "msapplication-tileimage",
];
/// Relations of `<link>` that fetch nothing from the address.
const NOT_FETCHED: [&str; 2] = ["preconnect", "dns-prefetch"];

/// Most style sheets that are read before a document.
const STYLE_SHEETS_MAX: usize = 16;

/// Finds the references of an HTML document or a part of one.
pub(super) fn html(text: &str, sink: &mut Sink) {
    tags(text, false, sink);
}

/// Reads tags; what is written for browsers without scripts is read as part of the page, once.
fn tags(text: &str, is_in_noscript: bool, sink: &mut Sink) {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut raw: Option<&'static [u8]> = None;
    for Ok(token) in Tokenizer::new_with_emitter(text, emitter) {
        match token {
            Token::StartTag(tag) => {
                raw = match &**tag.name {
                    b"style" => Some(b"style"),
                    b"noscript" => Some(b"noscript"),
                    _ => None,
                };
                element(&tag, sink);
            }
            Token::String(inside) => match raw {
                Some(b"style") => css::sheet(&String::from_utf8_lossy(&inside), sink),
                Some(_) if !is_in_noscript => tags(&String::from_utf8_lossy(&inside), true, sink),
                Some(_) | None => {}
            },
            Token::EndTag(_) => raw = None,
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
}

/// Finds the references of an SVG document.
pub(super) fn svg(text: &str, sink: &mut Sink) {
    // As HTML reads them, marked sections would be comments that end at the first `>`.
    let text = text.replace("<![CDATA[", " ").replace("]]>", " ");
    let mut style: Option<String> = None;
    for Ok(token) in Tokenizer::new(text.as_str()) {
        match token {
            Token::StartTag(tag) => {
                if tag.name == b"style" && !tag.self_closing {
                    style = Some(String::new());
                }
                element(&tag, sink);
            }
            Token::String(inside) => {
                if let Some(style) = &mut style {
                    style.push_str(&String::from_utf8_lossy(&inside));
                }
            }
            Token::EndTag(_) => style.take().into_iter().for_each(|style| css::sheet(&style, sink)),
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    style.into_iter().for_each(|style| css::sheet(&style, sink)); // it broke off
    processing(&text, sink);
}

/// Style sheets that XML names before the document: `<?xml-stylesheet href="style.css"?>`.
fn processing(text: &str, sink: &mut Sink) {
    for (at, start) in text.match_indices("<?xml-stylesheet").take(STYLE_SHEETS_MAX) {
        let rest = &text[at + start.len()..];
        let Some(end) = rest.find("?>") else { return };
        for quote in ['"', '\''] {
            let value = rest[..end].split_once(&format!("href={quote}")).and_then(|(_, v)| v.split_once(quote));
            value.into_iter().for_each(|(value, _)| sink.add(value, Strength::Certain));
        }
    }
}

/// The text of an attribute.
fn value(tag: &StartTag<()>, name: &str) -> Option<String> {
    let key = HtmlString::from(name.as_bytes().to_vec());
    tag.attributes.get(&key).map(|value| String::from_utf8_lossy(value).into_owned())
}

/// Whether one of the words of an attribute is one of these.
fn has_word(tag: &StartTag<()>, name: &str, words: &[&str]) -> bool {
    let text = value(tag, name).unwrap_or_default();
    text.split_ascii_whitespace().any(|word| words.iter().any(|known| word.eq_ignore_ascii_case(known)))
}

fn element(tag: &StartTag<()>, sink: &mut Sink) {
    for name in SOURCES {
        value(tag, name).into_iter().for_each(|source| sink.add(&source, Strength::Certain));
    }
    for name in ["srcset", "imagesrcset"] {
        value(tag, name).into_iter().for_each(|set| source_set(&set, sink));
    }
    value(tag, "style").into_iter().for_each(|style| css::sheet(&style, sink));
    for name in PRESENTATION {
        let painted = value(tag, name).filter(|value| value.contains('('));
        painted.into_iter().for_each(|value| css::sheet(&value, sink));
    }
    let href = value(tag, "href");
    match (&**tag.name, href) {
        (b"base", Some(base)) => sink.set_base(&base),
        (b"a" | b"area", Some(href)) => sink.add_link(&href),
        (b"link", Some(href)) => link(tag, &href, sink),
        (_, Some(href)) => sink.add(&href, Strength::Certain),
        (b"object", None) => value(tag, "data").into_iter().for_each(|data| sink.add(&data, Strength::Certain)),
        (b"meta", None) => meta(tag, sink),
        _ => {}
    }
}

fn link(tag: &StartTag<()>, href: &str, sink: &mut Sink) {
    if has_word(tag, "rel", &NOT_FETCHED) {
        return;
    }
    let is_page =
        has_word(tag, "rel", &["canonical", "alternate", "next", "prev", "author", "help", "license", "search"]);
    if is_page { sink.add_link(href) } else { sink.add(href, Strength::Certain) }
}

fn meta(tag: &StartTag<()>, sink: &mut Sink) {
    let is_picture = has_word(tag, "property", &META) || has_word(tag, "name", &META);
    if is_picture {
        value(tag, "content").into_iter().for_each(|content| sink.add(&content, Strength::Certain));
    }
}

/// `a.png 1x, b.png 2x`: an address ends at a space, so that it may hold commas, except at its own ends.
fn source_set(text: &str, sink: &mut Sink) {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ',');
        if rest.is_empty() {
            return;
        }
        let (address, after) = rest.split_at(rest.find(|c: char| c.is_ascii_whitespace()).unwrap_or(rest.len()));
        let alone = address.trim_end_matches(',');
        sink.add(alone, Strength::Certain);
        rest = if alone.len() < address.len() { after } else { &after[after.find(',').unwrap_or(after.len())..] };
    }
}

#[cfg(test)]
mod tests {
    use super::super::laws::{certain, found};
    use super::super::{Format, find};

    #[test]
    fn a_page_refers_by_its_elements() {
        let page = r##"<!DOCTYPE html><html><head><meta charset=utf-8><title>a <img src="title.png"></title>
            <link rel="stylesheet" href="css/site.css?v=2"><link rel=icon href=/favicon.ico>
            <link rel="preconnect" href="x.example"><link rel="alternate" hreflang="de" href="/de/start">
            <link rel="preload" as="image" imagesrcset="img/p1.png 1x, img/p2.png 2x">
            <meta property="og:image" content="img/share.jpg"><meta name="twitter:image" content="https://cdn.example.org/x.png">
            <meta name="description" content="text.png">
            <style>@import "inline.css"; body { background: url(img/bg.png) } a > b { color: red }</style>
            <script src="js/app.js"></script><script>document.write('<img src="script.png">')</script></head>
            <body background="img/old.gif" style="background-image: url('img/body.png')">
            <!-- <img src="comment.png"> --><a href="about.html#team">About</a><a href="contact">Contact</a><a href="mailto:a@b.c">m</a>
            <IMG SRC=img/a.png srcset="img/a-480.png 480w,img/a-800.png 800w, data:image/png;base64,AA== 2x" alt="b.png">
            <picture><source srcset="img/a.avif" type="image/avif"></picture>
            <video poster="img/poster.jpg" controls><source src="video/a.mp4"><track src="video/a.vtt"></video>
            <object data="doc/plan.pdf"></object><embed src="doc/x.swf"><iframe src="frame.html"></iframe>
            <form action="send.php"><input type="image" src="img/send.png"></form>
            <map><area href="map/north.html"></map><svg><use xlink:href="icons.svg#home"/><image href="img/in.svg"/></svg>
            <noscript><img src="img/pixel.gif"></noscript><a href="?page=2">2</a><a href="img/a&amp;b.png">x</a></body></html>"##;
        let expected = [
            "css/site.css?v=2",
            "/favicon.ico",
            "img/p1.png",
            "img/p2.png",
            "img/share.jpg",
            "inline.css",
            "img/bg.png",
            "js/app.js",
            "img/old.gif",
            "img/body.png",
            "about.html#team",
            "img/a.png",
            "img/a-480.png",
            "img/a-800.png",
            "img/a.avif",
            "img/poster.jpg",
            "video/a.mp4",
            "video/a.vtt",
            "doc/plan.pdf",
            "doc/x.swf",
            "frame.html",
            "img/send.png",
            "map/north.html",
            "icons.svg#home",
            "img/in.svg",
            "img/pixel.gif",
            "img/a&b.png",
        ];
        assert_eq!(certain(Format::Html, page), expected);
        let possible: Vec<String> =
            found(Format::Html, page).into_iter().filter(|f| !expected.contains(&f.as_str())).collect();
        assert_eq!(possible, ["/de/start", "contact"]);
    }

    #[test]
    fn a_base_holds_for_the_whole_page() {
        let page = r#"<img src="a.png"><base href="/assets/"><base href="/other/"><img src="b.png">"#;
        let with_base: Vec<_> =
            find(Format::Html, page.as_bytes(), 10).into_iter().map(|f| (f.base, f.written)).collect();
        assert_eq!(with_base, [("/assets/".into(), "a.png".into()), ("/assets/".into(), "b.png".to_owned())]);
        let elsewhere = r#"<base href="https://cdn.example.org/x/"><img src="a.png"><img src="/b.png">"#;
        assert!(found(Format::Html, elsewhere).is_empty());
    }

    #[test]
    fn a_drawing_refers_by_links_and_styles() {
        let drawing = r##"<?xml version="1.0"?><?xml-stylesheet type="text/css" href="print.css"?>
            <!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd" [ <!ENTITY ns "http://ns.adobe.com/"> ]>
            <svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><title/>
            <style type="text/css"><![CDATA[ @import url(fonts.css); g > path { fill: url(#a) } .b { filter: url("fx.svg#blur") } ]]></style>
            <image xlink:href="photo.jpg" width="10"/><image href="layers/2.png"/><use href="#shape"/><use xlink:href="sprite.svg#x"/>
            <rect fill="url(pattern.svg#p)" style="mask:url(mask.svg#m)" stroke="red" clip-path="url(#c)"/>
            <a href="https://example.org"><text>url(text.png)</text></a><script href="code.js"/></svg>"##;
        let expected = [
            "fonts.css",
            "fx.svg#blur",
            "photo.jpg",
            "layers/2.png",
            "sprite.svg#x",
            "mask.svg#m",
            "pattern.svg#p",
            "code.js",
            "print.css",
        ];
        assert_eq!(certain(Format::Svg, drawing), expected);
    }

    #[test]
    fn what_is_broken_is_read_as_far_as_it_goes() {
        assert_eq!(found(Format::Html, "<img src=a.png><img src='b.png"), ["a.png"]);
        assert_eq!(found(Format::Html, "</a><b <img src=a.png <style>x{b:url(c.png)}"), ["a.png"]);
        assert_eq!(found(Format::Svg, "<svg><style>@import 'a.css'; .x{b:url(c.png)}"), ["a.css", "c.png"]);
        assert_eq!(found(Format::Html, "<img srcset=', ,a.png,, b.png 2x,'>"), ["a.png", "b.png"]);
        let deep = "<div>".repeat(50_000) + "<img src=a.png>";
        assert_eq!(found(Format::Html, &deep), ["a.png"]);
    }
}
