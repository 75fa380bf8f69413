//! Rows: everything mutable, and all SQL of the product. One text of every query runs on SQLite and PostgreSQL:
//! `$1` parameters, TEXT, BIGINT and bytes columns, `ON CONFLICT`, `RETURNING`. One file per noun.
//!
//! Every change goes through [`Write`]: it takes the audit trail's head first, so changes happen one after the other
//! on both databases, and it commits only together with an audit entry and its event.

mod asset;
mod audit;
mod build;
mod change;
mod chunk;
mod closing;
mod columns;
mod compaction;
mod connection;
mod content;
mod deployment;
mod environment;
mod error;
mod gate;
mod idempotency;
mod letter_case;
mod listen;
mod notify;
mod pack;
mod page;
mod place;
mod planning;
mod project;
mod publication;
mod reading;
mod references;
mod release;
mod rows;
mod schedule;
mod statistics;
mod sweep;
mod token;
mod usage;
mod user;
mod version;
mod work;
mod write;

pub use asset::{AssetRow, AssetState, NewVersion};
pub use build::BuildRow;
pub use change::{ChangeRow, ChangeValue, PinnedChange};
pub use chunk::{ChunkRow, KnownChunk};
pub use closing::{CauseRow, ClosingRow, IncidentRow, NoteEditRow, NotesTemplateRow, PublishedNoteRow};
pub use compaction::{MovedChunk, SparsePack};
pub use connection::{Catalog, CatalogConfig};
pub(crate) use content::NewContent;
pub use deployment::{Authorised, DeploymentRow};
pub use environment::EnvironmentPointer;
pub use error::CatalogError;
pub use gate::{
    AnswerRow, ApprovalRow, ChecklistAnswer, ChecklistItemRow, ChecklistSelector, LockKind, LockRow, PolicyRow,
    ReportRow, ReportState, ReviewRow, WaiverRow,
};
pub use listen::PointerSignal;
pub use notify::{
    Attempt, AttemptRow, DeliveryRow, DeliveryState, EventRow, LetterRow, LetterState, QueueState, QueuedDelivery,
    SubscriptionRow, WebhookRow,
};
pub use pack::PackState;
pub use page::{Cursor, InvalidCursor, Page};
pub use planning::{
    AgreementRow, CalendarKeyRow, ConflictRow, DateRow, OutdatedLine, Past, PlannedRow, SearchRow, Selection,
    ServedSince,
};
pub use project::ProjectRow;
pub use reading::{Reading, Snapshot};
pub use references::{
    AffectedRelease, Declaration, DeclaredRow, ExaminedContent, Findings, Need, NewPlace, PendingAsset, PlaceId,
};
pub use release::ReleaseRow;
pub use schedule::{
    AutomationRow, DueSchedule, OpenVerification, ScheduleRow, VerificationRow, VerificationState, VerifiedItem,
};
pub use statistics::StoreStatistics;
pub use token::{NewToken, TokenRow};
pub use usage::ContentUse;
pub use user::{MemberRow, UserRow};
pub use version::{KnownContent, VersionRow};
pub use work::{
    AnsweredItem, AssetPlaces, AttachedVersion, AuthorisationRow, AuthorisedPin, CommentRow, DeployedBuild,
    EvidenceRow, ItemLine, ItemReadiness, ItemTests, NewAuthorisation, NewEvidence, PinMismatch, ReleaseItemRow,
    WantedLine, WorkFilter, WorkItemRow, WorkItemSaid, board_place, evidence_place,
};
pub use write::{AuditDraft, Write};
