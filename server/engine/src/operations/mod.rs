//! Verbs: what can be done. Each operation checks who asks, writes bytes first and then moves rows in one transaction
//! with its audit entry. A read may go straight to the catalog; a change goes through here.

mod batch;
mod build;
mod caller;
mod check_store;
mod chunks;
pub mod closing;
mod collect_garbage;
mod committer;
mod compact;
mod compare;
mod compare_folders;
mod contents;
mod cutting;
mod decide;
mod edit;
mod encoding;
mod facts;
mod gate;
mod latest;
mod manifests;
pub mod notify;
mod order;
mod pack_memory;
mod packing;
mod place;
mod planning;
mod pointers;
mod projects;
mod published;
mod put;
mod reading;
pub mod references;
mod release_changes;
mod releases;
mod repeat;
mod revision;
mod schedule;
mod sendable;
mod tar;
mod text;
mod tokens;
mod transfer;
mod users;
mod verify;
pub mod work;

pub use batch::{BatchError, BatchReceipt, batch};
pub use build::{Base, BuildError, build};
pub use caller::{AccessError, Caller, IdempotencyKey};
pub use check_store::{CheckError, CheckProgress, Checked, DamagedBuild, DamagedContent, check_store};
pub use chunks::{Chunks, ReadError};
pub use collect_garbage::{CollectError, Collected, collect_garbage, plan_collection};
pub use compact::Compacted;
pub use compare::{ChangeKind, CompareError, Compared, Side, compare};
pub use compare_folders::{FolderDifference, by_folder};
pub use contents::{ContentStream, Contents};
pub use edit::{EditError, edit_metadata, remove, revert};
pub use gate::{
    ApprovalDraft, ChecklistDraft, DeployError, Deployed, FreezeDraft, GateError, NotDue, Preview, Promotion, Refusal,
    ReleasePoint, ReportDraft, Rollback, RollbackPlan, StopDraft, WaiverDraft, Way, add_point, answer_point,
    decide_on_build, freeze, grant_waiver, lift, plan_rollback, preview, promote, release_checklist, report,
    retire_point, review, revoke_waiver, roll_back, set_policy, stop, unfreeze,
};
pub use manifests::{AccessRules, Manifests};
pub use order::{CommitError, Done, Expect, Outcome, Receipt, Summary};
pub use packing::PackError;
pub use place::{Move, PlaceError, move_assets, undelete};
pub use planning::{
    DateDraft, FeedError, Keeping, PlanError, Rebase, RebaseConflict, RebaseError, Repinned, Resolution, SearchError,
    agree_to_date, cancel_release, change_search, clone_release, create_calendar_key, create_search, opens_calendar,
    propose_date, rebase, remove_search, repin, resolve_conflicts, revoke_calendar_key, split_release,
};
pub use pointers::{Pointer, Pointers, ServedThen};
pub use projects::{
    EnvironmentSettings, ProjectError, create_environment, create_project, retitle_project, set_environment,
};
pub use published::{Publications, Published, published};
pub use put::{PutError, Upload, put};
pub use release_changes::{AddedChange, ChangedLines, add_changes, remove_changes};
pub use releases::{ReleaseDraft, ReleaseError, ReleasePatch, create_release, describe_release};
pub use revision::Stale;
pub use schedule::{
    Automated, ScheduleDraft, ScheduleError, cancel_schedule, run_automations, run_schedules, schedule_promotion,
};
pub use sendable::{Part, PartStream, Sendable};
pub use tar::TarError;
pub use text::InvalidText;
pub use tokens::{TokenDraft, TokenError, authenticate, bootstrap, create_token, revoke_token};
pub use transfer::BodyError;
pub use users::{UserError, UserPatch, change_user, create_user, set_member};
pub use verify::{
    Found, Looked, VerifyError, claim_verifications, conclude_verification, hold_verification, look_at_verification,
    roll_back_verified, verify_again,
};

pub(crate) use committer::Committer;
pub(crate) use pack_memory::PackMemory;
pub(crate) use packing::Packer;
