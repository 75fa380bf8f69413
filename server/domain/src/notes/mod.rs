//! Release notes: what changed, said to those whom it concerns. They are generated from work items and a comparison
//! by a template; the outcome is a document, which is written as Markdown or shown as it is.

mod audience;
mod document;
mod escape;
mod facts;
mod generate;
mod markdown;
mod stayed;
mod template;

pub use audience::{Audience, InvalidAudience};
pub use document::{
    AccessNote, AddressNote, ContentNote, FolderCount, FolderNotes, ImpactNote, NotesDocument, NotesSection,
    ParameterNote, PathNote, SectionBody,
};
pub use facts::{NoteChange, NoteChangeKind, NoteItem, NotesFacts, NotesSubject, NotesTotals};
pub use generate::generate;
pub use markdown::to_markdown;
pub use stayed::{Stayed, stayed};
pub use template::{AudienceTemplate, InvalidTemplate, NotesTemplate, SectionKind, SectionTemplate};
