//! Verbs: what can be done. Each operation checks who asks, writes bytes first and then moves rows in one transaction
//! with its audit entry. A read may go straight to the catalog; a change goes through here.

mod builds;
pub mod closing;
mod contents;
mod edit;
mod gate;
pub mod notify;
mod people;
mod place;
mod planning;
mod pointers;
mod projects;
pub mod references;
mod releases;
mod revision;
mod schedule;
mod text;
mod upkeep;
mod upload;
mod verify;
pub mod work;

pub use builds::build::{Base, BuildError, build};
pub use builds::compare::{ChangeKind, CompareError, Compared, Side, compare};
pub use builds::compare_folders::{FolderDifference, by_folder};
pub use builds::manifests::{AccessRules, Manifests};
pub use contents::chunks::{Chunks, ReadError};
pub use contents::published::{Publications, Published, published};
pub use contents::sendable::{Part, PartStream, Sendable};
pub use contents::{ContentStream, Contents};
pub use edit::{EditError, edit_metadata, remove, revert};
pub use gate::{
    ApprovalDraft, ChecklistDraft, DeployError, Deployed, FreezeDraft, GateError, NotDue, Preview, Promotion, Refusal,
    ReleasePoint, ReportDraft, Rollback, RollbackPlan, StopDraft, WaiverDraft, Way, add_point, answer_point,
    decide_on_build, freeze, grant_waiver, lift, plan_rollback, preview, promote, release_checklist, report,
    retire_point, review, revoke_waiver, roll_back, set_policy, stop, unfreeze,
};
pub use people::caller::{AccessError, Caller, IdempotencyKey};
pub use people::tokens::{TokenDraft, TokenError, authenticate, bootstrap, create_token, revoke_token};
pub use people::users::{UserError, UserPatch, change_user, create_user, set_member};
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
pub use releases::changes::{AddedChange, ChangedLines, add_changes, remove_changes};
pub use releases::{ReleaseDraft, ReleaseError, ReleasePatch, create_release, describe_release};
pub use revision::Stale;
pub use schedule::{
    Automated, ScheduleDraft, ScheduleError, cancel_schedule, run_automations, run_schedules, schedule_promotion,
};
pub use text::InvalidText;
pub use upkeep::check_store::{CheckError, CheckProgress, Checked, DamagedBuild, DamagedContent, check_store};
pub use upkeep::collect_garbage::{CollectError, Collected, collect_garbage, plan_collection};
pub use upkeep::compact::Compacted;
pub use upload::batch::{BatchError, BatchReceipt, batch};
pub use upload::order::{CommitError, Done, Expect, Outcome, Receipt, Summary};
pub use upload::packing::PackError;
pub use upload::put::{PutError, Upload, put};
pub use upload::tar::TarError;
pub use upload::transfer::BodyError;
pub use verify::{
    Found, Looked, VerifyError, claim_verifications, conclude_verification, hold_verification, look_at_verification,
    roll_back_verified, verify_again,
};

pub(crate) use upload::committer::Committer;
pub(crate) use upload::pack_memory::PackMemory;
pub(crate) use upload::packing::Packer;
