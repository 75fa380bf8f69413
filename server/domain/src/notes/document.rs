//! Notes as a document: sections of lines, before they are written in any format.

use serde::Serialize;

use super::Audience;
use super::facts::{NoteChangeKind, NoteItem, NotesSubject, NotesTotals};
use super::template::SectionKind;
use crate::hash::ContentId;
use crate::name::WorkItemNumber;
use crate::pin::{Parameter, Visibility};

/// Generated notes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotesDocument {
    pub audience: Audience,
    pub heading: String,
    pub introduction: String,
    pub subject: NotesSubject,
    /// Whether lines name work items by their numbers.
    pub shows_numbers: bool,
    pub sections: Vec<NotesSection>,
}

/// A section. One that has nothing to say is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotesSection {
    pub section: SectionKind,
    pub heading: String,
    #[serde(flatten)]
    pub body: SectionBody,
}

/// What a section says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum SectionBody {
    Summary { totals: NotesTotals },
    Items { items: Vec<NoteItem>, left_out: u64 },
    Impact { impacts: Vec<ImpactNote>, left_out: u64 },
    Folders { folders: Vec<FolderNotes>, rest: Vec<FolderCount> },
    Addresses { addresses: Vec<AddressNote>, rest: Vec<FolderCount> },
    Parameters { parameters: Vec<ParameterNote> },
    Access { rules: Vec<AccessNote> },
}

/// What users will notice of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImpactNote {
    pub item: WorkItemNumber,
    pub text: String,
}

/// What changed in a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FolderNotes {
    /// Empty for the uppermost one.
    pub folder: String,
    pub paths: Vec<PathNote>,
}

/// What became of a path, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PathNote {
    pub change: NoteChangeKind,
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_path: Option<String>,
    /// Empty where nothing is there any more.
    pub by: String,
}

/// What became of an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AddressNote {
    pub change: NoteChangeKind,
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_path: Option<String>,
    pub before: Option<ContentNote>,
    pub after: Option<ContentNote>,
    /// Whether title, alternative text or other metadata differ.
    pub metadata_changed: bool,
}

/// What an address serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContentNote {
    pub version: i64,
    pub content: ContentId,
    pub media_type: String,
    pub size_bytes: u64,
    pub width: Option<u32>,
    pub height: Option<u32>,
}

/// What became of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ParameterNote {
    pub change: NoteChangeKind,
    pub name: String,
    /// Long values are cut.
    pub before: Option<Parameter>,
    pub after: Option<Parameter>,
}

/// What became of an access rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccessNote {
    pub change: NoteChangeKind,
    /// Empty for everything.
    pub folder: String,
    pub before: Option<Visibility>,
    pub after: Option<Visibility>,
}

/// How many changes of a folder are not listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FolderCount {
    /// A folder, with all below it; `None` for all other folders together.
    pub folder: Option<String>,
    pub changes: u64,
}
