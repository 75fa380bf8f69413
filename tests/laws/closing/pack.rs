//! Evidence packs: they hold what there is, show nothing of others, and every change of one is found.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _, Write as _};

use serde_json::Value;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use shelfmark_domain::access::Role;
use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::hash::ContentId;
use shelfmark_domain::name::{BuildName, ReleaseNumber};
use shelfmark_domain::work_item::TestOutcome;
use shelfmark_engine::catalog::WorkItemSaid;
use shelfmark_engine::limits::Limits;
use shelfmark_engine::operations::closing::{BrokenPack, export_pack, verify_pack};
use shelfmark_engine::operations::work::{EvidenceDraft, VersionRef, comment, file_evidence};
use shelfmark_engine::operations::{AddedChange as Add, Caller};

use super::{asked_by, authorised_item, close, lesson, planned, released, titled_item};
use crate::laws::ground::chance::Chance;
use crate::laws::ground::site::{Site, of};
use crate::laws::ground::{Ground, limits};

laws![
    a_pack_holds_what_there_is_and_is_checked_without_the_service,
    the_same_state_gives_the_same_bytes_but_for_the_moment,
    every_change_of_a_byte_is_found,
    a_changed_audit_entry_is_found_even_under_a_new_seal,
    nothing_of_other_projects_is_in_a_pack,
    files_of_evidence_that_are_too_large_are_named_only,
    who_may_read_the_project_may_export,
];

type Files = BTreeMap<String, Vec<u8>>;

async fn exported_by(site: &Site, caller: &Caller, release: ReleaseNumber) -> Vec<u8> {
    let mut pack = export_pack(&site.engine, caller, &site.name, release).await.unwrap();
    let mut bytes = Vec::new();
    pack.file.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len() as u64, pack.bytes);
    assert_eq!(verify_pack(Cursor::new(&bytes)).unwrap().seal, pack.seal);
    bytes
}

async fn exported(site: &Site, release: ReleaseNumber) -> Vec<u8> {
    exported_by(site, &site.caller(), release).await
}

fn files(pack: &[u8]) -> Files {
    let mut zip = ZipArchive::new(Cursor::new(pack)).unwrap();
    let mut files = Files::new();
    for at in 0..zip.len() {
        let mut file = zip.by_index(at).unwrap();
        let path = file.name().unwrap().into_owned();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        assert!(files.insert(path, bytes).is_none());
    }
    files
}

