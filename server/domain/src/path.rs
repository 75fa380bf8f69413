//! Where an asset is found in its project. A path that exists is right: `/`-separated, UTF-8 in NFC, no empty,
//! `.` or `..` segment, no control character or backslash, first segment not `-`, at most 1,024 bytes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// The longest path, in bytes of UTF-8.
pub const PATH_BYTES_MAX: usize = 1_024;

/// Why a text is not a path, and what would make it one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    #[error("the path is empty; name a file such as img/logo.svg")]
    Empty,
    #[error("the path has {0} bytes; at most {PATH_BYTES_MAX} are allowed")]
    TooLong(usize),
    #[error("the path {0:?} has an empty segment; remove the leading, trailing or doubled slash")]
    EmptySegment(String),
    #[error("the path {0:?} has a segment . or ..; write the path without them")]
    DotSegment(String),
    #[error("the path {0:?} has a backslash; separate segments by /")]
    Backslash(String),
    #[error("the path {0:?} has a control character; remove it")]
    Control(String),
    #[error("the path {0:?} is not in Unicode normal form C; write it as {1:?}")]
    NotNormal(String, String),
    #[error("the path {0:?} starts with the segment -, which is reserved; use another name")]
    Reserved(String),
}

/// A valid asset path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetPath(String);

/// A folder: the part of paths before a `/`. The root folder is the empty text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FolderPath(String);

impl AssetPath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last segment: the file's name.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// This path with its folder `from` replaced by `to`; `None` when it is not in `from`.
    ///
    /// # Errors
    /// `TooLong` when the new path is too long.
    pub fn moved(&self, from: &FolderPath, to: &FolderPath) -> Option<Result<Self, InvalidPath>> {
        let rest = from.strip(&self.0)?;
        Some(to.join(rest))
    }
}

impl FolderPath {
    /// The folder that holds everything.
    pub fn root() -> Self {
        Self(String::new())
    }

    /// The folder as text without a trailing slash; empty for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the folder that holds everything.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the path lies in this folder, at whatever depth.
    pub fn contains(&self, path: &str) -> bool {
        self.strip(path).is_some()
    }

    /// The path of `rest` in this folder.
    ///
    /// # Errors
    /// What is wrong with the joined path.
    pub fn join(&self, rest: &str) -> Result<AssetPath, InvalidPath> {
        if self.is_root() { rest.parse() } else { format!("{}/{rest}", self.0).try_into() }
    }

    /// The smallest text that every path in this folder is at least equal to, and the smallest text after all of
    /// them: a range for sorted keys. `None` for the end of the root folder.
    pub fn range(&self) -> (String, Option<String>) {
        if self.is_root() {
            (String::new(), None)
        } else {
            (format!("{}/", self.0), Some(format!("{}0", self.0))) // '0' is the character after '/'
        }
    }

    fn strip<'p>(&self, path: &'p str) -> Option<&'p str> {
        if self.is_root() { Some(path) } else { path.strip_prefix(&self.0)?.strip_prefix('/') }
    }
}

fn check(text: &str) -> Result<(), InvalidPath> {
    if text.is_empty() {
        return Err(InvalidPath::Empty);
    }
    if text.len() > PATH_BYTES_MAX {
        return Err(InvalidPath::TooLong(text.len()));
    }
    if text.contains('\\') {
        return Err(InvalidPath::Backslash(text.to_owned()));
    }
    if text.chars().any(char::is_control) {
        return Err(InvalidPath::Control(text.to_owned()));
    }
    for segment in text.split('/') {
        match segment {
            "" => return Err(InvalidPath::EmptySegment(text.to_owned())),
            "." | ".." => return Err(InvalidPath::DotSegment(text.to_owned())),
            _ => {}
        }
    }
    if !is_nfc(text) {
        return Err(InvalidPath::NotNormal(text.to_owned(), text.nfc().collect()));
    }
    if text == "-" || text.starts_with("-/") {
        return Err(InvalidPath::Reserved(text.to_owned()));
    }
    Ok(())
}

impl FromStr for AssetPath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for AssetPath {
    type Error = InvalidPath;

    fn try_from(text: String) -> Result<Self, InvalidPath> {
        check(&text)?;
        Ok(Self(text))
    }
}

impl From<AssetPath> for String {
    fn from(path: AssetPath) -> Self {
        path.0
    }
}

impl FromStr for FolderPath {
    type Err = InvalidPath;

    /// Reads a folder; one trailing slash is allowed, and the empty text or `/` is the root.
    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        let text = text.strip_suffix('/').unwrap_or(text);
        if !text.is_empty() {
            check(text)?;
        }
        Ok(Self(text.to_owned()))
    }
}

macro_rules! text_forms {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
text_forms!(AssetPath);
text_forms!(FolderPath);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_path_is_refused_by_its_reason() {
        use InvalidPath as I;
        let reason = |text: &str| text.parse::<AssetPath>().unwrap_err();
        assert_eq!(reason(""), I::Empty);
        assert_eq!(reason(&"x".repeat(1_025)), I::TooLong(1_025));
        for text in ["/a", "a/", "a//b", "/"] {
            assert!(matches!(reason(text), I::EmptySegment(_)), "{text}");
        }
        for text in [".", "..", "a/../b", "./a", "a/."] {
            assert!(matches!(reason(text), I::DotSegment(_)), "{text}");
        }
        assert!(matches!(reason("a\\b"), I::Backslash(_)));
        for text in ["a\0b", "a\nb", "a\u{7f}", "a\u{85}"] {
            assert!(matches!(reason(text), I::Control(_)), "{text:?}");
        }
        assert!(matches!(reason("cafe\u{301}"), I::NotNormal(_, n) if n == "café"));
        for text in ["-", "-/manifest.json"] {
            assert!(matches!(reason(text), I::Reserved(_)), "{text}");
        }
    }

    #[test]
    fn unusual_but_harmless_names_are_paths() {
        for text in ["a", "-a/b", "a/-/b", "...", "a b/c+d?#%.svg", "日本/写真.jpg", "a\u{202e}gpj.exe", "CON"] {
            assert_eq!(text.parse::<AssetPath>().unwrap().as_str(), text);
        }
        assert!("x".repeat(1_024).parse::<AssetPath>().is_ok());
    }

    #[test]
    fn a_folder_holds_what_is_below_it_and_not_what_only_starts_alike() {
        let folder: FolderPath = "img/".parse().unwrap();
        assert!(folder.contains("img/a.png") && folder.contains("img/x/a.png"));
        assert!(!folder.contains("img") && !folder.contains("images/a.png") && !folder.contains("img.png"));
        let (first, end) = folder.range();
        assert!(first.as_str() <= "img/\u{10ffff}" && "img/\u{10ffff}" < end.as_deref().unwrap());
        assert!(end.as_deref().unwrap() <= "img0");
    }

    #[test]
    fn a_moved_path_keeps_what_is_below_the_folder() {
        let path: AssetPath = "a/b/c.png".parse().unwrap();
        let moved = path.moved(&"a/b".parse().unwrap(), &"z".parse().unwrap()).unwrap().unwrap();
        assert_eq!(moved.as_str(), "z/c.png");
        assert!(path.moved(&"a/bb".parse().unwrap(), &FolderPath::root()).is_none());
    }
}
