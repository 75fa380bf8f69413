//! The command line against the service: the main job as a person types it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::service::{ADMINISTRATOR, TestService};

/// Runs a command; gives its exit code and what it said.
pub fn run(service: &TestService, arguments: &[&str]) -> (Option<i32>, String) {
    run_at(service, &service.url, arguments)
}

/// The same at another address of the service.
fn run_at(service: &TestService, url: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let home = service.running.services.config.data.folder.join("home");
    let done = Command::new(env!("CARGO_BIN_EXE_shelfmark"))
        .args(arguments)
        .env_clear()
        .env("HOME", &home)
        .env("SHELFMARK_URL", url)
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

/// Another address of a service, where all that is sent can be read afterwards.
fn overheard(service: SocketAddr) -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let said = Arc::new(Mutex::new(Vec::new()));
    let heard = said.clone();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, mut server) = (client.unwrap(), TcpStream::connect(service).unwrap());
            let (mut from_server, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from_server, &mut to_client));
            let heard = heard.clone();
            std::thread::spawn(move || {
                let mut bytes = [0; 16 << 10];
                while let Ok(length @ 1..) = client.read(&mut bytes) {
                    heard.lock().unwrap().extend_from_slice(&bytes[..length]);
                    server.write_all(&bytes[..length]).unwrap();
                }
                let _ = server.shutdown(Shutdown::Both); // it may have gone already
            });
        }
    });
    (url, said)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_lists_the_library_again_only_when_someone_else_wrote() {
    for service in TestService::on_each_database().await {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &str| std::fs::write(folder.path().join(name), bytes).unwrap();
        let (url, said) = overheard(service.running.address);
        let import = |more: &[&str]| {
            said.lock().unwrap().clear();
            let arguments = [&["--json", "import", folder.path().to_str().unwrap(), "--prune"], more].concat();
            let (code, report) = run_at(&service, &url, &arguments);
            assert_eq!(code, Some(0), "{report}");
            let report: Value = serde_json::from_str(&report).unwrap();
            let listings =
                String::from_utf8_lossy(&said.lock().unwrap()).matches("GET /api/v1/projects/site/assets").count();
            (["added", "changed", "removed"].map(|name| report[name].as_u64().unwrap()), listings)
        };
        write("a", "one");
        write("b", "two");
        write("c", "three");
        assert_eq!(import(&[]), ([3, 0, 0], 1), "what is there is not known at first");
        write("a", "another");
        std::fs::remove_file(folder.path().join("b")).unwrap();
        assert_eq!(import(&["--batch-bytes", "8"]), ([0, 1, 1], 0), "the import knows what it has done");
        assert_eq!(import(&[]), ([0, 0, 0], 0));

        service.put("c", "by someone else").await;
        assert_eq!(import(&[]), ([0, 1, 0], 1));
        assert_eq!(service.read("/projects/site/files/c").await.bytes, "three");
        assert_eq!(import(&[]), ([0, 0, 0], 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_warns_of_paths_that_differ_only_in_case_wherever_they_are() {
    for service in TestService::on_each_database().await {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("logo.svg"), "<svg/>").unwrap();
        service.put("IMG/Logo.svg", "elsewhere").await;

        let (code, said) = run(&service, &["import", folder.path().to_str().unwrap(), "--to", "img"]);

        assert_eq!((code, said.contains("IMG/Logo.svg and img/logo.svg")), (Some(0), true), "{said}");
    }
}
