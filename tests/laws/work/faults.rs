//! Whichever statement of an upload for an item fails: the version is there exactly when it is attached, and exactly
//! then the yes to the former versions is void.

use shelfmark_domain::work_item::WorkStatus;
use shelfmark_engine::operations::Upload;

use super::{at, attached, authorised_item, status};
use crate::laws::ground::failing::Statements;
use crate::laws::ground::faulty::Moment;
use crate::laws::ground::{Backing, Database, Ground};

async fn an_upload_and_its_item_change_together(ground: &Ground) {
    let (site, statements) = Statements::of(ground).await;
    ground.put("a", "first").await;
    for (round, moment) in [Moment::Before, Moment::After].into_iter().enumerate() {
        for n in 1.. {
            let latest = ground.asset("a").await.unwrap().latest.number;
            let number = authorised_item(ground, "a logo", &[at("a", latest)]).await;
            let upload = || Upload { item: Some(number), ..Upload::default() };
            let bytes = format!("{round} {n}");

            statements.fail(n, moment);
            let done = site.upload("a", upload(), bytes.clone()).await;
            let is_over = statements.is_pending();
            statements.fail(0, moment);

            let is_made = ground.asset("a").await.unwrap().latest.number == latest + 1;
            let is_attached = attached(ground, number).await.contains(&("a".to_owned(), latest + 1));
            let is_void = status(ground, number).await == WorkStatus::Resolved;
            assert_eq!([is_attached, is_void], [is_made; 2], "{moment:?} {n}: {done:?}");
            assert!(is_made || done.is_err(), "{moment:?} {n}");
            site.upload("a", upload(), bytes).await.unwrap();
            assert_eq!(attached(ground, number).await.len(), 2, "{moment:?} {n}");
            if is_over {
                assert!(n > 1, "an upload asks nothing of the database");
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_and_its_item_change_together_on_sqlite() {
    let ground = Ground::open(Database::Sqlite, Backing::Memory).await.expect("SQLite is everywhere");
    an_upload_and_its_item_change_together(&ground).await;
    ground.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_and_its_item_change_together_on_postgres() {
    let Some(ground) = Ground::open(Database::Postgres, Backing::Memory).await else { return };
    an_upload_and_its_item_change_together(&ground).await;
    ground.holds().await;
}
