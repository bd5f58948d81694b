//! The files of a SQLite database: what a clean stop leaves, and what happens if they go.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;

const CUSTOMERS: usize = 400;

/// The files of the database beside the database file itself.
fn others(site: &Site) -> Vec<PathBuf> {
    let file = site.database_file();
    let is_other = |path: &PathBuf| {
        path != &file && path.to_string_lossy().starts_with(file.to_str().expect("a path of text"))
    };
    let folder = fs::read_dir(file.parent().expect("a folder")).expect("a folder");
    folder.map(|entry| entry.expect("an entry").path()).filter(is_other).collect()
}

/// Starts an instance on a copy of the database file alone.
async fn on_a_copy(site: &Site) -> Server {
    let copy = Site::new(Db::Sqlite);
    fs::create_dir_all(copy.database_file().parent().expect("a folder")).unwrap();
    fs::copy(site.database_file(), copy.database_file()).unwrap();
    copy.cli(&["doctor", "--deep"]).success();
    Server::start_on(&copy).await
}

#[tokio::test]
async fn a_clean_stop_leaves_one_whole_file() {
    let mut server = Server::start(Db::Sqlite).await;
    let client = server.client();
    let ask = |n: usize| {
        let client = client.clone();
        async move {
            try_create(&client, "demo", &format!("c{n}@example.test")).await.expect(200);
            // Every reader thread opens its connection.
            client.get("/api/Query/customers/demo?search=c1@exa").await.expect(200);
            client.get("/api/Query/customers/demo?limitRecord=5").await.expect(200);
        }
    };
    at_once((0..CUSTOMERS).map(ask)).await;
    assert!(
        !others(server.site()).is_empty(),
        "the running service has no write-ahead log, so this proves nothing"
    );
    assert_eq!(server.terminate().await.code(), Some(0), "{}", server.logs());
    assert_eq!(others(server.site()), Vec::<PathBuf>::new());
    let copy = on_a_copy(server.site()).await;
    assert_eq!(total(&copy.client(), "demo").await, CUSTOMERS as u64);
}

#[tokio::test]
async fn a_command_leaves_one_whole_file() {
    let mut server = Server::start(Db::Sqlite).await;
    assert_eq!(server.terminate().await.code(), Some(0));
    let site = Arc::clone(server.site());
    let file = site.folder().join("customers.csv");
    fs::write(&file, rows(0, CUSTOMERS)).unwrap();
    let file = file.to_str().expect("a path of text");
    site.new_token(&["--org", "1", "--entry", "demo"]);
    for arguments in [
        vec!["import", file, "--entry", "demo", "--quiet"],
        vec!["token", "list"],
        vec!["export", "demo", "--output", "-"],
        vec!["keys", "rotate", "demo"],
        vec!["entrypoint", "create", "demo", "--org", "1"],
        vec!["doctor", "--deep"],
    ] {
        site.cli(&arguments);
        assert_eq!(others(&site), Vec::<PathBuf>::new(), "after {arguments:?}");
    }
    let copy = on_a_copy(&site).await;
    assert_eq!(total(&copy.client(), "demo").await, CUSTOMERS as u64);
}

async fn is_ready(client: &Client) -> bool {
    client.get("/health/ready").await.status == 200
}

#[tokio::test]
async fn files_that_vanish_end_acknowledgements_and_readiness() {
    for ending in ["", "-wal", "-shm"] {
        let server = Server::start(Db::Sqlite).await;
        let (client, settings) = (server.client(), master(&server));
        created(&client, "demo", &json!({"email": "ada@example.test"})).await;
        let file = PathBuf::from(format!("{}{ending}", server.site().database_file().display()));
        let away = server.site().folder().join("away");
        fs::rename(&file, &away).unwrap();
        for n in 0..3 {
            let email = format!("lost{n}@example.test");
            try_create(&client, "demo", &email).await.expect_error(503);
        }
        let import = client.request(Method::POST, "/api/Import/customersForm/demo?async=true");
        send(import.header("Content-Type", "text/csv").body(rows(0, 3))).await.expect_error(503);
        let token = json!({"entries": ["demo"], "name": "lost"});
        settings.post("/api/Token", &token).await.expect_error(503);
        wait_until("the instance is not ready", Duration::from_secs(15), async || !is_ready(&client).await)
            .await;
        // Another file with the same content is not the database that this process knows.
        if ending.is_empty() {
            assert!(!file.exists(), "the service made another database");
            fs::copy(&away, &file).unwrap();
            try_create(&client, "demo", "copy@example.test").await.expect_error(503);
            assert!(!is_ready(&client).await);
        }
        fs::rename(&away, &file).unwrap();
        wait_until("the instance is ready", Duration::from_secs(15), async || is_ready(&client).await).await;
        created(&client, "demo", &json!({"email": "bob@example.test"})).await;
        let logs = server.logs();
        assert!(logs.contains("moved, removed or replaced"), "{logs}");
    }
}

#[tokio::test]
async fn a_folder_that_vanishes_ends_acknowledgements() {
    let server = Server::start(Db::Sqlite).await;
    let client = server.client();
    created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let folder = server.site().database_file().parent().expect("a folder").to_owned();
    fs::rename(&folder, server.site().folder().join("away")).unwrap();
    try_create(&client, "demo", "lost@example.test").await.expect_error(503);
    wait_until("the instance is not ready", Duration::from_secs(15), async || !is_ready(&client).await).await;
    assert!(!folder.exists(), "the service made another folder");
}

fn append(path: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", path.display()))
}

/// Whatever key the operator gave: the log of a database without the database is no first start.
#[tokio::test]
async fn a_log_without_its_database_is_refused() {
    let mut server = Server::start(Db::Sqlite).await;
    created(&server.client(), "demo", &json!({"email": "ada@example.test"})).await;
    server.kill9();
    let site = Arc::clone(server.site());
    let (file, away) = (site.database_file(), site.folder().join("away"));
    let log = append(&file, "-wal");
    let before = fs::read(&log).unwrap();
    assert!(!before.is_empty(), "nothing is in the log, so this proves nothing");
    for is_emptied in [false, true] {
        fs::rename(&file, &away).unwrap();
        if is_emptied {
            fs::write(&file, "").unwrap();
        }
        for arguments in [vec!["serve", "--listen", "127.0.0.1:1"], vec!["token", "list"]] {
            let refused = site.cli(&arguments);
            assert!(!refused.status.success(), "{arguments:?}");
            assert!(refused.stderr.contains("write-ahead log"), "{}", refused.stderr);
            assert_eq!(fs::read(&log).unwrap(), before, "the log was touched");
        }
        fs::rename(&away, &file).unwrap();
    }
    server.restart().await;
    assert_eq!(total(&server.client(), "demo").await, 1);
}
