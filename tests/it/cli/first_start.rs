//! The first start creates everything needed, keeps its token in a file where nobody watches a terminal, and prints a
//! command line that works when pasted. Later starts do not.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Process;
use crate::harness::*;
use crate::support::*;

/// The tokens in a text.
fn tokens(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')));
    words.filter(|word| word.starts_with("eyJ") && word.split('.').count() == 3).map(str::to_owned).collect()
}

/// The line that starts with `curl`, and its continuation lines.
fn curl_line(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).skip_while(|line| !line.starts_with("curl "));
    let mut command = String::new();
    for line in &mut lines {
        command.push_str(line);
        if !line.ends_with('\\') {
            break;
        }
        command.push('\n');
    }
    assert!(!command.is_empty(), "no curl line in {text}");
    command
}

fn run_by_bash(line: &str) -> Value {
    let output = Command::new("bash").args(["-c", line]).env("no_proxy", "*").output().expect("bash runs");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{line}\n{stdout}\n{stderr}");
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {line}\n{stdout}\n{stderr}"))
}

both!(
    a_first_start_keeps_its_token_in_a_file_and_prints_a_working_command_and_a_second_does_not,
    |db| async {
        let mut server = Server::start(db).await;
        let printed = server.stdout();
        assert!(tokens(&server.logs()).is_empty(), "no log holds a token: {}", server.logs());
        let path = server.site().data_dir(0).join("first-token");
        assert_eq!(fs::metadata(&path).expect("the file of the token").permissions().mode() & 0o777, 0o600);
        assert!(
            printed.lines().any(|line| line == path.to_str().unwrap()),
            "{} is not in {printed}",
            path.display()
        );
        let token = server.first_token().expect("a token");
        let client = server.anonymous().token(&token);
        client.get("/api/Query/customers/demo").await.expect(200);

        let line = curl_line(&printed);
        let first = run_by_bash(&line);
        assert_eq!(first["isSuccess"], true, "{first}");
        assert_eq!(first["responseData"]["outcome"], "created", "{first}");
        let again = run_by_bash(&line);
        assert_eq!(again["responseData"]["outcome"], "matched", "{again}");
        assert_eq!(again["responseData"]["customerId"], first["responseData"]["customerId"]);
        assert_eq!(total(&client, "demo").await, 1);

        // The printed address of Swagger UI works.
        let base = server.base();
        let address =
            printed.split_whitespace().find(|word| word.starts_with(&base) && word.contains("swagger"));
        let address = address.unwrap_or_else(|| panic!("no address of Swagger UI in {printed}"));
        let page =
            client.get(address.strip_prefix(&base).expect("an address of this server")).await.expect(200);
        assert!(page.text.contains("swagger"), "{}", page.text);
        let home = client.get("/").await.expect(200);
        for place in ["href=\"/console\"", "href=\"/swagger-ui/\""] {
            assert!(home.text.contains(place), "{place} is not in {}", home.text);
        }

        assert_eq!(server.terminate().await.code(), Some(0), "{}", server.logs());
        server.spawn();
        server.ready().await;
        let later = server.stdout();
        assert!(later.len() > printed.len(), "a later start says where it listens");
        assert!(!later[printed.len()..].contains("first-token"), "a later start makes no token: {later}");
        assert!(!later[printed.len()..].contains("first-owner"), "nor another link: {later}");
        assert_eq!(server.first_token(), Some(token), "a later start leaves the file alone");
        assert_eq!(later.matches("curl ").count(), printed.matches("curl ").count());
        client.get("/api/Query/customers/demo").await.expect(200);
    }
);

#[tokio::test]
async fn one_of_three_simultaneous_first_starts_makes_the_token() {
    let fleet = Fleet::start(Db::Postgres, 3).await;
    let made: Vec<_> = fleet.servers.iter().filter_map(Server::first_token).collect();
    assert_eq!(made.len(), 1, "{made:?}");
    let organisations = Sql::open(fleet.site()).number(sql::ORGANISATIONS);
    assert_eq!(organisations, 1, "exactly one start created the first organisation");
}

both!(after_a_failed_first_start_the_next_makes_the_token, |db| async {
    let site = Site::new(db);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = Process::spawn(site.command(&["serve", "--listen", &address]));
    let (status, printed, error) = refused.end(Duration::from_secs(20)).expect("it ends");
    assert!(!status.success() && error.contains("--listen"), "{error}");
    assert!(tokens(&printed).is_empty() && !printed.contains("first-token"), "{printed}");
    let server = Server::start_on(&site).await;
    let token = server.first_token().expect("a token");
    let client = server.anonymous().token(&token);
    client.get("/api/Query/customers/demo").await.expect(200);
});

