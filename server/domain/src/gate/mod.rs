//! The gate: what must hold before an environment serves another build. [`decide`] takes a question (which build,
//! where, when, how urgent, asked by whom) and the facts, and gives a list of checks. Everything that moves a pointer
//! asks it, and everything that previews asks the same function.

mod approvals;
mod ask;
mod check;
mod content;
mod decide;
mod facts;
mod place;
mod policy;
mod process;
mod rules;
mod verification;
mod window;

#[cfg(test)]
mod laws;

pub use ask::{Class, Question, Trigger};
pub use check::{Check, CheckName, InvalidCheckName, Outcome, Verdict};
pub use decide::decide;
pub use facts::{
    Approval, BuildFacts, ChecklistFacts, Decision, EvidenceFacts, Facts, ItemFacts, LockFacts, OutsideFacts, Stay,
    Waiver,
};
pub use policy::{InvalidPolicy, Policy};
pub use rules::{ApprovalRule, AutomaticRule, ContentRule, MetadataRule, OutsideRule, Selector};
pub use verification::{AddressRule, JsonRule, OnFailure, VerificationRule};
pub use window::{InvalidWindow, Window, WindowKind, opens_at};
