//! Notes of releases and environments: what is generated, what people write in its place, what is published.

use shelfmark_domain::access::Role;
use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::name::{BuildName, ReleaseNumber};
use shelfmark_domain::notes::{Audience, NotesTemplate, SectionKind};
use shelfmark_domain::pin::{Parameter, Visibility};
use shelfmark_engine::catalog::WorkItemSaid;
use shelfmark_engine::limits::Limits;
use shelfmark_engine::operations::AddedChange as Add;
use shelfmark_engine::operations::closing::{
    ClosingError, PublishDraft, ReleaseNotes, edit_notes, environment_notes, publish_notes, release_notes,
    return_to_generated, set_notes_template, to_html,
};
use shelfmark_engine::operations::work::add_items;

use crate::laws::closing::{asked_by, authorised_item, planned, released, titled_item};
use crate::laws::ground::site::{Site, of};
use crate::laws::ground::{Ground, limits};

laws![of rows:
    each_audience_reads_what_concerns_it,
    notes_compare_with_the_base_or_with_what_an_environment_served,
    many_changes_are_counted_by_folder,
    texts_of_people_stay_text,
    a_person_replaces_what_is_generated_and_is_told_when_the_release_changes,
    an_edit_is_refused_when_it_is_stale_or_says_nothing,
    what_is_published_stays_and_publishing_again_makes_a_revision,
    an_environment_tells_of_what_stayed_between_two_instants,
    a_template_decides_what_notes_say,
    who_may_do_what_with_notes,
];

async fn notes(site: &Site, release: ReleaseNumber, audience: Audience) -> ReleaseNotes {
    release_notes(&site.engine, &site.caller(), &site.name, release, audience, None).await.unwrap()
}

async fn generated(site: &Site, release: ReleaseNumber, audience: Audience) -> String {
    notes(site, release, audience).await.generated.markdown
}

async fn edit(
    site: &Site,
    release: ReleaseNumber,
    text: &str,
    expected: Option<i64>,
) -> Result<ReleaseNotes, ClosingError> {
    let place = (release, Audience::Users);
    edit_notes(&site.engine, &site.caller(), &site.name, place, text, expected).await
}

fn all(message: &str) -> PublishDraft {
    PublishDraft { audiences: Audience::ALL.into(), message: message.into(), expected: None }
}

async fn revisions(site: &Site, release: ReleaseNumber, draft: PublishDraft) -> Vec<(Audience, i64)> {
    let rows = publish_notes(&site.engine, &site.caller(), &site.name, release, draft).await.unwrap();
    rows.into_iter().map(|row| (row.audience, row.revision)).collect()
}

fn said(title: &str, impact: &str) -> WorkItemSaid {
    WorkItemSaid { impact: impact.into(), release_note: format!("About {title}."), ..titled_item(title) }
}

/// A release with an item, a parameter and an access rule.
async fn release(site: &Site) -> BuildName {
    site.put("img/logo.svg", "<svg/>").await;
    let item = authorised_item(site, said("a logo", "The logo is sharper."), "img/logo.svg").await;
    let value = Parameter { value: "blue".into(), by_environment: [(of("staging"), "red".to_owned())].into() };
    let changes = vec![Add::Parameter(of("theme"), value), Add::Access(of("img"), Visibility::Private)];
    planned(site, &[item], changes).await
}

fn has_lines(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|found| found.contains(line)), "{line}: {text}");
    }
}

async fn each_audience_reads_what_concerns_it(ground: &Ground) {
    let build = release(ground).await;
    let editors = generated(ground, build.release, Audience::Editors).await;
    has_lines(
        &editors,
        &[
            "# Release notes for editors: R-1 a release",
            "R-1.1 compared with nothing: 3 added, 0 changed, 0 removed, 0 moved",
            "- **W-1** a logo (request, requested by ",
            "About a logo.",
            "  - img/logo.svg",
            "### img",
            "- added: img/logo.svg, by ",
            "| added | theme | - | blue; staging: red |",
        ],
    );
    let platforms = generated(ground, build.release, Audience::Platforms).await;
    let content = ground.asset("img/logo.svg").await.unwrap().latest.content;
    let row = format!("| added | img/logo.svg | - | image/svg+xml, 6 bytes, `{content}` |");
    has_lines(&platforms, &[&row, "| added | img | - | private |"]);
    assert!(!platforms.contains("W-1"));
    let users = generated(ground, build.release, Audience::Users).await;
    assert_eq!(users, "# What is new: a release\n\n## What you will notice\n\n- The logo is sharper.\n");
    assert_eq!(generated(ground, build.release, Audience::Editors).await, editors, "the same facts, the same notes");
    let planned = ground.release(vec![]).await;
    assert!(generated(ground, planned, Audience::Platforms).await.ends_with("Nothing to report.\n"), "no build yet");
}

