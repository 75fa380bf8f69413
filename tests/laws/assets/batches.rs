//! Batches: many files in one step, all or nothing.

use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::hash::ContentId;
use shelfmark_domain::path::InvalidPath;
use shelfmark_engine::operations::{BatchError, Move, Summary, TarError, move_assets};
use tar::EntryType;

use super::tars::{Tar, tar_of};
use crate::laws::ground::Ground;
use crate::laws::ground::chance::{Chance, noise, text};
use crate::laws::ground::site::{Site, at_once, of};

laws![
    a_batch_makes_changes_keeps_and_removes_as_it_says,
    a_batch_of_many_small_files_is_one_write,
    a_batch_with_a_bad_last_entry_leaves_nothing,
    an_archive_that_is_cut_short_anywhere_is_refused,
    a_content_that_the_project_lacks_is_not_known,
    a_file_in_an_archive_may_be_large,
    batches_say_from_which_revision_they_led_to_which,
    paths_that_differ_only_in_case_are_named,
    an_archive_that_git_makes_is_a_batch,
    long_names_of_either_kind_are_read,
    records_that_would_fill_the_memory_are_refused,
    batches_at_once_are_as_if_one_came_after_the_other,
];

async fn a_batch_makes_changes_keeps_and_removes_as_it_says(ground: &Ground) {
    ground.put("kept", "kept").await;
    ground.put("changed", "old").await;
    ground.put("removed", "gone").await;
    let before = ground.row().await.asset_revision;
    let known = ContentId::of(b"kept").to_string();
    let tar = Tar::new()
        .entry(EntryType::Directory, "folder/", &[], b"")
        .file("./new", "new")
        .file("kept", "kept")
        .file("changed", "changed")
        .records("removed", &[("SHELFMARK.remove", "1")])
        .records("never/was", &[("SHELFMARK.remove", "1")])
        .records("copy", &[("SHELFMARK.known", "1"), ("SHELFMARK.content", &known)])
        .entry(EntryType::Regular, "said", &[("SHELFMARK.metadata", r#"{"title":"Said"}"#)], "said")
        .finish();

    let receipt = ground.batch(tar).await.unwrap();

    let Summary { created, changed, unchanged, removed, absent, previous_asset_revision, asset_revision } =
        receipt.summary;
    assert_eq!((created, changed, unchanged, removed, absent), (3, 1, 1, 1, 1));
    assert_eq!(previous_asset_revision, before);
    assert_eq!((receipt.files, receipt.bytes), (5, 3 + 4 + 7 + 4 + 4));
    assert_eq!(ground.row().await.asset_revision, asset_revision);
    assert_eq!(ground.paths().await, ["changed", "copy", "kept", "new", "said"]);
    assert_eq!((ground.bytes("copy").await, ground.bytes("changed").await), (b"kept".into(), b"changed".into()));
    assert_eq!(ground.asset("said").await.unwrap().latest.metadata.title.as_deref(), Some("Said"));
    assert_eq!(ground.versions("kept").await.len(), 1);
}

async fn a_batch_of_many_small_files_is_one_write(ground: &Ground) {
    let files: Vec<(String, _)> = (0..700).map(|n| (format!("{n:03}.svg"), text(n / 2, 900))).collect();
    let tar = tar_of(files.iter().map(|(path, bytes)| (path.as_str(), &bytes[..])));
    let before = ground.engine.store.counters().puts;

    ground.batch(tar.clone()).await.unwrap();

    assert_eq!(ground.engine.store.counters().puts - before, 1);
    for (path, bytes) in files.iter().step_by(50) {
        assert!(ground.bytes(path).await == *bytes, "{path}");
    }
    let (revision, written) = (ground.row().await.asset_revision, ground.engine.store.counters().puts);
    let again = ground.batch(tar).await.unwrap();
    assert_eq!((again.summary.unchanged, again.summary.asset_revision), (700, revision));
    assert_eq!(ground.engine.store.counters().puts, written, "nothing is written for what is there");
    // What comes later is stored with the dictionary that the batch has brought.
    ground.put("late.svg", text(1, 901)).await;
    assert!(ground.another().await.bytes("late.svg").await == text(1, 901));
}

/// Whether an error tells what is wrong with an archive.
type IsReason = fn(&TarError) -> bool;

/// Archives whose last entry is wrong.
fn bad_archives() -> Vec<(Vec<u8>, IsReason)> {
    let good = || Tar::new().file("good", noise(1, 400_000)).file("also", "good");
    let with = |kind, path: &[u8]| good().entry(kind, path, &[], b"").finish();
    let record = |records: &[(&str, &str)]| good().entry(EntryType::Regular, "bad", records, "bytes").finish();
    let other = ContentId::of(b"other").to_string();
    let not_a_file = |error: &TarError| matches!(error, TarError::NotAFile { .. });
    let is_record = |error: &TarError| matches!(error, TarError::Record { .. });
    vec![
        (with(EntryType::Symlink, b"bad"), not_a_file),
        (with(EntryType::Link, b"bad"), not_a_file),
        (with(EntryType::Char, b"bad"), not_a_file),
        (with(EntryType::Block, b"bad"), not_a_file),
        (with(EntryType::Fifo, b"bad"), not_a_file),
        (with(EntryType::GNUSparse, b"bad"), |e| matches!(e, TarError::NotAFile { .. } | TarError::Broken(_))),
        (with(EntryType::new(b'Z'), b"bad"), not_a_file),
        (with(EntryType::Regular, b"/etc/passwd"), |e| matches!(e, TarError::Absolute(_))),
        (with(EntryType::Regular, b"a/../b"), |e| matches!(e, TarError::Path(InvalidPath::DotSegment(_)))),
        (with(EntryType::Regular, b"a//b"), |e| matches!(e, TarError::Path(InvalidPath::EmptySegment(_)))),
        (with(EntryType::Regular, b"a\\b"), |e| matches!(e, TarError::Path(InvalidPath::Backslash(_)))),
        (with(EntryType::Regular, b"a\nb"), |e| matches!(e, TarError::Path(InvalidPath::Control(_)))),
        (with(EntryType::Regular, b"-/manifest.json"), |e| matches!(e, TarError::Path(InvalidPath::Reserved(_)))),
        (with(EntryType::Regular, "cafe\u{301}".as_bytes()), |e| {
            matches!(e, TarError::Path(InvalidPath::NotNormal(..)))
        }),
        (with(EntryType::Regular, b"caf\xe9"), |e| matches!(e, TarError::NotUtf8(_))),
        (with(EntryType::Regular, b"good"), |e| matches!(e, TarError::Twice(_))),
        (with(EntryType::Regular, b"./good"), |e| matches!(e, TarError::Twice(_))),
        (record(&[("SHELFMARK.content", &other)]), |e| matches!(e, TarError::WrongContent { .. })),
        (record(&[("SHELFMARK.content", "abc")]), is_record),
        (record(&[("SHELFMARK.metadata", "{\"titel\":1}")]), is_record),
        (record(&[("SHELFMARK.remove", "1")]), is_record),
        (record(&[("SHELFMARK.known", "1"), ("SHELFMARK.content", &other)]), is_record),
        (good().records("bad", &[("SHELFMARK.known", "1")]).finish(), is_record),
        (Tar::new().finish(), |e| matches!(e, TarError::Empty)),
        (noise(7, 4_096).to_vec(), |e| matches!(e, TarError::Broken(_))),
        (b"not an archive".to_vec(), |e| matches!(e, TarError::Broken(_) | TarError::CutShort)),
        (Vec::new(), |e| matches!(e, TarError::CutShort)),
    ]
}

/// What a refused batch must not have touched.
async fn state(site: &Site) -> (i64, Vec<String>, u64, i64) {
    let head = site.engine.catalog.audit_head().await.unwrap().0;
    (site.row().await.asset_revision, site.paths().await, site.statistics().await.versions, head)
}

async fn a_batch_with_a_bad_last_entry_leaves_nothing(ground: &Ground) {
    ground.put("there", "before").await;
    let before = state(ground).await;
    for (at, (tar, is_reason)) in bad_archives().into_iter().enumerate() {
        match ground.batch(tar).await {
            Err(BatchError::Tar(error)) => {
                assert!(is_reason(&error), "archive {at}: {error:?}");
                assert_eq!(error.kind(), FailureKind::Invalid);
            }
            other => panic!("archive {at}: {other:?}"),
        }
        assert_eq!(state(ground).await, before, "archive {at}");
    }
}

async fn an_archive_that_is_cut_short_anywhere_is_refused(ground: &Ground) {
    let known = ContentId::of(b"there").to_string();
    ground.put("there", "there").await;
    let tar = Tar::new()
        .file("a", noise(1, 700))
        .entry(EntryType::Directory, "b/", &[], b"")
        .records("b/c", &[("SHELFMARK.known", "1"), ("SHELFMARK.content", &known)])
        .records("there", &[("SHELFMARK.remove", "1")])
        .file("d", "")
        .entry(EntryType::Regular, "e", &[("SHELFMARK.metadata", "{}")], noise(2, 512))
        .finish();
    let before = state(ground).await;
    let blocks = (0..tar.len()).step_by(512);
    let ends = blocks.flat_map(|block| [block, block + 1, block + 200, block + 511]);
    for end in ends.filter(|end| *end < tar.len()) {
        let error = ground.batch(tar[..end].to_vec()).await.expect_err(&format!("cut after {end} bytes"));
        let is_cut = matches!(error, BatchError::Tar(TarError::CutShort | TarError::Broken(_)));
        assert!(is_cut, "cut after {end} bytes: {error:?}");
    }
    assert_eq!(state(ground).await, before);
    ground.batch(tar).await.unwrap();
}

async fn a_content_that_the_project_lacks_is_not_known(ground: &Ground) {
    let foreign = ground.another_project("other").await;
    foreign.put("secret", "secret").await;
    let before = state(ground).await;
    for bytes in [&b"secret"[..], b"nobody has this"] {
        let id = ContentId::of(bytes);
        let records = [("SHELFMARK.known", "1"), ("SHELFMARK.content", &id.to_string())];
        let error = ground.batch(Tar::new().file("a", "x").records("b", &records).finish()).await.unwrap_err();
        assert!(matches!(&error, BatchError::NotKnown { content, .. } if *content == id), "{error:?}");
    }
    assert_eq!(state(ground).await, before);
}

async fn a_file_in_an_archive_may_be_large(ground: &Ground) {
    let large = noise(5, 12_000_000);
    let last = noise(6, 300_000);
    ground.batch(tar_of([("large", &large[..]), ("small", b"small"), ("last", &last)])).await.unwrap();
    assert!(ground.bytes("large").await == large);
    assert!(ground.bytes("last").await == last && ground.bytes("small").await == b"small");
}

async fn batches_say_from_which_revision_they_led_to_which(ground: &Ground) {
    let works = (0..12).map(|n| {
        let site = ground.site.clone();
        let path = format!("{}", n % 3);
        async move { site.batch(Tar::new().file(&path, "the same").finish()).await.unwrap().summary }
    });

    let mut steps = at_once(works).await;

    steps.sort_by_key(|step| (step.previous_asset_revision, step.asset_revision));
    let mut at = 0;
    for step in &steps {
        assert_eq!(step.previous_asset_revision, at, "{steps:?}");
        assert_eq!(step.asset_revision == at, step.created == 0, "{step:?}");
        at = step.asset_revision;
    }
    assert_eq!(ground.row().await.asset_revision, at);
}

/// Which paths a batch of these files finds alike.
async fn alike(site: &Site, paths: &[&str]) -> Vec<[String; 2]> {
    let tar = paths.iter().fold(Tar::new(), |tar, path| tar.file(path, "x"));
    site.batch(tar.finish()).await.unwrap().case_collisions
}

async fn paths_that_differ_only_in_case_are_named(ground: &Ground) {
    let pairs = |pairs: &[[&str; 2]]| pairs.iter().map(|pair| pair.map(str::to_owned)).collect::<Vec<_>>();
    assert_eq!(alike(ground, &["img/Größe.svg", "img/logo.svg", "ab"]).await, pairs(&[]));
    let found = alike(ground, &["IMG/GRÖßE.SVG", "img/LOGO.svg", "a_"]).await;
    assert_eq!(found, pairs(&[["IMG/GRÖßE.SVG", "img/Größe.svg"], ["img/LOGO.svg", "img/logo.svg"]]));
    assert_eq!(alike(ground, &["img/logo.svg"]).await, pairs(&[["img/LOGO.svg", "img/logo.svg"]]), "and again");
    assert_eq!(alike(ground, &["x", "X"]).await, pairs(&[["X", "x"]]), "within the batch");
    let other = ground.another_project("other").await;
    assert_eq!(alike(&other, &["IMG/logo.svg"]).await, pairs(&[]));

    // Wherever assets go, their lower case goes with them.
    for (from, to) in [("img/", "Ä/İ/"), ("Ä/İ/", "ä/"), ("ä/", "O/img/"), ("O/", "")] {
        let what = Move::Folder { from: of(from), to: of(to) };
        move_assets(&ground.engine, ground.caller(), &ground.name, what, String::new()).await.unwrap();
        let place = if to.is_empty() { "img/" } else { to };
        let (here, new) = (format!("{place}logo.svg"), format!("{place}lOGO.svg"));
        let found = alike(ground, &[&new]).await;
        assert!(found.iter().flatten().any(|path| *path == here), "{new}: {found:?}");
        let gone = Tar::new().records(&new, &[("SHELFMARK.remove", "1")]).finish();
        ground.batch(gone).await.unwrap();
    }
    let renamed = Tar::new().file("img/LoGo.svg", "x").records("img/logo.svg", &[("SHELFMARK.remove", "1")]);
    let renamed = ground.batch(renamed.records("img/LOGO.svg", &[("SHELFMARK.remove", "1")]).finish()).await.unwrap();
    assert_eq!(renamed.case_collisions, pairs(&[]), "what goes in the same batch is in nobody's way");
}

/// Runs git in a folder, apart from whatever its user has set.
fn git(folder: &std::path::Path, arguments: &[&str]) -> Option<Vec<u8>> {
    let mut git = std::process::Command::new("git");
    git.current_dir(folder).args(["-c", "user.name=x", "-c", "user.email=x@x.x", "-c", "core.autocrlf=false"]);
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").env_remove("GIT_DIR");
    let done = git.args(arguments).output().ok()?;
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Some(done.stdout)
}

async fn an_archive_that_git_makes_is_a_batch(ground: &Ground) {
    let folder = tempfile::tempdir().unwrap();
    let deep = format!("{}/{}", "deep/".repeat(20), "n".repeat(120));
    let paths = ["a.txt".to_owned(), "größe/ü.svg".to_owned(), deep.replace("//", "/")];
    for path in &paths {
        let file = folder.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, format!("bytes of {path}")).unwrap();
    }
    if git(folder.path(), &["init", "-q"]).is_none() {
        return; // there is no git here
    }
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "-q", "-m", "x"]);
    let tar = git(folder.path(), &["archive", "--format=tar", "HEAD"]).unwrap();
    assert_eq!(tar[156], b'g', "it begins with global records");

    assert_eq!(ground.batch(tar).await.unwrap().files, 3);

    for path in &paths {
        assert_eq!(ground.bytes(path).await, format!("bytes of {path}").into_bytes());
    }
}

