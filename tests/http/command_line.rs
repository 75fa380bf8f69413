//! The command line against the service: the main job as a person types it.

use std::process::Command;

use crate::service::{ADMINISTRATOR, TestService};

/// Runs a command; gives its exit code and what it said.
fn run(service: &TestService, arguments: &[&str]) -> (Option<i32>, String) {
    let home = service.running.services.config.data.folder.join("home");
    let done = Command::new(env!("CARGO_BIN_EXE_shelfmark"))
        .args(arguments)
        .env_clear()
        .env("HOME", &home)
        .env("SHELFMARK_URL", &service.url)
        .env("SHELFMARK_TOKEN", ADMINISTRATOR)
        .env("SHELFMARK_PROJECT", "site")
        .output()
        .unwrap();
    let said = [done.stdout, done.stderr].concat();
    (done.status.code(), String::from_utf8(said).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_main_job_works_as_it_is_typed() {
    for service in TestService::on_each_database().await {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().to_str().unwrap();
        std::fs::create_dir(folder.path().join("icons")).unwrap();
        std::fs::write(folder.path().join("icons/größe.svg"), "<svg/>").unwrap();
        std::fs::write(folder.path().join("b.txt"), "b").unwrap();
        let step = |arguments: &[&str]| {
            let (code, said) = run(&service, arguments);
            assert_eq!(code, Some(0), "{arguments:?}: {said}");
            said
        };

        step(&["import", place, "--message", "icons 1", "--prune"]);
        step(&["release", "new", "--title", "Icons 1"]);
        step(&["release", "add", "R-1", "--latest"]);
        step(&["release", "build", "R-1"]);
        for environment in ["development", "staging", "production"] {
            step(&["promote", "R-1.1", environment]);
        }
        std::fs::remove_file(folder.path().join("b.txt")).unwrap();
        step(&["import", place, "--prune"]);
        step(&[
            "put",
            folder.path().join("icons/größe.svg").to_str().unwrap(),
            "--to",
            "c.svg",
            "--alt-text",
            "größer",
        ]);
        assert!(step(&["ls"]).contains("icons/größe.svg") && !step(&["ls"]).contains("b.txt"));
        step(&["release", "new", "--title", "Icons 2"]);
        step(&["release", "add", "R-2", "--latest", "--set", "colour=blue", "--access", "icons/=private"]);
        step(&["release", "build", "R-2"]);
        assert!(step(&["diff", "production", "R-2"]).contains("- b.txt"));
        step(&["promote", "R-2.1", "production", "--expect", "1"]);
        assert!(step(&["rollback", "production", "--dry-run"]).contains("would serve R-1.1"));
        step(&["rollback", "production", "--reason", "wrong blue"]);
        assert!(step(&["history", "production"]).contains("wrong blue"));
        step(&["undelete", "b.txt"]);
        assert!(step(&["log", "b.txt"]).contains("icons 1"));
        step(&["release", "show", "R-2"]);
        step(&["env", "create", "preview", "--position", "2"]);
        step(&["audit", "verify"]);
        step(&["gc", "--dry-run"]);
        step(&["fsck"]);

        let (code, said) = run(&service, &["promote", "R-9.1", "production"]);
        assert_eq!((code, said.contains("there is no build R-9.1")), (Some(1), true), "{said}");
    }
}
