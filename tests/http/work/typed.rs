//! The work register as it is typed.

use serde_json::Value;

use crate::http::command_line::run;
use crate::service::TestService;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_lives_by_command_line() {
    for service in TestService::on_each_database().await {
        let folder = tempfile::tempdir().unwrap();
        let logo = folder.path().join("logo.svg");
        std::fs::write(&logo, "<svg/>").unwrap();
        std::fs::create_dir(folder.path().join("icons")).unwrap();
        std::fs::write(folder.path().join("icons/a.svg"), "<svg>a</svg>").unwrap();
        let (logo, icons) = (logo.to_str().unwrap().to_owned(), folder.path().join("icons"));
        let step = |arguments: &[&str]| {
            let (code, said) = run(&service, arguments);
            assert_eq!(code, Some(0), "{arguments:?}: {said}");
            said
        };
        let refused = |arguments: &[&str]| {
            let (code, said) = run(&service, arguments);
            assert_eq!(code, Some(1), "{arguments:?}: {said}");
            said
        };

        step(&["user", "create", "ben"]);
        let made = step(&["work", "new", "--title", "A new logo", "--due", "2026-03-01", "--label", "brand"]);
        assert_eq!(made.trim(), "W-1");
        step(&["work", "new", "--title", "New icons", "--kind", "change", "--priority", "high"]);
        assert!(step(&["work", "assign", "W-1", "ben"]).contains("assigned to ben"));
        step(&["work", "set", "W-1", "--impact", "The logo is blue", "--link", "https://example.org/7"]);
        step(&["work", "start", "W-1"]);
        step(&["work", "comment", "W-1", "@ben, this blue?"]);
        step(&["work", "comment", "W-1", "@ben, that blue?", "--edit", "1"]);
        step(&["put", &logo, "--item", "W-1"]);
        step(&["import", icons.to_str().unwrap(), "--to", "icons", "--item", "W-2"]);
        let shown = step(&["work", "show", "W-1"]);
        for part in ["logo.svg@1", "that blue?", "brand", "The logo is blue", "in_progress"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(step(&["work", "show", "W-2"]).contains("icons/a.svg@1"));
        assert!(step(&["work", "list", "--board", "--status", "open"]).contains("W-2"));
        assert!(step(&["work", "list", "logo"]).contains("W-1"));
        step(&["work", "resolve", "W-2"]);
        step(&["work", "resolve", "W-1", "--reason", "done"]);
        step(&["work", "move", "W-1", "--before", "W-2"]);
        step(&["work", "authorise", "W-1", "--remark", "fine"]);
        step(&["work", "attach", "W-1", "icons/a.svg@1"]);
        let detached = step(&["work", "detach", "W-1", "icons/a.svg"]);
        assert!(detached.contains("W-1 is resolved and has 1 version now"), "{detached}");
        step(&["work", "authorise", "W-1"]);
        step(&["release", "new", "--title", "Spring"]);
        assert!(refused(&["release", "add", "R-1", "--item", "W-2"]).contains("authorised"));
        step(&["release", "add", "R-1", "--item", "W-2", "--unauthorised"]);
        let added = step(&["release", "add", "R-1", "--item", "W-1"]);
        assert!(added.contains("R-1 has 2 changes now"), "{added}");
        step(&["release", "remove", "R-1", "--item", "W-2"]);
        let items = step(&["release", "items", "R-1"]);
        assert!(items.contains("A new logo") && !items.contains("New icons"), "{items}");
        step(&["release", "build", "R-1", "--base", "empty"]);
        step(&["work", "evidence", "W-1", "--test", "sharp", "--pass", "--build", "R-1.1", "--file", "logo.svg"]);
        assert!(step(&["work", "evidence", "W-1"]).contains("sharp"));
        step(&["promote", "R-1.1", "staging"]);
        let trace = step(&["work", "trace", "W-1"]);
        assert!(trace.contains("R-1.1") && trace.contains("staging"), "{trace}");
        assert!(step(&["work", "history", "W-1"]).contains("authorisation_voided"));
        step(&["work", "reject", "W-2", "--reason", "others are better"]);
        step(&["work", "reopen", "W-2", "--reason", "they are not"]);
        step(&["work", "resolve", "W-2"]);
        step(&["work", "close", "W-2", "--reason", "kept as they are"]);
        assert!(step(&["work", "export", "--status", "closed"]).contains("W-2,change,closed"));
        let file = folder.path().join("items.csv");
        step(&["work", "export", "--output", file.to_str().unwrap()]);
        assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 3);
        let whole: Value = serde_json::from_str(&step(&["--json", "work", "show", "W-1"])).unwrap();
        assert_eq!((&whole["number"], &whole["versions"][0]["path"]), (&"W-1".into(), &"logo.svg".into()));
        assert!(refused(&["work", "start", "W-9"]).contains("there is no work item W-9"));
        for wrong in [&["work", "set", "W-1"][..], &["--json", "work", "export"], &["work", "reject", "W-1"]] {
            assert_eq!(run(&service, wrong).0, Some(2), "{wrong:?}");
        }
    }
}
