//! Planning: the date of a release, what it is made of, and how it stands to other releases and to what is served.

mod dates;
mod derive;
mod feed;
mod rebase;
mod repin;
mod resolve;
mod searches;

pub use dates::{DateDraft, PlanError, agree_to_date, propose_date};
pub use derive::{cancel_release, clone_release, split_release};
pub use feed::{FeedError, create_calendar_key, opens_calendar, revoke_calendar_key};
pub(super) use rebase::conflicts_with_served;
pub use rebase::{Rebase, RebaseConflict, RebaseError, rebase};
pub use repin::{Repinned, repin};
pub use resolve::{Keeping, Resolution, resolve_conflicts};
pub use searches::{SearchError, change_search, create_search, remove_search};
