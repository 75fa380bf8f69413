//! Lists: every filter finds what a plain reading finds, and the board stands as people have put it.

use shelfmark_domain::access::Role;
use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::name::WorkItemNumber;
use shelfmark_domain::work_item::{Label, Priority, Transition, WorkKind, WorkStatus};
use shelfmark_engine::catalog::{WorkFilter, WorkItemRow, WorkItemSaid, board_place};
use shelfmark_engine::operations::work::{
    Place, WorkItemDraft, WorkItemPatch, change_work_item, comment, create_work_item, edit_comment, place,
};

use super::{asked_by, enter, item, step};
use crate::laws::ground::Ground;
use crate::laws::ground::chance::Chance;
use crate::laws::ground::site::{Site, of};

laws![of rows:
    a_filter_finds_what_a_plain_reading_finds,
    the_board_stands_as_people_have_put_it,
    what_is_said_of_an_item_is_checked,
    comments_call_the_people_who_are_there,
];

async fn all(site: &Site, filter: &WorkFilter) -> Vec<WorkItemRow> {
    let project = site.row().await.number;
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let page = site.engine.catalog.work_items(project, filter, before, 7).await.unwrap();
        before = page.items.last().map(|item| item.number.get());
        found.extend(page.items);
        if page.next.is_none() {
            return found;
        }
    }
}

async fn board(site: &Site, status: WorkStatus) -> Vec<WorkItemNumber> {
    let project = site.row().await.number;
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = site.engine.catalog.board(project, status, &WorkFilter::default(), after, 3).await.unwrap();
        found.extend(page.items.iter().map(|item| item.number));
        let Some(next) = page.next else { return found };
        after = Some(board_place(&next).unwrap());
    }
}

async fn a_filter_finds_what_a_plain_reading_finds(ground: &Ground) {
    let mut chance = Chance::new();
    let people = [asked_by(ground, "anna", Role::Editor).await, asked_by(ground, "ben", Role::Editor).await];
    let labels: [Label; 3] = ["ux", "größe", "a b"].map(of);
    let words = ["Logo", "GRÖSSE", "50%_off", "back\\slash", "hero"];
    for _ in 0..40 {
        let by = chance.one_of(&people);
        let said = WorkItemSaid {
            kind: *chance.one_of(WorkKind::ALL),
            title: format!("{} {}", chance.one_of(&words), chance.one_of(&words)),
            description: (*chance.one_of(&words)).to_owned(),
            assignee: (chance.below(3) > 0).then(|| of(*chance.one_of(&["anna", "ben"]))),
            priority: *chance.one_of(Priority::ALL),
            due_on: (chance.below(3) > 0).then(|| of(format!("2026-0{}-01", 1 + chance.below(9)))),
            labels: labels.iter().filter(|_| chance.below(2) == 0).cloned().collect(),
            ..WorkItemSaid::default()
        };
        let draft = WorkItemDraft { said, requester: None };
        let row = create_work_item(&by.engine, &by.caller(), &by.name, draft).await.unwrap();
        if chance.below(2) == 0 {
            step(by, row.number, *chance.one_of(&[Transition::Start, Transition::Resolve, Transition::Reject])).await;
        }
    }
    let everything = all(ground, &WorkFilter::default()).await;
    assert_eq!(everything.len(), 40);
    assert!(everything.is_sorted_by(|a, b| a.number > b.number), "the newest come first");
    for _ in 0..60 {
        let mut some = |chances: usize| chance.below(chances) == 0;
        let chosen = [some(3), some(4), some(4), some(4), some(4), some(4), some(4), some(3)];
        let filter = WorkFilter {
            statuses: WorkStatus::ALL.iter().copied().filter(|_| chosen[0] && chance.below(2) == 0).collect(),
            kind: chosen[1].then(|| *chance.one_of(WorkKind::ALL)),
            priority: chosen[2].then(|| *chance.one_of(Priority::ALL)),
            assignee: chosen[3].then(|| of(*chance.one_of(&["anna", "ben"]))),
            requester: chosen[4].then(|| (*chance.one_of(&["@anna", "@ben"])).to_owned()),
            label: chosen[5].then(|| chance.one_of(&labels).clone()),
            release: None,
            due_before: chosen[6].then(|| of(format!("2026-0{}-01", 1 + chance.below(9)))),
            text: if chosen[7] {
                (*chance.one_of(&["logo hero", "größe", "0%_", "K\\S", "%"])).to_owned()
            } else {
                String::new()
            },
        };
        let wanted: Vec<&WorkItemRow> = everything.iter().filter(|item| wants(&filter, item)).collect();
        let found = all(ground, &filter).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), wanted, "{filter:?}");
    }
}

/// Whether a filter wants an item, said as simply as can be.
fn wants(filter: &WorkFilter, item: &WorkItemRow) -> bool {
    let said = &item.said;
    let text = format!("{}\n{}", said.title, said.description).to_lowercase();
    (filter.statuses.is_empty() || filter.statuses.contains(&item.status))
        && filter.kind.is_none_or(|kind| kind == said.kind)
        && filter.priority.is_none_or(|priority| priority == said.priority)
        && (filter.assignee.is_none() || filter.assignee == said.assignee)
        && filter.requester.as_ref().is_none_or(|id| *id == item.requester)
        && filter.label.as_ref().is_none_or(|label| said.labels.contains(label))
        && filter.due_before.is_none_or(|day| said.due_on.is_some_and(|due| due < day))
        && filter.text.to_lowercase().split_whitespace().all(|word| text.contains(word))
}