async fn long_names_of_either_kind_are_read(ground: &Ground) {
    let (gnu, pax) = (format!("gnu/{}", "é".repeat(200)), format!("pax/{}", "é".repeat(200)));
    let global = b"52 comment=f4666bf0f4666bf0f4666bf0f4666bf0f4666bf0\n";
    let tar = Tar::new()
        .entry(EntryType::XGlobalHeader, "pax_global_header", &[], global)
        .gnu_file(&gnu, "by GNU")
        .entry(EntryType::Regular, "short", &[("path", &pax)], "by PAX")
        .file("plain", "plain")
        .finish();

    assert_eq!(ground.batch(tar).await.unwrap().files, 3);

    assert_eq!((ground.bytes(&gnu).await, ground.bytes(&pax).await), (b"by GNU".into(), b"by PAX".into()));
    for key in ["path", "size", "SHELFMARK.remove"] {
        let record = format!(" {key}=1\n");
        let record = format!("{}{record}", record.len() + 2);
        let tar = Tar::new().entry(EntryType::XGlobalHeader, "g", &[], record).file("x", "x").finish();
        let error = ground.batch(tar).await.unwrap_err();
        assert!(matches!(&error, BatchError::Tar(TarError::Global(name)) if name == key), "{error:?}");
    }
}