async fn notes_compare_with_the_base_or_with_what_an_environment_served(ground: &Ground) {
    ground.put("a", "1").await;
    let first = planned(ground, &[], vec![Add::Latest]).await;
    released(ground, first).await;
    ground.put("b", "2").await;
    let second = planned(ground, &[], vec![Add::Latest]).await;
    let against = async |environment: &str| {
        let name = of(environment);
        let (caller, release) = (ground.caller(), second.release);
        release_notes(&ground.engine, &caller, &ground.name, release, Audience::Editors, Some(&name)).await
    };
    has_lines(&generated(ground, second.release, Audience::Editors).await, &["R-2.1 compared with R-1.1: 1 added"]);
    has_lines(&against("development").await.unwrap().generated.markdown, &["R-2.1 compared with nothing: 2 added"]);
    ground.promote("production", second).await;
    ground.promote("development", second).await;

    has_lines(&against("production").await.unwrap().generated.markdown, &["R-2.1 compared with R-1.1: 1 added"]);
    has_lines(&against("development").await.unwrap().generated.markdown, &["R-2.1 compared with nothing: 2 added"]);
    assert_eq!(against("nowhere").await.unwrap_err().kind(), FailureKind::NotFound);
}

async fn many_changes_are_counted_by_folder(ground: &Ground) {
    for n in 0..4 {
        ground.put(&format!("img/{n}"), format!("{n}")).await;
        ground.put(&format!("txt/{n}"), format!("{n}")).await;
    }
    let build = planned(ground, &[], vec![Add::Latest]).await;
    let site = ground.with_limits(Limits { notes_lines_max: 3, ..limits() }).await;

    let text = generated(&site, build.release, Audience::Platforms).await;

    assert_eq!(text.matches("| added | img/").count(), 3);
    has_lines(&text, &["8 added", "And 5 more changes, by folder:", "- txt: 4", "- img: 1"]);
}

async fn texts_of_people_stay_text(ground: &Ground) {
    const ATTACK: &str = "</h1><script>alert(1)</script> [a](javascript:alert(1)) ![b](x) | c\n# d\n1. e";
    let path = "img/<script>alert(1)<|script>.svg";
    ground.put(path, "<svg/>").await;
    let item = authorised_item(ground, said(ATTACK, ATTACK), path).await;
    let build = planned(ground, &[item], vec![]).await;
    for audience in Audience::ALL {
        let notes = notes(ground, build.release, audience).await;
        let page = to_html(&notes.generated.document.heading, notes.text());
        for wrong in ["<script", "<a ", "<img", "href"] {
            assert!(!page.contains(wrong), "{wrong}: {page}");
        }
        let headings = page.matches("<h1>").count();
        assert_eq!(headings, 1, "{page}");
        assert!(audience == Audience::Platforms || page.contains("&lt;script&gt;alert(1)"), "{page}");
    }
    edit(ground, build.release, ATTACK, None).await.unwrap();
    let page = to_html("x", notes(ground, build.release, Audience::Users).await.text());
    assert!(!page.contains("<script") && !page.to_lowercase().contains("href=\"javascript"), "{page}");
}

async fn a_person_replaces_what_is_generated_and_is_told_when_the_release_changes(ground: &Ground) {
    let build = release(ground).await;
    let plain = generated(ground, build.release, Audience::Users).await;

    let edited = edit(ground, build.release, "*Mine*", Some(0)).await.unwrap();

    assert_eq!((edited.text(), edited.revision(), edited.is_outdated), ("*Mine*", 1, false));
    assert_eq!(edited.generated.markdown, plain, "it stays available");
    let others = notes(ground, build.release, Audience::Editors).await;
    assert_eq!((others.edited(), others.revision()), (None, 0));
    ground.put("a", "a").await;
    let item = authorised_item(ground, said("more", "And faster."), "a").await;
    add_items(&ground.engine, &ground.caller(), &ground.name, build.release, &[item], false, None).await.unwrap();
    let seen = notes(ground, build.release, Audience::Users).await;
    assert_eq!((seen.text(), seen.is_outdated), ("*Mine*", true));
    assert!(seen.generated.markdown.contains("And faster."));
    let kept = edit(ground, build.release, "*Mine*", Some(1)).await.unwrap();
    assert_eq!((kept.revision(), kept.is_outdated), (2, false), "it still fits");
    let same = edit(ground, build.release, "*Mine*", Some(2)).await.unwrap();
    assert_eq!(same.revision(), 2, "nothing is added");
    let place = (build.release, Audience::Users);
    let (engine, caller, name) = (&ground.engine, ground.caller(), &ground.name);
    let back = return_to_generated(engine, &caller, name, place, Some(2)).await.unwrap();
    assert_eq!((back.edited(), back.revision(), back.text()), (None, 3, seen.generated.markdown.as_str()));
    let twice = return_to_generated(engine, &caller, name, place, None).await.unwrap_err();
    assert_eq!(twice.kind(), FailureKind::NotFound);
}

