//! Who uses what: at latest, in each environment, as it is found or declared, and what a change would touch.

use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::pin::AssetId;
use shelfmark_engine::catalog::Need;
use shelfmark_engine::operations::references::{
    DeclaredNeed, How, IntendedChange, declare_references, impact, used_by, uses,
};
use shelfmark_engine::operations::{AddedChange as Add, Expect, Move, move_assets, remove};

use super::depending::{lacks, places, told, users};
use crate::laws::ground::Ground;
use crate::laws::ground::site::{Site, of};

laws![of rows:
    an_asset_knows_who_uses_it_at_latest_and_in_each_environment,
    users_come_page_by_page_as_they_do_at_once,
    what_was_declared_counts_like_what_was_found,
    a_declaration_is_made_whole_or_not_at_all,
    a_change_tells_what_it_would_touch,
];

async fn id(site: &Site, path: &str) -> AssetId {
    site.asset(path).await.unwrap().id
}

async fn declare(site: &Site, path: &str, needs: &[(&str, Need)]) -> i64 {
    let needs = needs.iter().map(|(kind, need)| DeclaredNeed { kind: (*kind).into(), need: need.clone() }).collect();
    let asset = id(site, path).await;
    let declared = declare_references(&site.engine, &site.caller(), &site.name, asset, needs, None).await;
    declared.unwrap().revision
}