async fn the_board_stands_as_people_have_put_it(ground: &Ground) {
    let mut chance = Chance::new();
    let mut model = Vec::new();
    for n in 0..8 {
        model.push(enter(ground, &format!("{n}")).await);
    }
    assert_eq!(board(ground, WorkStatus::Open).await, model, "what is entered comes last");
    let put = async |number: WorkItemNumber, to: Place| {
        place(&ground.engine, &ground.caller(), &ground.name, number, to).await
    };
    for _ in 0..40 {
        let (moved, beside) = (*chance.one_of(&model), *chance.one_of(&model));
        if moved == beside {
            assert_eq!(put(moved, Place::After(beside)).await.unwrap_err().kind(), FailureKind::Invalid);
            continue;
        }
        model.retain(|other| *other != moved);
        let at = model.iter().position(|other| *other == beside).unwrap();
        let is_before = chance.below(2) == 0;
        model.insert(if is_before { at } else { at + 1 }, moved);
        put(moved, if is_before { Place::Before(beside) } else { Place::After(beside) }).await.unwrap();
        assert_eq!(board(ground, WorkStatus::Open).await, model);
    }
    // Between the same two again and again, until there is no room and all are spread anew.
    for n in 0..80 {
        let moved = model.remove(1 + n % 2);
        model.insert(1, moved);
        put(moved, Place::After(model[0])).await.unwrap();
        let found = board(ground, WorkStatus::Open).await;
        assert_eq!(found, model, "move {n}");
    }
    step(ground, model[3], Transition::Start).await;
    let refused = put(model[3], Place::Before(model[0])).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::Conflict, "{refused}");
    assert_eq!(board(ground, WorkStatus::InProgress).await, [model[3]]);
}

async fn what_is_said_of_an_item_is_checked(ground: &Ground) {
    let number = enter(ground, "a logo").await;
    let change = async |patch: WorkItemPatch| {
        change_work_item(&ground.engine, &ground.caller(), &ground.name, number, patch).await
    };
    let kind = async |patch: WorkItemPatch| change(patch).await.unwrap_err().kind();
    let patch = WorkItemPatch::default;
    assert_eq!(kind(WorkItemPatch { title: Some(" ".into()), ..patch() }).await, FailureKind::Invalid);
    assert_eq!(kind(WorkItemPatch { impact: Some("\0".into()), ..patch() }).await, FailureKind::Invalid);
    assert_eq!(kind(WorkItemPatch { assignee: Some(Some(of("nobody"))), ..patch() }).await, FailureKind::NotFound);
    assert_eq!(kind(WorkItemPatch { due_on: Some(Some(of("0000-01-01"))), ..patch() }).await, FailureKind::Invalid);
    let many = (0..51).map(|n| of(format!("l{n}"))).collect();
    assert_eq!(kind(WorkItemPatch { labels: Some(many), ..patch() }).await, FailureKind::Invalid);
    assert_eq!(kind(WorkItemPatch { expected: Some(7), ..patch() }).await, FailureKind::Stale);
    let viewer = asked_by(ground, "vi", Role::Viewer).await;
    let refused = change_work_item(&viewer.engine, &viewer.caller(), &viewer.name, number, patch()).await;
    assert_eq!(refused.unwrap_err().kind(), FailureKind::Forbidden);

    let labels = Some(vec![of("b"), of("a"), of("b")]);
    let changed = change(WorkItemPatch { labels, expected: Some(1), ..patch() }).await.unwrap();
    assert_eq!((changed.said.labels.clone(), changed.revision), (vec![of("a"), of("b")], 2));
    assert_eq!(item(ground, number).await, changed);
    let by_label = WorkFilter { label: Some(of("b")), ..WorkFilter::default() };
    assert_eq!(all(ground, &by_label).await.len(), 1);
    change(WorkItemPatch { labels: Some(Vec::new()), ..patch() }).await.unwrap();
    assert!(all(ground, &by_label).await.is_empty());
}

async fn comments_call_the_people_who_are_there(ground: &Ground) {
    let anna = asked_by(ground, "anna", Role::Viewer).await;
    let ben = asked_by(ground, "ben", Role::Viewer).await;
    let number = enter(&anna, "a logo").await;
    let text = "@ben and @nobody, see @anna";
    let written = comment(&anna.engine, &anna.caller(), &anna.name, number, text).await.unwrap();
    assert_eq!((written.number, &written.mentions), (1, &vec![of("ben"), of("anna")]));
    let edit = async |by: &Site, expected| {
        edit_comment(&by.engine, &by.caller(), &by.name, number, 1, "only @ben", expected).await
    };
    assert_eq!(edit(&ben, None).await.unwrap_err().kind(), FailureKind::Forbidden);
    assert_eq!(edit(&anna, Some(2)).await.unwrap_err().kind(), FailureKind::Stale);
    let edited = edit(&anna, Some(1)).await.unwrap();
    assert_eq!((edited.revision, edited.edited_at.is_some()), (2, true));
    let project = ground.row().await.number;
    let comments = ground.engine.catalog.comments(project, number, 0, 10).await.unwrap().items;
    assert_eq!(comments, [edited]);
    let entries = ground.engine.catalog.work_item_history(&ground.name, number, None, 10).await.unwrap().items;
    assert_eq!(entries[0].action, "work_item.comment_edited");
    assert!(entries[0].details.contains("@nobody"), "the earlier text stays in the trail");
    assert!(entries[1].details.contains("\"mentions\":[\"ben\",\"anna\"]"), "{}", entries[1].details);
}