async fn an_edit_is_refused_when_it_is_stale_or_says_nothing(ground: &Ground) {
    let build = release(ground).await;
    edit(ground, build.release, "one", None).await.unwrap();
    let stale = edit(ground, build.release, "two", Some(0)).await.unwrap_err();
    assert_eq!((stale.kind(), stale.present_revision()), (FailureKind::Stale, Some(1)));
    for text in ["", " \n", "a\0", &"x".repeat(ground.engine.limits.notes_bytes_max + 1)] {
        assert_eq!(edit(ground, build.release, text, None).await.unwrap_err().kind(), FailureKind::Invalid);
    }
    assert_eq!(edit(ground, of("R-9"), "x", None).await.unwrap_err().kind(), FailureKind::NotFound);
    let caller = ground.caller_with_key("k", "edit");
    for _ in 0..2 {
        let place = (build.release, Audience::Users);
        let notes = edit_notes(&ground.engine, &caller, &ground.name, place, "two", Some(1)).await.unwrap();
        assert_eq!((notes.revision(), notes.text()), (2, "two"));
    }
}

async fn what_is_published_stays_and_publishing_again_makes_a_revision(ground: &Ground) {
    let build = release(ground).await;
    let first = revisions(ground, build.release, all("for Monday")).await;
    assert_eq!(first, [(Audience::Editors, 1), (Audience::Platforms, 1), (Audience::Users, 1)]);
    let (head, _) = ground.engine.catalog.audit_head().await.unwrap();
    assert_eq!(revisions(ground, build.release, all("again")).await, first, "nothing differs");
    assert_eq!(ground.engine.catalog.audit_head().await.unwrap().0, head);
    edit(ground, build.release, "*Mine*", None).await.unwrap();
    let published = notes(ground, build.release, Audience::Users).await.published.unwrap();
    assert_ne!(published.text, "*Mine*", "an edit is not published by itself");

    let second = revisions(ground, build.release, all("with my words")).await;

    assert_eq!(second, [(Audience::Editors, 1), (Audience::Platforms, 1), (Audience::Users, 2)]);
    let project = ground.row().await.number;
    let kept = ground.engine.catalog.published_notes(project, build.release, Audience::Users, None, 10).await.unwrap();
    let texts: Vec<(i64, bool, &str)> =
        kept.items.iter().map(|row| (row.revision, row.is_edited, row.message.as_str())).collect();
    assert_eq!(texts, [(2, true, "with my words"), (1, false, "for Monday")]);
    assert!(kept.items[1].text.contains("The logo is sharper."));
    let stale = PublishDraft { expected: Some(1), ..all("") };
    let stale = publish_notes(&ground.engine, &ground.caller(), &ground.name, build.release, stale).await.unwrap_err();
    assert_eq!(stale.present_revision(), Some(2));
    let nobody = PublishDraft::default();
    let nobody = publish_notes(&ground.engine, &ground.caller(), &ground.name, build.release, nobody).await;
    assert_eq!(nobody.unwrap_err().kind(), FailureKind::Invalid);
    let trail = ground.engine.catalog.audit_entries(Some("site"), None, 10).await.unwrap().items;
    let entry = trail.iter().find(|entry| entry.action == "release.notes_published").unwrap();
    assert_eq!(entry.details, r#"{"audiences":["users"],"revision":2,"title":"a release"}"#);
}

async fn an_environment_tells_of_what_stayed_between_two_instants(ground: &Ground) {
    let clock = ground.engine.clock.clone();
    let mut instants = vec![clock.now()];
    for (path, impact) in [("a", "One."), ("b", "Two."), ("c", "Three.")] {
        ground.put(path, path).await;
        let item = authorised_item(ground, said(path, impact), path).await;
        let build = planned(ground, &[item], vec![]).await;
        clock.jump_ms(1_000);
        ground.promote("production", build).await;
        clock.jump_ms(1_000);
        instants.push(clock.now());
    }
    ground.roll_back("production").await;
    clock.jump_ms(1_000);
    instants.push(clock.now());
    let told = async |from: usize, to: usize, audience| {
        let span = (instants[from], instants[to]);
        let (engine, caller, name) = (&ground.engine, ground.caller(), of("production"));
        let notes = environment_notes(engine, &caller, &ground.name, &name, span, audience).await;
        notes.map(|notes| notes.markdown)
    };
    let lines = |text: &str| text.lines().filter(|line| line.starts_with("- ")).map(str::to_owned).collect::<Vec<_>>();

    assert_eq!(lines(&told(0, 3, Audience::Users).await.unwrap()), ["- One.", "- Two.", "- Three."]);
    assert_eq!(lines(&told(1, 3, Audience::Users).await.unwrap()), ["- Two.", "- Three."]);
    assert_eq!(lines(&told(1, 4, Audience::Users).await.unwrap()), ["- Two."], "the third was taken back");
    let platforms = told(1, 4, Audience::Platforms).await.unwrap();
    has_lines(
        &platforms,
        &["R-2.1 compared with R-1.1: 1 added", "Releases: R-2.", "Taken back: R-3.", "| added | b |"],
    );
    assert!(!platforms.contains("| added | c |"));
    has_lines(&told(3, 4, Audience::Editors).await.unwrap(), &["1 removed", "Taken back: R-3."]);
    assert_eq!(told(3, 1, Audience::Users).await.unwrap_err().kind(), FailureKind::Invalid);
    let nowhere = (instants[0], instants[1]);
    let (engine, caller, name) = (&ground.engine, ground.caller(), &ground.name);
    let nowhere = environment_notes(engine, &caller, name, &of("nowhere"), nowhere, Audience::Users).await;
    assert_eq!(nowhere.unwrap_err().kind(), FailureKind::NotFound);
}

async fn a_template_decides_what_notes_say(ground: &Ground) {
    let build = release(ground).await;
    let mut template = NotesTemplate::default();
    template.users.heading = "Neu".into();
    template.users.introduction = "<b>Hello</b>".into();
    template.users.sections[0].heading = "Was Sie merken".into();
    template.platforms.sections.retain(|section| section.section == SectionKind::Parameters);
    let set = async |template: &NotesTemplate, expected| {
        set_notes_template(&ground.engine, &ground.caller(), &ground.name, (template.clone(), "in German"), expected)
            .await
    };

    assert_eq!(set(&template, Some(0)).await.unwrap().revision, 1);

    let users = generated(ground, build.release, Audience::Users).await;
    assert_eq!(users, "# Neu: a release\n\n\\<b\\>Hello\\</b\\>\n\n## Was Sie merken\n\n- The logo is sharper.\n");
    let platforms = generated(ground, build.release, Audience::Platforms).await;
    assert!(platforms.contains("theme") && !platforms.contains("logo.svg"), "{platforms}");
    assert_eq!(set(&template, None).await.unwrap().revision, 1, "the same template adds nothing");
    assert_eq!(set(&NotesTemplate::default(), Some(7)).await.unwrap_err().kind(), FailureKind::Stale);
    template.users.sections.clear();
    assert_eq!(set(&template, None).await.unwrap_err().kind(), FailureKind::Invalid);
    assert_eq!(set(&NotesTemplate::default(), Some(1)).await.unwrap().revision, 2);
    let project = ground.row().await.number;
    let kept = ground.engine.catalog.notes_templates(project, None, 1).await.unwrap();
    assert_eq!((kept.items[0].revision, kept.next.is_some()), (2, true));
}

async fn who_may_do_what_with_notes(ground: &Ground) {
    let build = release(ground).await;
    let roles = [Role::Viewer, Role::Editor, Role::ReleaseManager, Role::Administrator];
    for (rank, role) in roles.into_iter().enumerate() {
        let site = asked_by(ground, "eve", role);
        notes(&site, build.release, Audience::Users).await;
        let edited = edit(&site, build.release, &format!("by {rank}"), None).await;
        assert_eq!(edited.is_ok(), rank >= 1, "{role:?}: {edited:?}");
        let published = publish_notes(&site.engine, &site.caller(), &site.name, build.release, all("")).await;
        assert_eq!(published.is_ok(), rank >= 2, "{role:?}: {published:?}");
        let template = (NotesTemplate::default(), "");
        let set = set_notes_template(&site.engine, &site.caller(), &site.name, template, None).await;
        assert_eq!(set.is_ok(), rank >= 3, "{role:?}: {set:?}");
    }
}