async fn records_that_would_fill_the_memory_are_refused(ground: &Ground) {
    let before = state(ground).await;
    let much = vec![b'x'; 3 << 20];
    for kind in [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader, EntryType::XGlobalHeader] {
        let tar = Tar::new().file("a", "a").entry(kind, "much", &[], &much).file("b", "b").finish();
        let error = ground.batch(tar).await.unwrap_err();
        assert!(error.to_string().contains("more than 1048576 bytes"), "{error}");
    }
    assert_eq!(state(ground).await, before);
}

async fn batches_at_once_are_as_if_one_came_after_the_other(ground: &Ground) {
    let mut chance = Chance::new();
    // Of five paths a batch leaves some alone, writes some and removes some.
    let mut choices = |_| (0..5).zip([0; 5].map(|_| chance.below(4))).filter(|(_, choice)| *choice > 0);
    let batches = (0..16).map(|n| choices(n).map(|(path, choice)| (path, choice == 1)).collect::<Vec<(usize, bool)>>());
    let batches: Vec<_> = batches.filter(|batch| !batch.is_empty()).collect();
    let works = batches.into_iter().enumerate().map(|(n, batch)| {
        let site = ground.site.clone();
        let tar = batch.iter().fold(Tar::new(), |tar, (path, removes)| match removes {
            true => tar.records(&format!("{path}"), &[("SHELFMARK.remove", "1")]),
            false => tar.file(&format!("{path}"), format!("batch {n}")),
        });
        async move { (n, batch, site.batch(tar.finish()).await.unwrap()) }
    });

    let mut done = at_once(works).await;

    // In the order of their asset revisions they give what is there now.
    done.sort_by_key(|(_, _, receipt)| receipt.summary.asset_revision);
    let mut expected = std::collections::BTreeMap::new();
    for (n, batch, _) in done {
        for (path, removes) in batch {
            match removes {
                true => expected.remove(&path.to_string()),
                false => expected.insert(path.to_string(), format!("batch {n}").into_bytes()),
            };
        }
    }
    assert_eq!(ground.paths().await, expected.keys().cloned().collect::<Vec<_>>());
    for (path, bytes) in expected {
        assert_eq!(ground.bytes(&path).await, bytes, "{path}");
    }
}
