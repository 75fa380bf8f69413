//! What a reference means: the path of the asset that it leads to.

use percent_encoding::percent_decode_str;
use unicode_normalization::UnicodeNormalization as _;

use crate::name::{BuildName, EnvironmentName, ProjectName, ReleaseNumber};
use crate::path::AssetPath;

/// The longest ending of a file's name, without its dot.
const ENDING_BYTES_MAX: usize = 12;

/// Where references are read.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    pub project: &'a ProjectName,
    /// How users reach the service, such as `https://assets.example.org`; empty when nobody has said so. References to
    /// any other host lead elsewhere.
    pub origin: &'a str,
}

/// An address taken apart.
enum Address<'a> {
    /// On a host, with its path.
    Host(&'a str, &'a str),
    /// Without a host; the path begins with a slash when it counts from the root.
    Path(&'a str),
    /// Of another kind, such as `data:`.
    Elsewhere,
}

/// Takes an address apart, without what follows its path.
fn address(text: &str) -> Address<'_> {
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let text = &text[..end];
    let after_scheme = match text.find([':', '/', '\\']) {
        Some(at) if text[at..].starts_with(':') && is_scheme(&text[..at]) => {
            let is_web = ["http", "https"].iter().any(|web| text[..at].eq_ignore_ascii_case(web));
            if !is_web {
                return Address::Elsewhere;
            }
            &text[at + 1..]
        }
        _ => text,
    };
    let Some(rest) = after_scheme.strip_prefix("//").or_else(|| after_scheme.strip_prefix("\\\\")) else {
        return if after_scheme.len() == text.len() { Address::Path(text) } else { Address::Elsewhere };
    };
    let (host, path) = rest.split_at(rest.find(['/', '\\']).unwrap_or(rest.len()));
    Address::Host(host, path)
}

fn is_scheme(text: &str) -> bool {
    let is_word = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_word && text.starts_with(|first: char| first.is_ascii_alphabetic())
}

/// Whether a reference may lead to an asset of this service at all, as far as it tells by itself.
pub(super) fn may_be_here(text: &str) -> bool {
    match address(text) {
        Address::Path(path) => !path.is_empty(),
        Address::Host(_, path) => ["/e/", "/r/"].iter().any(|start| path.starts_with(start)),
        Address::Elsewhere => false,
    }
}

/// Whether the last segment ends as files do: `.css`, not the `.3` of a version.
pub(super) fn names_a_file(text: &str) -> bool {
    let (Address::Path(path) | Address::Host(_, path)) = address(text) else { return false };
    let name = path.rsplit('/').next().unwrap_or(path);
    let Some((_, ending)) = name.rsplit_once('.') else { return false };
    let is_word = !ending.is_empty() && ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_word && ending.len() <= ENDING_BYTES_MAX && !ending.bytes().all(|byte| byte.is_ascii_digit())
}

/// The address of a reference in a document whose relative references count from `base`.
pub(super) fn join(base: &str, written: &str) -> String {
    if base.is_empty() || matches!(address(written), Address::Host(..) | Address::Elsewhere) {
        return written.to_owned();
    }
    let (before_path, path) = match address(base) {
        Address::Path(path) => ("", path),
        Address::Host(_, path) => (&base[..base.find(path).filter(|_| !path.is_empty()).unwrap_or(base.len())], path),
        Address::Elsewhere => return base.to_owned(),
    };
    if written.starts_with(['/', '\\']) {
        return format!("{before_path}{written}");
    }
    let folder = path.rfind('/').map_or(if before_path.is_empty() { "" } else { "/" }, |slash| &path[..=slash]);
    format!("{before_path}{folder}{written}")
}

/// The path of the asset that a reference in the asset at `from` leads to; `None` when it leads to none of the project.
pub fn resolve(site: Site<'_>, from: &str, base: &str, written: &str) -> Option<AssetPath> {
    let joined: String = join(base, written).chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
    let (is_own_host, path) = match address(&joined) {
        Address::Path(path) => (false, path),
        Address::Host(host, path) if is_host_of(site.origin, host) => (true, path),
        Address::Host(..) | Address::Elsewhere => return None,
    };
    let path = path.replace('\\', "/");
    let segments = match path.strip_prefix('/') {
        Some(rooted) => delivered(site.project, walk(Vec::new(), rooted)?, is_own_host)?,
        None => {
            let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
            walk(folder.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect(), &path)?
        }
    };
    let path: String = segments.join("/").nfc().collect();
    path.parse().ok()
}

fn is_host_of(origin: &str, host: &str) -> bool {
    matches!(address(origin), Address::Host(own, _) if !own.is_empty() && own.eq_ignore_ascii_case(host))
}

/// Goes from a folder along a path. `None` when that leads out of the project, or to a folder.
fn walk(mut folder: Vec<String>, path: &str) -> Option<Vec<String>> {
    let mut is_folder = true;
    for segment in path.split('/') {
        let segment = percent_decode_str(segment).decode_utf8().ok()?;
        is_folder = matches!(&*segment, "" | "." | "..");
        match &*segment {
            "." => {}
            ".." => drop(folder.pop()?),
            name if name.is_empty() || name.contains('/') => return None,
            name => folder.push(name.to_owned()),
        }
    }
    if is_folder { None } else { Some(folder) }
}

