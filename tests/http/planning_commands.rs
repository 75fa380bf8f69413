//! Planning as a person types it.

use serde_json::json;

use super::command_line::run;
use crate::service::TestService;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planning_works_as_it_is_typed() {
    for service in TestService::on_each_database().await {
        let step = |line: &str| {
            let arguments: Vec<&str> = line.split(' ').collect();
            let (code, said) = run(&service, &arguments);
            assert_eq!(code, Some(0), "{line}: {said}");
            said
        };
        for bytes in ["1", "2"] {
            service.put("icons/a.svg", bytes).await;
        }
        step("saved-search save icons --folder icons/ --name *.svg");
        assert!(step("saved-search list").contains("icons") && step("saved-search show icons").contains("icons/a.svg"));
        step("release new --title Spring");
        step("release add R-1 --search icons");
        step("release new --title Summer");
        assert!(step("release add R-2 icons/a.svg@1").contains("Other open releases change 1 key of it too: R-1."));
        assert!(step("release conflicts R-2").contains("R-1"));
        assert!(step("release repin R-2 --dry-run").contains("icons/a.svg"));

        let proposed = step("release plan R-1 --propose 2999-03-27T17:00 --zone Europe/Berlin");
        assert!(proposed.contains("2999-03-27T17:00:00+01:00[Europe/Berlin]"), "{proposed}");
        let (code, said) = run(&service, &["release", "agree", "R-1", "1"]);
        assert_eq!((code, said.contains("your own")), (Some(1), true), "{said}");
        let manager = service.token("release_manager", None).await;
        let (code, said) = run(&service, &["release", "agree", "R-1", "1", "--token", &manager]);
        assert_eq!((code, said.contains("R-1 is agreed")), (Some(0), true), "{said}");
        assert!(step("release plan R-1").contains("agreed") && step("release show R-1").contains("agreed for"));
        assert!(step("calendar").contains("Spring") && step("calendar --ics").contains("STATUS:CONFIRMED"));
        assert!(step("calendar --make-key").contains("calendar.ics?key=smc_"));
        step("calendar --revoke-key");

        step("release build R-1");
        step("promote R-1.1 production");
        assert!(step("release rebase R-2").contains("1 conflict to resolve"));
        let (code, said) = run(&service, &["release", "resolve", "R-2", "icons/b.svg", "--ours"]);
        assert_eq!(code, Some(2), "{said}");
        assert!(step("release resolve R-2 icons/a.svg --ours").contains("0 left"));
        step("release build R-2");
        assert!(step("diff empty production --by-folder").contains("icons/"));
        assert!(step("--json diff production R-2 --by-folder").contains("\"changed\": 1"));
        assert_eq!(step("release clone R-1").trim(), "R-3");
        assert_eq!(step("release split R-3 --title part --folder icons/").trim(), "R-4");
        assert!(step("release repin R-4").contains("0 changes"));
        assert!(step("release cancel R-4 --reason off").contains("cancelled"));
        step("saved-search rm icons");
        let (code, said) = run(&service, &["release", "resolve", "R-2", "a"]);
        assert_eq!(code, Some(2), "one must say which value holds: {said}");
        assert_eq!(service.read("/projects/site/saved-searches").await.ok()["items"], json!([]));
    }
}
