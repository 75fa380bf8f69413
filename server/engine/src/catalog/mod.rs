//! Rows: everything mutable, and all SQL of the product. One text of every query runs on SQLite and PostgreSQL:
//! `$1` parameters, TEXT, BIGINT and bytes columns, `ON CONFLICT`, `RETURNING`. One file per noun.
//!
//! Every change goes through [`Write`]: it takes the audit trail's head first, so changes happen one after the other
//! on both databases, and it commits only together with an audit entry and its event.

mod assets;
mod audit;
mod bytes;
mod closing;
mod columns;
mod connection;
mod error;
mod gate;
mod idempotency;
mod listen;
mod notify;
mod page;
mod people;
mod planning;
mod project;
mod reading;
mod references;
mod releases;
mod rows;
mod schedule;
mod work;
mod write;

pub use assets::asset::{AssetRow, AssetState, NewVersion};
pub use assets::version::{KnownContent, VersionRow};
pub use bytes::chunk::{ChunkRow, KnownChunk};
pub use bytes::compaction::{MovedChunk, SparsePack};
pub(crate) use bytes::content::NewContent;
pub use bytes::pack::PackState;
pub use bytes::statistics::StoreStatistics;
pub use bytes::usage::ContentUse;
pub use closing::{CauseRow, ClosingRow, IncidentRow, NoteEditRow, NotesTemplateRow, PublishedNoteRow};
pub use connection::{Catalog, CatalogConfig};
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
pub use page::{Cursor, InvalidCursor, Page};
pub use people::token::{NewToken, TokenRow};
pub use people::user::{MemberRow, UserRow};
pub use planning::{
    AgreementRow, CalendarKeyRow, ConflictRow, DateRow, OutdatedLine, Past, PlannedRow, SearchRow, Selection,
    ServedSince,
};
pub use project::ProjectRow;
pub use reading::{Reading, Snapshot};
pub use references::{
    AffectedRelease, Declaration, DeclaredRow, ExaminedContent, Findings, Need, NewPlace, PendingAsset, PlaceId,
};
pub use releases::build::BuildRow;
pub use releases::change::{ChangeRow, ChangeValue, PinnedChange};
pub use releases::deployment::{Authorised, DeploymentRow};
pub use releases::environment::EnvironmentPointer;
pub use releases::release::ReleaseRow;
pub use schedule::{
    AutomationRow, DueSchedule, OpenVerification, ScheduleRow, VerificationRow, VerificationState, VerifiedItem,
};
pub use work::{
    AnsweredItem, AssetPlaces, AttachedVersion, AuthorisationRow, AuthorisedPin, CommentRow, DeployedBuild,
    EvidenceRow, ItemLine, ItemReadiness, ItemTests, NewAuthorisation, NewEvidence, PinMismatch, ReleaseItemRow,
    WantedLine, WorkFilter, WorkItemRow, WorkItemSaid, board_place, evidence_place,
};
pub use write::{AuditDraft, Write};
