//! What an environment serves, as a list. It is written leaf by leaf while it is sent, so that a million entries take
//! no more memory than some thousand.

use std::fmt;

use actix_web::http::header::HeaderValue;
use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use shelfmark_domain::environment::Served;
use shelfmark_domain::hash::{ChunkId, ContentId};
use shelfmark_domain::manifest::visibility;
use shelfmark_domain::metadata::Metadata;
use shelfmark_domain::name::{BuildName, EnvironmentName, ProjectName};
use shelfmark_domain::pin::{Entry, Pin, Visibility};
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::operations::{AccessRules, Manifests, ReadError};

use super::documents::Parts;

/// Leaves that are read ahead.
const LEAVES_AHEAD: usize = 4;
const NDJSON: &str = "application/x-ndjson";
/// What stays as it is in a segment of a path: RFC 3986 `unreserved`.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One document.
    Json,
    /// One entry per line and nothing else.
    Lines,
}

impl Format {
    /// The format that an `Accept` header asks for.
    pub fn asked_by(accept: Option<&HeaderValue>) -> Self {
        let names_lines = accept.and_then(|value| value.to_str().ok()).is_some_and(|text| text.contains(NDJSON));
        if names_lines { Self::Lines } else { Self::Json }
    }

    /// The media type of what is written.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Lines => NDJSON,
        }
    }
}

/// An entry as clients see it.
#[derive(Debug, Serialize)]
struct EntryView<'e> {
    path: &'e str,
    address: ContentAddress<'e>,
    content: ContentId,
    media_type: &'e str,
    size_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
    modified_at: Timestamp,
    metadata: &'e Metadata,
}

/// Where a content is found under its own name.
#[derive(Debug)]
struct ContentAddress<'e> {
    project: &'e ProjectName,
    content: ContentId,
    file_name: &'e str,
}

impl fmt::Display for ContentAddress<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file_name = utf8_percent_encode(self.file_name, SEGMENT);
        write!(f, "/c/{}/{}/{file_name}", self.project, self.content)
    }
}

impl Serialize for ContentAddress<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What is listed, and how.
#[derive(Clone, Debug)]
pub struct Listing {
    pub project: ProjectName,
    pub environment: EnvironmentName,
    pub served: Served,
    pub revision: i64,
    pub format: Format,
    /// The access rules that hide entries; `None` when everything may be seen.
    pub rules: Option<AccessRules>,
}

/// Whether rules leave a path to be seen.
pub fn shows(rules: Option<&AccessRules>, path: &str) -> bool {
    rules.is_none_or(|rules| visibility(path, rules) != Some(Visibility::Private))
}

impl Listing {
    /// Tells listings of the same revision apart.
    pub fn variant(&self) -> &'static str {
        match (self.format, self.rules.is_some()) {
            (Format::Json, true) => "public",
            (Format::Json, false) => "all",
            (Format::Lines, true) => "public-lines",
            (Format::Lines, false) => "all-lines",
        }
    }

    /// All entries that may be seen.
    ///
    /// # Errors
    /// When the root can't be read; what comes after it breaks the list off.
    pub async fn all(self, manifests: &Manifests) -> Result<Parts, ReadError> {
        let root = manifests.root(self.served.manifest).await?;
        let ids: Vec<ChunkId> = root.leaves.iter().map(|leaf| leaf.id).collect();
        let manifests = manifests.clone();
        let leaves = stream::iter(ids).map(move |id| {
            let manifests = manifests.clone();
            async move { manifests.leaf(id).await }
        });
        let (head, tail) = (self.head(None, "entries"), self.tail());
        let mut is_first = true;
        let entries = leaves.buffered(LEAVES_AHEAD).map_ok(move |leaf| {
            let mut text = Vec::new();
            for (path, entry) in &leaf.entries {
                if let Entry::Pin(pin) = entry
                    && shows(self.rules.as_ref(), path)
                {
                    self.write(&mut text, path, pin, &mut is_first);
                }
            }
            Bytes::from(text)
        });
        Ok(stream::iter([Ok(head)]).chain(entries).chain(stream::iter([Ok(tail)])).boxed())
    }

    /// What comes before the entries.
    pub fn head(&self, since: Option<BuildName>, entries: &str) -> Bytes {
        #[derive(Serialize)]
        struct HeadView<'h> {
            project: &'h ProjectName,
            environment: &'h EnvironmentName,
            build: BuildName,
            manifest: String,
            revision: i64,
            #[serde(skip_serializing_if = "Option::is_none")]
            since: Option<BuildName>,
        }
        if self.format == Format::Lines {
            return Bytes::new();
        }
        let head = HeadView {
            project: &self.project,
            environment: &self.environment,
            build: self.served.build,
            manifest: self.served.manifest.to_string(),
            revision: self.revision,
            since,
        };
        let mut text = serde_json::to_string(&head).expect("names and numbers are JSON");
        text.pop();
        text.push_str(&format!(",\"{entries}\":["));
        text.into()
    }

    /// What comes after the entries.
    pub fn tail(&self) -> Bytes {
        match self.format {
            Format::Json => Bytes::from_static(b"\n]}\n"),
            Format::Lines => Bytes::new(),
        }
    }

    /// Writes an entry, and before it what parts it from the one before.
    pub fn write(&self, text: &mut Vec<u8>, path: &str, pin: &Pin, is_first: &mut bool) {
        let (width, height) = pin.dimensions.unzip();
        let file_name = path.rsplit('/').next().unwrap_or(path);
        let view = EntryView {
            path,
            address: ContentAddress { project: &self.project, content: pin.content, file_name },
            content: pin.content,
            media_type: &pin.media_type,
            size_bytes: pin.size_bytes,
            width,
            height,
            modified_at: pin.modified_at,
            metadata: &pin.metadata,
        };
        self.write_view(text, &view, is_first);
    }

    /// Writes what stands for an entry.
    pub fn write_view(&self, text: &mut Vec<u8>, view: &impl Serialize, is_first: &mut bool) {
        if self.format == Format::Json {
            text.extend_from_slice(if *is_first { b"\n" } else { b",\n" });
        }
        *is_first = false;
        serde_json::to_writer(&mut *text, view).expect("entries are texts and numbers, which JSON and memory can hold");
        if self.format == Format::Lines {
            text.push(b'\n');
        }
    }
}