/// The path of a delivery address: what is behind `/e/{project}/{environment}/` and `/r/{project}/{build}/`. Other
/// addresses from the root are paths as they stand, unless they are on the service's own host, which has no others.
fn delivered(project: &ProjectName, mut segments: Vec<String>, is_own_host: bool) -> Option<Vec<String>> {
    let is_delivered = match segments.as_slice() {
        [kind, name, place, _, ..] if name.parse::<ProjectName>().is_ok() => match kind.as_str() {
            "e" => place.parse::<EnvironmentName>().is_ok(),
            "r" => place.parse::<BuildName>().is_ok() || place.parse::<ReleaseNumber>().is_ok(),
            _ => false,
        },
        _ => false,
    };
    match (is_delivered, is_own_host) {
        (true, _) => (segments[1] == project.as_str()).then(|| segments.split_off(3)),
        (false, true) => None,
        (false, false) => is_not_content(&segments).then_some(segments),
    }
}

/// Whether this isn't `/c/{project}/{content}/{name}`, which names bytes and no path.
fn is_not_content(segments: &[String]) -> bool {
    !matches!(segments, [kind, _, content, ..] if kind == "c" && content.parse::<crate::hash::ContentId>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(from: &str, reference: &str) -> Option<String> {
        let project = "site".parse().unwrap();
        let site = Site { project: &project, origin: "https://assets.example.org" };
        resolve(site, from, "", reference).map(|path| path.to_string())
    }

    #[test]
    fn a_reference_is_read_from_where_it_stands() {
        for (from, reference, path) in [
            ("css/site.css", "logo.svg", "css/logo.svg"),
            ("css/site.css", "./logo.svg", "css/logo.svg"),
            ("css/site.css", "../img/logo.svg?v=3#top", "img/logo.svg"),
            ("index.html", "img/a%20b.png", "img/a b.png"),
            ("index.html", "img/a b.png", "img/a b.png"),
            ("index.html", "100%.svg", "100%.svg"),
            ("a/b/c.html", "/img/logo.svg", "img/logo.svg"),
            ("a/b/c.html", "%2e%2E/x.svg", "a/x.svg"),
            ("a/b/c.html", "..\\x.svg", "a/x.svg"),
            ("a.html", "cafe%CC%81.svg", "café.svg"),
            ("a.html", "lo\ngo.svg", "logo.svg"),
            ("a.html", "a:b.svg/../x.svg", ""),
            ("a.html", "./a:b.svg", "a:b.svg"),
        ] {
            assert_eq!(to(from, reference).unwrap_or_default(), path, "{reference:?} in {from}");
        }
    }

    #[test]
    fn an_address_of_the_service_leads_to_its_path() {
        for (reference, path) in [
            ("/e/site/production/img/logo.svg?w=80", Some("img/logo.svg")),
            ("/r/site/R-12.3/img/logo.svg", Some("img/logo.svg")),
            ("/r/site/R-12/a.svg", Some("a.svg")),
            ("https://assets.example.org/e/site/staging/a.svg", Some("a.svg")),
            ("//ASSETS.example.org/e/site/staging/a.svg", Some("a.svg")),
            ("/e/other/production/a.svg", None),
            ("https://assets.example.org/about.html", None),
            ("https://elsewhere.example.org/e/site/staging/a.svg", None),
            ("/r/site/notes/a.svg", Some("r/site/notes/a.svg")),
            ("/e/a.svg", Some("e/a.svg")),
        ] {
            assert_eq!(to("x/y.html", reference).as_deref(), path, "{reference}");
        }
        let content = format!("/c/site/{}/a.svg", crate::hash::ContentId::empty());
        assert_eq!(to("x.html", &content), None);
    }

    #[test]
    fn what_leads_elsewhere_leads_to_no_path() {
        for reference in [
            "https://example.org/a.svg",
            "//example.org/a.svg",
            "data:image/png;base64,AAAA",
            "mailto:a@b.c",
            "javascript:void(0)",
            "#top",
            "?page=2",
            "",
            "../a.svg",
            "/../a.svg",
            "img/",
            ".",
            "img/..",
            "a//b.svg",
            "a%2Fb.svg",
            "a%00.svg",
            "%FF.svg",
            "http:a.svg",
            "-/manifest.json",
        ] {
            assert_eq!(to("a.html", reference), None, "{reference:?}");
        }
    }

    #[test]
    fn a_base_comes_before_relative_references_only() {
        for (base, reference, joined) in [
            ("", "a.svg", "a.svg"),
            ("img/", "a.svg", "img/a.svg"),
            ("img/page.html", "a.svg", "img/a.svg"),
            ("page.html", "a.svg", "a.svg"),
            ("/x/", "a.svg", "/x/a.svg"),
            ("/x/", "/a.svg", "/a.svg"),
            ("https://example.org/x/", "a.svg", "https://example.org/x/a.svg"),
            ("https://example.org", "a.svg", "https://example.org/a.svg"),
            ("https://example.org/x/", "/a.svg", "https://example.org/a.svg"),
            ("img/", "https://example.org/a.svg", "https://example.org/a.svg"),
        ] {
            assert_eq!(join(base, reference), joined, "{reference} on {base}");
        }
    }

    #[test]
    fn a_file_is_told_by_its_ending() {
        assert!(["a.css", "x/a.min.js", "a.woff2?v=1#x", "../a.b.html"].into_iter().all(names_a_file));
        assert!(!["about", "docs/", "1.2.3", "a.", "v1.2/about", "mailto:a@b.c"].into_iter().any(names_a_file));
    }
}
