//! Incidents: what caused them, and that a release with one is not closed without a lesson.

use shelfmark_domain::access::Role;
use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::name::WorkItemNumber;
use shelfmark_domain::work_item::WorkKind;
use shelfmark_engine::catalog::WorkItemSaid;
use shelfmark_engine::operations::AddedChange as Add;
use shelfmark_engine::operations::closing::{CauseDraft, ClosingError, name_cause, withdraw_cause};
use shelfmark_engine::operations::work::{WorkItemDraft, create_work_item};

use super::{asked_by, authorised_item, close, lesson, planned, released, titled_item};
use crate::laws::ground::Ground;
use crate::laws::ground::site::{Site, of};

laws![of rows:
    a_release_with_an_incident_takes_a_lesson,
    a_cause_names_a_deployment_and_its_release,
    a_cause_that_makes_no_sense_is_refused,
];

async fn incident(site: &Site, title: &str) -> WorkItemNumber {
    let said = WorkItemSaid { kind: WorkKind::Incident, ..titled_item(title) };
    let draft = WorkItemDraft { said, requester: None };
    create_work_item(&site.engine, &site.caller(), &site.name, draft).await.unwrap().number
}

fn cause(environment: &str, deployment: i64, expected: Option<i64>) -> CauseDraft {
    CauseDraft { environment: of(environment), deployment, expected }
}

async fn a_release_with_an_incident_takes_a_lesson(ground: &Ground) {
    ground.put("a", "1").await;
    let said = WorkItemSaid { kind: WorkKind::Incident, ..titled_item("the site was down") };
    let item = authorised_item(ground, said, "a").await;
    let build = planned(ground, &[item], vec![]).await;
    released(ground, build).await;

    let refused = close(ground, build.release, "mended", vec![]).await.unwrap_err();

    assert!(refused.to_string().starts_with("W-1 is an incident of R-1; "), "{refused}");
    close(ground, build.release, "mended", vec![lesson("Is the disk full?", "staging", &[])]).await.unwrap();
}

async fn a_cause_names_a_deployment_and_its_release(ground: &Ground) {
    ground.put("a", "1").await;
    let build = planned(ground, &[], vec![Add::Latest]).await;
    released(ground, build).await;
    let item = incident(ground, "the logo is gone").await;
    let project = ground.row().await.number;
    let incidents = async || ground.engine.catalog.incidents(project, build.release, 0, 10).await.unwrap().items;
    assert!(incidents().await.is_empty());

    let caller = ground.caller_with_key("k", "cause");
    let named = name_cause(&ground.engine, &caller, &ground.name, item, cause("production", 1, Some(0))).await.unwrap();

    assert_eq!((named.build, named.revision), (build, 1));
    let again = name_cause(&ground.engine, &caller, &ground.name, item, cause("production", 1, Some(0))).await.unwrap();
    assert_eq!(again, named);
    let listed = incidents().await;
    assert_eq!((listed[0].item, listed[0].is_grouped, listed[0].cause.clone()), (item, false, Some(named)));
    let refused = close(ground, build.release, "fine", vec![]).await.unwrap_err();
    assert!(refused.to_string().starts_with("W-1 is an incident of R-1; "), "{refused}");
    let stale = withdraw_cause(&ground.engine, &ground.caller(), &ground.name, item, Some(7)).await.unwrap_err();
    assert!(matches!(stale, ClosingError::Stale(_)), "{stale}");
    withdraw_cause(&ground.engine, &ground.caller(), &ground.name, item, Some(1)).await.unwrap();
    assert!(incidents().await.is_empty());
    close(ground, build.release, "fine", vec![]).await.unwrap();
}

async fn a_cause_that_makes_no_sense_is_refused(ground: &Ground) {
    ground.put("a", "1").await;
    let build = planned(ground, &[], vec![Add::Latest]).await;
    released(ground, build).await;
    let item = incident(ground, "the logo is gone").await;
    let draft = WorkItemDraft { said: titled_item("a wish"), requester: None };
    let wish = create_work_item(&ground.engine, &ground.caller(), &ground.name, draft).await.unwrap().number;
    let refused = async |site: &Site, item, draft| {
        name_cause(&site.engine, &site.caller(), &site.name, item, draft).await.unwrap_err().kind()
    };
    assert_eq!(refused(ground, wish, cause("production", 1, None)).await, FailureKind::Conflict);
    assert_eq!(refused(ground, of("W-9"), cause("production", 1, None)).await, FailureKind::NotFound);
    assert_eq!(refused(ground, item, cause("production", 2, None)).await, FailureKind::NotFound);
    assert_eq!(refused(ground, item, cause("nowhere", 1, None)).await, FailureKind::NotFound);
    assert_eq!(refused(ground, item, cause("production", 1, Some(3))).await, FailureKind::Stale);
    let viewer = asked_by(ground, "eve", Role::Viewer);
    assert_eq!(refused(&viewer, item, cause("production", 1, None)).await, FailureKind::Forbidden);
    let none = withdraw_cause(&ground.engine, &ground.caller(), &ground.name, item, None).await.unwrap_err();
    assert_eq!(none.kind(), FailureKind::NotFound);
}