both!(rules_1_the_first_token_has_every_scope_where_the_database_is_embedded, |db| async move {
    let server = Server::start(db).await;
    let has_every_right = db == Db::Sqlite;
    assert_eq!(server.stdout().contains("may do everything"), has_every_right, "{}", server.stdout());
    let client = server.anonymous().token(&server.first_token().expect("a token"));
    let own = client.get("/api/Token").await;
    if !has_every_right {
        own.expect(403);
        client.post("/api/Organization", &json!({"name": "Another"})).await.expect(403);
        client.get("/api/Query/customers/demo").await.expect(200);
        return;
    }
    let own = own.expect(200);
    let scopes = own.json["Records"][0]["scopes"].as_array().expect("scopes").len();
    assert_eq!(scopes, 14, "{}", own.text);
    client.post("/api/Organization", &json!({"name": "Another"})).await.expect(200);
    client.post("/api/Paypoint", &json!({"entry": "later"})).await.expect(200);
    client.get("/api/Query/customers/later").await.expect(200);
});

#[tokio::test]
async fn rules_1_the_first_token_is_narrow_where_other_machines_reach_the_service() {
    let site = Site::new(Db::Sqlite);
    let folder = site.database_file().parent().expect("a folder").to_owned();
    // The site has an explicit key, so that any address is allowed.
    let process = Process::spawn(site.command(&["serve", "--listen", "0.0.0.0:0"]));
    let is_done = async || folder.join("first-token").exists();
    wait_until("the first start is done", Duration::from_secs(20), is_done).await;
    drop(process);
    let listed = site.cli(&["token", "list"]).success();
    assert!(listed.contains("first start") && listed.contains("demo"), "{listed}");
    assert!(!listed.contains("settings") && !listed.contains("tokens"), "{listed}");
}

/// Starts the service once, with a master key of its own, until the first start is done; then kills it.
async fn begin(site: &Site) {
    let folder = site.database_file().parent().expect("a folder").to_owned();
    let started = Process::spawn(without_key(site, &["serve", "--listen", "127.0.0.1:0"]));
    let is_done = async || folder.join("first-token").exists();
    wait_until("the first start is done", Duration::from_secs(20), is_done).await;
    drop(started);
}

/// The program with this site's folder and SQLite, and without a master key but the one that it creates.
fn without_key(site: &Site, arguments: &[&str]) -> Command {
    let mut command = site.command(arguments);
    command.env_remove("CUSTOMARY_MASTER_KEY");
    command
}

#[tokio::test]
async fn rules_7_a_first_start_on_sqlite_creates_a_master_key_that_only_its_owner_can_read() {
    let site = Site::new(Db::Sqlite);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let client = Client::new(format!("http://{address}"));
    let serve = async || {
        let mut process = Process::spawn(without_key(&site, &["serve", "--listen", &address]));
        wait_until("the server becomes ready", Duration::from_secs(30), async || {
            process.must_run();
            let answer = client.try_send(reqwest::Method::GET, "/health/ready", None, &[]).await;
            answer.is_ok_and(|answer| answer.status == 200)
        })
        .await;
        process
    };
    let process = serve().await;
    let folder = site.database_file().parent().expect("a folder").to_owned();
    let keys: Vec<_> = fs::read_dir(&folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            let text = fs::read_to_string(path).unwrap_or_default();
            STANDARD.decode(text.trim()).is_ok_and(|bytes| bytes.len() == 32)
        })
        .collect();
    assert_eq!(keys.len(), 1, "one master key in {folder:?}");
    let key = &keys[0];
    // Whatever the umask of the shell, the data are their owner's alone.
    let mode = |path: &std::path::Path| fs::metadata(path).expect("it exists").permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.iter().any(|path| path.ends_with("customary.db")), "{files:?}");
    for path in files.iter().filter(|path| path.is_file()) {
        assert_eq!(mode(path), 0o600, "{path:?}");
    }

    let made = Process::spawn(without_key(&site, &["token", "create", "--org", "1", "--all-entries"]));
    let (status, token, error) = made.end(Duration::from_secs(20)).expect("it ends");
    assert!(status.success(), "{error}");
    let client_with = client.token(token.trim());
    let id = created(&client_with, "demo", &json!({"email": "ada@example.test"})).await;
    drop(process);
    let process = serve().await;
    assert_eq!(
        read(&client_with, id).await.json["Email"],
        "ada@example.test",
        "a later start uses the same key"
    );
    drop(process);

    // If the key is lost, the service creates no other: it could decrypt nothing of what exists.
    let away = site.folder().join("away");
    fs::rename(key, &away).expect("it goes");
    let refused = Process::spawn(without_key(&site, &["serve", "--listen", &address]));
    let (status, _, error) = refused.end(Duration::from_secs(20)).expect("the start is refused");
    assert!(!status.success());
    assert!(error.to_lowercase().contains("master key"), "{error}");
    assert!(!key.exists(), "another key was made");
    fs::rename(&away, key).expect("the key file is restored, with its permissions");
    let process = serve().await;
    assert_eq!(read(&client_with, id).await.json["Email"], "ada@example.test");
    drop(process);
}