fn packed(files: &Files) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, bytes) in files {
        zip.start_file(path.as_str(), SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Writes index and seal anew, as someone would who wants to hide a change.
fn sealed(files: &mut Files) {
    let mut index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
    for file in index["files"].as_array_mut().unwrap() {
        let bytes = &files[file["path"].as_str().unwrap()];
        file["bytes"] = bytes.len().into();
        file["blake3"] = ContentId::of(bytes).to_string().into();
    }
    let text = format!("{index:#}\n");
    let seal = format!("{}  index.json\n", ContentId::of(text.as_bytes()));
    files.insert("index.json".into(), text.into());
    files.insert("index.json.b3".into(), seal.into());
}

fn check(files: &Files) -> Result<u64, BrokenPack> {
    verify_pack(Cursor::new(packed(files))).map(|check| check.entries)
}

fn lines(files: &Files, path: &str) -> Vec<Value> {
    let text = std::str::from_utf8(&files[path]).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A release that has been through everything; another project works in between.
async fn lived(ground: &Ground) -> BuildName {
    let other = ground.another_project("secret").await;
    ground.put("img/logo.svg", "<svg/>").await;
    ground.put("shots/logo.png", "a picture of the logo").await;
    other.put("hidden/plan.txt", "hidden words").await;
    let said = WorkItemSaid { impact: "The logo is sharper.".into(), ..titled_item("a logo") };
    let item = authorised_item(ground, said, "img/logo.svg").await;
    let (engine, caller) = (&ground.engine, ground.caller());
    comment(engine, &caller, &ground.name, item, "this blue?").await.unwrap();
    other.put("hidden/plan.txt", "more hidden words").await;
    let build = planned(ground, &[item], vec![]).await;
    let draft = EvidenceDraft {
        test_case: "looks right".into(),
        expected: "blue".into(),
        actual: "blue".into(),
        outcome: TestOutcome::Pass,
        build: Some(build),
        files: vec![VersionRef::At { path: of("shots/logo.png"), version: Some(1) }],
    };
    file_evidence(engine, &caller, &ground.name, item, draft).await.unwrap();
    released(ground, build).await;
    other.put("hidden/later.txt", "later hidden words").await;
    close(ground, build.release, "went well", vec![lesson("Seen it?", "production", &[])]).await.unwrap();
    other.put("hidden/last.txt", "last hidden words").await;
    build
}

async fn a_pack_holds_what_there_is_and_is_checked_without_the_service(ground: &Ground) {
    let build = lived(ground).await;
    let (head, _) = ground.engine.catalog.audit_head().await.unwrap();

    let pack = exported(ground, build.release).await;

    let checked = verify_pack(Cursor::new(&pack)).unwrap();
    assert_eq!((checked.project.as_str(), checked.release, checked.head_sequence), ("site", build.release, head));
    let files = files(&pack);
    let release: Value = serde_json::from_slice(&files["release.json"]).unwrap();
    assert_eq!((&release["state"], &release["closing"]["review"]), (&"closed".into(), &"went well".into()));
    assert_eq!(release["lessons"][0]["text"], "Seen it?");
    assert_eq!(lines(&files, "changes.ndjson")[0]["key"], "img/logo.svg");
    assert_eq!(lines(&files, "builds.ndjson")[0]["deployed"], true);
    assert_eq!(lines(&files, &format!("manifests/{build}.ndjson"))[0]["key"], "img/logo.svg");
    assert_eq!(lines(&files, "items.ndjson")[0]["status"], "closed");
    assert_eq!(lines(&files, "comments.ndjson")[0]["text"], "this blue?");
    assert_eq!(lines(&files, "authorisations.ndjson")[0]["item"], "W-1");
    let test = &lines(&files, "evidence.ndjson")[0];
    let shot = files[&format!("evidence/{}", test["files"][0]["content"].as_str().unwrap())].clone();
    assert_eq!((test["outcome"].as_str(), shot.as_slice()), (Some("pass"), &b"a picture of the logo"[..]));
    let deployed: Vec<Value> =
        lines(&files, "deployments.ndjson").into_iter().map(|row| row["environment"].clone()).collect();
    assert_eq!(deployed, ["production", "staging"]);
    assert!(lines(&files, "deployments.ndjson")[0]["checks"].is_array());
    assert_eq!(lines(&files, "locks.ndjson")[0]["ended"]["why"], "the release was closed");
    assert!(String::from_utf8_lossy(&files["notes/users.md"]).contains("The logo is sharper."));
    let actions: Vec<Value> = lines(&files, "audit.ndjson").into_iter().map(|line| line["action"].clone()).collect();
    for action in [
        "work_item.created",
        "work_item.commented",
        "work_item.tested",
        "release.created",
        "release.built",
        "release.frozen",
        "environment.promoted",
        "release.closed",
        "checklist.point_added",
    ] {
        assert!(actions.contains(&action.into()), "{action}: {actions:?}");
    }
    let readme = String::from_utf8_lossy(&files["README.md"]).into_owned();
    for path in files.keys().filter(|path| !matches!(path.as_str(), "README.md" | "index.json" | "index.json.b3")) {
        let row = readme.lines().find(|line| line.starts_with(&format!("| {path} |"))).expect("it is in the contents");
        assert!(row.len() > path.len() + 20, "{row}");
    }
}

async fn the_same_state_gives_the_same_bytes_but_for_the_moment(ground: &Ground) {
    let build = lived(ground).await;
    let caller = ground.caller();
    let once = exported_by(ground, &caller, build.release).await;
    assert!(exported_by(ground, &caller, build.release).await == once);

    ground.engine.clock.jump_ms(5_000);
    let later = files(&exported(ground, build.release).await);

    let differing: Vec<&String> =
        later.iter().filter(|(path, bytes)| files(&once)[*path] != **bytes).map(|one| one.0).collect();
    assert_eq!(differing, ["index.json", "index.json.b3"]);
}

async fn every_change_of_a_byte_is_found(ground: &Ground) {
    const CHANGES: usize = 300;
    let build = lived(ground).await;
    let pack = exported(ground, build.release).await;
    let whole = files(&pack);
    assert!(check(&whole).is_ok());
    let mut chance = Chance::new();
    let paths: Vec<&String> = whole.keys().filter(|path| !whole[*path].is_empty()).collect();
    for round in 0..CHANGES {
        // Each file is changed at least once.
        let path = paths.get(round).unwrap_or_else(|| chance.one_of(&paths));
        let mut changed = whole.clone();
        let bytes = changed.get_mut(*path).unwrap();
        let at = chance.below(bytes.len());
        bytes[at] ^= 1 << chance.below(8);
        assert!(check(&changed).is_err(), "{path} at {at}");
    }
    for path in whole.keys() {
        let mut without = whole.clone();
        without.remove(path);
        assert!(check(&without).is_err(), "{path} is missing");
    }
    let mut more = whole.clone();
    more.insert("extra.txt".into(), b"x".to_vec());
    assert!(matches!(check(&more), Err(BrokenPack::Unlisted(path)) if path == "extra.txt"));
    // A change of the archive around the files is found, or changes none of them.
    for _ in 0..CHANGES {
        let mut bytes = pack.clone();
        let at = chance.below(bytes.len());
        bytes[at] ^= 1 << chance.below(8);
        if let Ok(check) = verify_pack(Cursor::new(&bytes)) {
            assert_eq!(check, verify_pack(Cursor::new(&pack)).unwrap(), "at {at}");
        }
    }
}

async fn a_changed_audit_entry_is_found_even_under_a_new_seal(ground: &Ground) {
    let build = lived(ground).await;
    let whole = files(&exported(ground, build.release).await);
    let mut resealed = whole.clone();
    sealed(&mut resealed);
    assert!(check(&resealed).is_ok(), "a new seal alone changes nothing");
    let mut chance = Chance::new();
    for _ in 0..200 {
        let mut changed = whole.clone();
        let bytes = changed.get_mut("audit.ndjson").unwrap();
        let at = chance.below(bytes.len());
        bytes[at] ^= 1 << chance.below(8);
        sealed(&mut changed);
        assert!(check(&changed).is_err(), "at {at}");
    }
    let text = String::from_utf8(whole["audit.ndjson"].clone()).unwrap();
    for at in 0..text.lines().count() {
        let kept: Vec<&str> = text.lines().enumerate().filter(|(line, _)| *line != at).map(|(_, line)| line).collect();
        let mut changed = whole.clone();
        changed.insert("audit.ndjson".into(), (kept.join("\n") + "\n").into_bytes());
        sealed(&mut changed);
        assert!(matches!(check(&changed), Err(BrokenPack::Chain(_))), "without line {at}");
    }
}

async fn nothing_of_other_projects_is_in_a_pack(ground: &Ground) {
    let build = lived(ground).await;
    let files = files(&exported(ground, build.release).await);
    for (path, bytes) in &files {
        let text = String::from_utf8_lossy(bytes);
        for word in ["hidden", "secret", "plan.txt"] {
            assert!(!text.contains(word), "{path} has {word}");
        }
    }
    let audit = lines(&files, "audit.ndjson");
    let (gaps, entries): (Vec<&Value>, Vec<&Value>) = audit.iter().partition(|line| line.get("from").is_some());
    assert!(gaps.len() > 2);
    assert!(gaps.iter().all(|gap| gap.as_object().unwrap().keys().eq(["from", "hash", "until"])));
    assert!(entries.iter().all(|entry| entry["project"] == "site"));
}

async fn files_of_evidence_that_are_too_large_are_named_only(ground: &Ground) {
    let build = lived(ground).await;
    let site = ground.with_limits(Limits { evidence_bytes_max: 10, ..limits() }).await;
    let files = files(&exported(&site, build.release).await);
    assert!(!files.keys().any(|path| path.starts_with("evidence/")));
    let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
    let content = ContentId::of(b"a picture of the logo").to_string();
    assert_eq!(index["left_out"], serde_json::json!([{ "content": content, "bytes": 21 }]));
    assert!(String::from_utf8_lossy(&files["README.md"]).contains("1 files of test evidence with 21 bytes"));
}

async fn who_may_read_the_project_may_export(ground: &Ground) {
    ground.put("a", "1").await;
    let build = planned(ground, &[], vec![Add::Latest]).await;
    let viewer = asked_by(ground, "eve", Role::Viewer);
    exported(&viewer, build.release).await;
    let stranger = asked_by(&ground.another_project("other").await, "eve", Role::Viewer);
    let refused = export_pack(&stranger.engine, &stranger.caller(), &ground.name, build.release).await;
    assert_eq!(refused.unwrap_err().kind(), FailureKind::NotFound);
    let none = export_pack(&ground.engine, &ground.caller(), &ground.name, of("R-9")).await;
    assert_eq!(none.unwrap_err().kind(), FailureKind::NotFound);
}