async fn an_asset_knows_who_uses_it_at_latest_and_in_each_environment(ground: &Ground) {
    ground.put("logo.svg", "<svg/>").await;
    ground.put("old.css", "a { b: url(logo.svg) }").await;
    ground.put("data.json", r#"{ "logo": "logo.svg", "none": "none.svg" }"#).await;
    let first = ground.build_latest().await;
    ground.promote("production", first.name).await;
    ground.put("old.css", "a { b: none }").await;
    ground.put("new.css", "a { b: url('./logo.svg?v=1') }").await;
    let second = ground.build_latest().await;
    ground.promote("staging", second.name).await;

    let all = users(ground, "logo.svg").await;
    let [latest, staging, production] = ["latest", "staging", "production"].map(str::to_owned);
    let expected = [
        ("data.json".to_owned(), vec![latest.clone(), staging.clone(), production.clone()]),
        ("new.css".to_owned(), vec![latest.clone(), staging.clone()]),
        ("old.css".to_owned(), vec![production.clone()]),
    ];
    assert_eq!(places(&all), expected);
    let versions: Vec<Vec<i64>> = all.iter().map(|user| user.versions.iter().copied().collect()).collect();
    assert_eq!(versions, [[1], [1], [1]], "the second version of old.css uses it no more");
    assert_eq!(all[1].uses[0].reference, "./logo.svg?v=1");
    assert!(all[0].uses[0].is_possible && !all[1].uses[0].is_possible);

    // What has moved is still used where it is served under its old path.
    let moved = Move::Asset { from: of("logo.svg"), to: of("brand/logo.svg") };
    move_assets(&ground.engine, ground.caller(), &ground.name, moved, String::new()).await.unwrap();
    ground.put("brand/page.css", "a { b: url(logo.svg) }").await;
    let expected = [
        ("brand/page.css".to_owned(), vec![latest]),
        ("data.json".to_owned(), vec![staging.clone(), production.clone()]),
        ("new.css".to_owned(), vec![staging]),
        ("old.css".to_owned(), vec![production]),
    ];
    assert_eq!(places(&users(ground, "brand/logo.svg").await), expected);

    // And what it uses follows the version that is asked about.
    let (project, css) = (ground.row().await, ground.asset("old.css").await.unwrap());
    let of_version = async |number: i64| {
        let version = ground.engine.catalog.version(css.id, number).await.unwrap().unwrap();
        uses(&ground.engine, &project, &css, &version, None, 10).await.unwrap().items
    };
    assert!(of_version(2).await.is_empty());
    let used = of_version(1).await;
    assert_eq!((used.len(), &*used[0].path, used[0].asset, used[0].environments.len()), (1, "logo.svg", None, 2));
    let json = ground.asset("data.json").await.unwrap();
    let used = uses(&ground.engine, &project, &json, &json.latest, None, 10).await.unwrap().items;
    assert_eq!(used.iter().map(|one| &*one.path).collect::<Vec<_>>(), ["logo.svg"], "what leads nowhere is no use");
}

async fn users_come_page_by_page_as_they_do_at_once(ground: &Ground) {
    ground.put("a.svg", "<svg/>").await;
    ground.put("b.psd", "layers").await;
    for n in 0..7 {
        ground.put(&format!("{n}.css"), format!("/* {n} */ a {{ b: url(a.svg) }}")).await;
        ground.put(&format!("{n}.psd"), format!("{n}")).await;
        declare(ground, &format!("{n}.psd"), &[("x", Need::Path("a.svg".into())), ("y", Need::Path("a.svg".into()))])
            .await;
    }
    ground.put("3.css", "changed").await;
    let whole = users(ground, "a.svg").await;
    assert_eq!(whole.len(), 13);
    let (project, asset) = (ground.row().await, Some(id(ground, "a.svg").await));
    for limit in [1, 2, 5, 13, 14] {
        let (mut paged, mut after) = (Vec::new(), String::new());
        loop {
            let page = used_by(&ground.engine, &project, "a.svg", asset, &after, limit).await.unwrap().users;
            assert!(page.items.len() <= limit as usize);
            paged.extend(page.items);
            match page.next {
                Some(next) => after = next.key().to_owned(),
                None => break,
            }
        }
        assert_eq!(paged, whole, "{limit}");
    }
}

async fn what_was_declared_counts_like_what_was_found(ground: &Ground) {
    for path in ["poster.psd", "font.ttf", "photo.jpg"] {
        ground.put(path, path).await;
    }
    let font = id(ground, "font.ttf").await;
    let needs = [("font", Need::Asset(font)), ("photo", Need::Path("photo.jpg".into()))];
    assert_eq!(declare(ground, "poster.psd", &needs).await, 1);
    assert_eq!(declare(ground, "poster.psd", &needs).await, 1, "the same again is no change");
    let alone = ground.build_of(vec![Add::Asset { path: of("poster.psd"), version: None }]).await;

    let missing = lacks(ground, alone.manifest, None).await;
    assert_eq!(told(&missing), [("poster.psd", "font", "font.ttf"), ("poster.psd", "photo", "photo.jpg")]);
    assert!(missing.iter().all(|one| one.how == How::Declared));
    assert_eq!(missing[0].asset, Some(font));
    let expected = [("poster.psd".to_owned(), vec!["latest".to_owned()])];
    assert_eq!(places(&users(ground, "font.ttf").await), expected);

    // An asset is needed wherever it is, and a path whatever is there.
    let whole = ground.build_latest().await;
    assert_eq!(lacks(ground, whole.manifest, None).await, []);
    for (from, to) in [("font.ttf", "fonts/f.ttf"), ("photo.jpg", "photos/p.jpg")] {
        let what = Move::Asset { from: of(from), to: of(to) };
        move_assets(&ground.engine, ground.caller(), &ground.name, what, String::new()).await.unwrap();
    }
    ground.promote("production", whole.name).await;
    let moved = ground.build_latest().await;
    let missing = lacks(ground, moved.manifest, Some(whole.manifest)).await;
    assert_eq!(told(&missing), [("poster.psd", "photo", "photo.jpg")]);
    assert_eq!(lacks(ground, moved.manifest, None).await, missing);
    let expected = [("poster.psd".to_owned(), vec!["latest".to_owned(), "production".to_owned()])];
    assert_eq!(places(&users(ground, "fonts/f.ttf").await), expected);
}

async fn a_declaration_is_made_whole_or_not_at_all(ground: &Ground) {
    ground.put("a", "a").await;
    ground.put("b", "b").await;
    let foreign = ground.another_project("other").await;
    foreign.put("c", "c").await;
    let (a, c) = (id(ground, "a").await, id(&foreign, "c").await);
    let path = |path: &str| Need::Path(path.to_owned());
    let attempt = async |kind: &str, need: Need, expected: Option<i64>| {
        let needs = vec![DeclaredNeed { kind: "x".into(), need: path("b") }, DeclaredNeed { kind: kind.into(), need }];
        declare_references(&ground.engine, &ground.caller(), &ground.name, a, needs, expected).await
    };
    for (kind, need, expected, refused) in [
        ("x", Need::Asset(c), None, FailureKind::NotFound),
        ("x", Need::Asset(a), None, FailureKind::Invalid),
        ("x", path("a"), None, FailureKind::Invalid),
        (" ", path("b"), None, FailureKind::Invalid),
        ("y\0", path("b"), None, FailureKind::Invalid),
        ("y", path("b"), Some(1), FailureKind::Stale),
    ] {
        let before = ground.engine.catalog.audit_head().await.unwrap();
        assert_eq!(attempt(kind, need.clone(), expected).await.unwrap_err().kind(), refused, "{kind:?} {need:?}");
        assert_eq!(ground.engine.catalog.audit_head().await.unwrap(), before);
    }
    assert_eq!(ground.engine.catalog.declaration(a).await.unwrap().revision, 0);
    let made = attempt("y", path("b"), Some(0)).await.unwrap();
    assert_eq!((made.revision, made.needs.len()), (1, 2));
    assert_eq!(ground.engine.catalog.declaration(a).await.unwrap(), made);
    assert_eq!(declare(ground, "a", &[]).await, 2);
    assert!(ground.engine.catalog.declaration(a).await.unwrap().needs.is_empty());
    let unknown = declare_references(&ground.engine, &ground.caller(), &ground.name, c, Vec::new(), None).await;
    assert_eq!(unknown.unwrap_err().kind(), FailureKind::NotFound);
}

async fn a_change_tells_what_it_would_touch(ground: &Ground) {
    ground.put("img/logo.svg", "<svg><image href='photo.png'/></svg>").await;
    ground.put("img/photo.png", "photo").await;
    ground.put("site.css", "a { b: url(img/logo.svg) }").await;
    let first = ground.build_latest().await;
    ground.promote("production", first.name).await;
    let draft = ground.release(vec![Add::Asset { path: of("site.css"), version: None }]).await;
    let closed = ground.release(vec![Add::RemovePath(of("img/logo.svg"))]).await;
    let project = ground.row().await;
    let of_path =
        async |path: &str, change: IntendedChange| impact(&ground.engine, &project, &of(path), &change, "", 10).await;

    let moving = of_path("img/logo.svg", IntendedChange::Move(Some(of("logo.svg")))).await.unwrap();
    assert_eq!(places(&moving.used_by.users.items), [("site.css".into(), vec!["latest".into(), "production".into()])]);
    assert_eq!(told(&moving.own), [("img/logo.svg", "photo.png", "photo.png")]);
    let environments: Vec<_> = moving.environments.iter().map(|e| (e.name.to_string(), e.build, e.version)).collect();
    assert_eq!(environments, [("production".to_owned(), first.name, 1)]);
    let lines: Vec<_> = moving.releases.iter().map(|line| (line.number, &*line.path, line.version)).collect();
    let removal = (closed, "img/logo.svg", None);
    assert!(lines.contains(&(draft, "site.css", Some(1))) && lines.contains(&removal), "{lines:?}");
    assert!(of_path("img/logo.svg", IntendedChange::Remove).await.unwrap().own.is_empty());
    assert!(of_path("site.css", IntendedChange::Remove).await.unwrap().used_by.users.items.is_empty());
    assert_eq!(of_path("nothing", IntendedChange::Remove).await.unwrap_err().kind(), FailureKind::NotFound);

    // What only an environment still has is touched there.
    remove(&ground.engine, ground.caller(), &ground.name, of("img/logo.svg"), Expect::Anything, String::new())
        .await
        .unwrap();
    let gone = of_path("img/logo.svg", IntendedChange::Remove).await.unwrap();
    assert_eq!((gone.asset, gone.environments.len(), gone.used_by.users.items.len()), (None, 1, 1));
}