/// What may have happened to a database whose master key was kept.
const LOSSES: [&str; 3] = ["removed", "emptied", "without tables"];

#[tokio::test]
async fn a_lost_database_beside_its_master_key_is_refused_and_not_begun_anew() {
    let site = Site::new(Db::Sqlite);
    let create = ["token", "create", "--org", "1", "--all-entries"];
    let run = |arguments: &[&str]| {
        let ended = Process::spawn(without_key(&site, arguments)).end(Duration::from_secs(20));
        let (status, stdout, stderr) = ended.expect("it ends");
        (status.success(), stdout, stderr)
    };
    begin(&site).await;
    assert!(run(&create).0);
    let (file, away) = (site.database_file(), site.folder().join("away"));
    for loss in LOSSES {
        fs::rename(&file, &away).unwrap();
        match loss {
            "emptied" => fs::write(&file, "").unwrap(),
            "without tables" => Sql::open(&site).run("CREATE TABLE t (x); DROP TABLE t"),
            _ => {}
        }
        for arguments in [&create[..], &["serve", "--listen", "127.0.0.1:1"], &["org", "create", "Another"]] {
            let (is_success, stdout, stderr) = run(arguments);
            assert!(!is_success, "{loss}: {arguments:?} {stdout}");
            assert!(stderr.contains("master key") && stderr.contains("put the database"), "{loss}: {stderr}");
            assert!(tokens(&stdout).is_empty(), "{loss}: {stdout}");
        }
        assert_eq!(file.exists(), loss != "removed", "{loss}: the refusal made a database");
        fs::rename(&away, &file).unwrap();
        assert!(run(&create).0, "{loss}: the database that was put back is good");
    }
    // Whoever moves the key away too wants another database.
    let folder = file.parent().expect("a folder").to_owned();
    fs::rename(&folder, &away).unwrap();
    begin(&site).await;
    assert!(run(&create).0);
}

/// The mark of an unfinished first start lets the next one go on.
#[tokio::test]
async fn a_first_start_killed_after_it_made_the_master_key_is_completed() {
    for _ in 0..8 {
        let site = Site::new(Db::Sqlite);
        let folder = site.database_file().parent().expect("a folder").to_owned();
        let started = Process::spawn(without_key(&site, &["serve", "--listen", "127.0.0.1:0"]));
        let has_key = async || folder.join("master.key").exists();
        wait_until("the key is made", Duration::from_secs(20), has_key).await;
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..60))).await;
        drop(started);
        begin(&site).await;
    }
}

/// In a container every start has the same process id, and so the same name for its drafts.
#[tokio::test]
async fn a_first_start_overwrites_the_drafts_that_a_killed_one_of_its_process_id_left() {
    let site = Site::new(Db::Sqlite);
    let folder = site.database_file().parent().expect("a folder").to_owned();
    fs::create_dir(&folder).unwrap();
    let serve = without_key(&site, &["serve", "--listen", "127.0.0.1:0"]);
    // The shell's process id becomes that of the program.
    let script =
        "for name in master first-token first-owner; do echo half > \"$0/$name.$$.new\"; done; exec \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(&folder).arg(serve.get_program()).args(serve.get_args());
    for (name, value) in serve.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let started = Process::spawn(command);
    let is_done = async || folder.join("first-token").exists() && folder.join("first-owner").exists();
    wait_until("the first start is done", Duration::from_secs(20), is_done).await;
    drop(started);
    let names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().ends_with(".new")), "{names:?}");
}
