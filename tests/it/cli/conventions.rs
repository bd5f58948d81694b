//! What people try first at a command line, and what a command must never do.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::Process;
use crate::harness::*;
use crate::support::*;

const PATIENCE: Duration = Duration::from_secs(20);

fn ran(mut command: Command) -> Output {
    command.output().expect("the program runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Every subcommand that works on a database, but `serve`.
const SUBCOMMANDS: [&[&str]; 14] = [
    &["token", "create", "--org", "1", "--all-entries"],
    &["token", "list"],
    &["token", "revoke", "x"],
    &["entrypoint", "create", "shop", "--org", "1"],
    &["entrypoint", "list"],
    &["org", "create", "Second"],
    &["org", "list"],
    &["import", "people.csv", "--entry", "demo"],
    &["invite", "--entry", "demo", "--all-prospects", "--yes"],
    &["mail", "test", "--to", "ada@example.test"],
    &["keys", "list"],
    &["keys", "rotate", "--entry", "demo"],
    &["export", "--entry", "demo", "--output", "-"],
    &["doctor"],
];

#[tokio::test]
async fn no_subcommand_but_serve_makes_a_database() {
    for key in [Some(()), None] {
        let site = Site::new(Db::Sqlite);
        let here = site.folder().join("here");
        fs::create_dir(&here).unwrap();
        fs::write(here.join("people.csv"), "email\nada@example.test\n").unwrap();
        for arguments in SUBCOMMANDS {
            let mut command = site.command(arguments);
            command.current_dir(&here);
            if key.is_none() {
                command.env_remove("CUSTOMARY_MASTER_KEY");
            }
            let output = ran(command);
            assert!(!output.status.success(), "{arguments:?}: {output:?}");
            let said = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
            assert!(
                said.contains("customary serve") && said.contains("customary.db"),
                "{arguments:?}: {said}"
            );
            assert!(!site.database_file().exists(), "{arguments:?} made a database");
            let made: Vec<_> = fs::read_dir(&here).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(made, ["people.csv"], "{arguments:?}");
            let data = site.data_dir(0);
            let files = fs::read_dir(&data)
                .map_or(0, |files| files.filter(|file| file.as_ref().unwrap().path().is_file()).count());
            assert_eq!(files, 0, "{arguments:?} made a key or another file in {data:?}");
        }
    }
}

#[tokio::test]
async fn no_subcommand_but_serve_fills_an_empty_postgresql_database() {
    let site = Site::new(Db::Postgres);
    let here = site.folder().join("here");
    fs::create_dir(&here).unwrap();
    fs::write(here.join("people.csv"), "email\nada@example.test\n").unwrap();
    for arguments in SUBCOMMANDS {
        let mut command = site.command(arguments);
        command.current_dir(&here);
        let output = ran(command);
        assert!(!output.status.success(), "{arguments:?}: {output:?}");
        let tables =
            Sql::open(&site).number("SELECT count(*) AS value FROM pg_tables WHERE schemaname = 'public'");
        assert_eq!(tables, 0, "{arguments:?} made tables");
    }
    Server::start_on(&site).await;
}

#[tokio::test]
async fn a_file_that_is_no_database_of_this_service_is_refused_and_left_alone() {
    let site = Site::new(Db::Sqlite);
    let path = site.folder().join("other.db");
    let url = format!("sqlite:{}", path.display());
    let junk =
        "This is a text, and a long one, so that it is not taken for the head of a database. ".repeat(40);
    fs::write(&path, &junk).unwrap();
    let serve = ["serve", "--listen", "127.0.0.1:1", "--database-url", &url];
    let list = ["token", "list", "--database-url", &url];
    for arguments in [&serve[..], &list] {
        let refused = Process::spawn(site.command(arguments)).end(PATIENCE).expect("it ends");
        assert!(!refused.0.success());
        assert!(refused.2.contains("other.db") && refused.2.contains("no SQLite database"), "{}", refused.2);
        assert_eq!(fs::read_to_string(&path).unwrap(), junk);
    }
    // A database of another program.
    fs::remove_file(&path).unwrap();
    let made = Command::new(python())
        .args(["-c", "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('CREATE TABLE songs (name)'); c.commit()"])
        .arg(&path)
        .status()
        .expect("Python runs");
    assert!(made.success());
    for arguments in [&serve[..], &list] {
        let refused = Process::spawn(site.command(arguments)).end(PATIENCE).expect("it ends");
        assert!(!refused.0.success());
        assert!(refused.2.contains("another program"), "{}", refused.2);
    }
    assert!(!fs::read(&path).unwrap().windows(8).any(|part| part == b"customer"), "nothing was added to it");
}

both!(organisations_are_listed_and_identifiers_must_be_fields, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    let second = new_org(site, "Second");
    new_entry_of(site, second, "branch", &[]);
    let listed = site.cli(&["org", "list"]).success();
    let lines: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines, [vec!["1", "Demo", "entrypoints", "1"], vec!["2", "Second", "entrypoints", "1"]]);

    for (identifier, near) in [
        ("emial", Some("email")),
        ("Firstnam+lastname", Some("firstname")),
        ("phone+brithday", Some("birthday")),
        ("loyalty card", None),
    ] {
        let refused = site.cli(&["entrypoint", "create", "typo", "--org", "1", "--identifier", identifier]);
        assert!(!refused.status.success(), "{identifier}");
        assert!(refused.stderr.contains("--additional"), "{}", refused.stderr);
        assert_eq!(refused.stderr.contains("did you mean"), near.is_some(), "{}", refused.stderr);
        assert!(near.is_none_or(|near| refused.stderr.contains(near)), "{}", refused.stderr);
    }
    site.cli(&[
        "entrypoint",
        "create",
        "loyal",
        "--org",
        "1",
        "--identifier",
        "loyalty card",
        "--additional",
    ])
    .success();
    site.cli(&["entrypoint", "create", "named", "--org", "1", "--identifier", "Email"]).success();
    let listed = site.cli(&["entrypoint", "list"]).success();
    assert!(listed.contains("loyalty card") && !listed.contains("typo"), "{listed}");
});

both!(ctrl_c_lets_running_requests_finish_as_sigterm_does, |db| async {
    let mut server = Server::start(db).await;
    let token = server.site().token().to_owned();
    let body = json!({"email": "slow@example.test"}).to_string();
    let (early, late) = body.split_at(body.len() / 2);
    let address = server.base().replace("http://", "");
    let mut connection = TcpStream::connect(&address).expect("it listens");
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "POST /api/Customer/single/demo HTTP/1.1\r\nHost: {address}\r\nrequestToken: {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).expect("it is read");
    // The answer to `Expect` shows that the request is in hand.
    let mut shown = Vec::new();
    while !shown.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        connection.read_exact(&mut byte).expect("an answer");
        shown.extend(byte);
    }
    assert!(shown.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&shown));
    connection.write_all(early.as_bytes()).expect("it is read");
    let pid = i32::try_from(server.pid()).ok().and_then(Pid::from_raw).expect("a process");
    kill_process(pid, Signal::INT).unwrap();
    wait_until("it accepts no more", PATIENCE, async || TcpStream::connect(&address).is_err()).await;
    connection.write_all(late.as_bytes()).expect("the server still reads");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("the server still answers");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"outcome\":\"created\""), "{answer}");
    // It ends by itself, with the status of a clean stop.
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.logs());
    server.spawn();
    server.ready().await;
    assert_eq!(total(&server.client(), "demo").await, 1);
});

#[tokio::test]
async fn a_name_is_an_address_and_the_public_url_changes_only_links() {
    let site = Site::new(Db::Sqlite);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let listen = format!("localhost:{port}");
    let arguments = ["serve", "--listen", &listen, "--public-url", "https://pay.example/customers/"];
    let mut process = Process::spawn(site.command(&arguments));
    let client = Client::new(format!("http://127.0.0.1:{port}"));
    wait_until("the server becomes ready", PATIENCE, async || {
        let answer = client.try_send(reqwest::Method::GET, "/health/ready", None, &[]).await;
        answer.is_ok_and(|answer| answer.status == 200)
    })
    .await;
    let pid = i32::try_from(process.0.id()).ok().and_then(Pid::from_raw).expect("a process");
    kill_process(pid, Signal::TERM).unwrap();
    let mut printed = String::new();
    process.0.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    let first = printed.lines().next().unwrap();
    assert!(first.ends_with(&format!("listens on http://{listen}")), "{printed}");
    assert!(printed.contains("https://pay.example/customers/swagger-ui/"), "{printed}");
    assert!(printed.contains(&format!("curl -X POST http://{listen}/api/")), "{printed}");
}

both!(a_database_left_open_by_an_earlier_version_is_closed, |db| async {
    let mut server = Server::start(db).await;
    if db == Db::Sqlite {
        let path = server.site().database_file();
        assert_eq!(server.terminate().await.code(), Some(0));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        server.spawn();
        server.ready().await;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let mail = fs::metadata(server.site().data_dir(0).join("mail")).expect("the folder of mails");
    assert_eq!(mail.permissions().mode() & 0o777, 0o700);
});

#[tokio::test]
async fn the_address_of_a_server_may_end_in_a_path_of_it() {
    let server = Server::start(Db::Sqlite).await;
    let site = server.site();
    let file = site.folder().join("people.csv");
    let import = |address: &str, token: &str| {
        let file = file.to_str().unwrap();
        ran(site.command(&["import", file, "--entry", "demo", "--server", address, "--token", token]))
    };
    for (number, end) in ["", "/", "/api", "/api/", "/api/v2", "/swagger-ui/"].iter().enumerate() {
        fs::write(&file, format!("email\nada{number}@example.test\n")).unwrap();
        let output = import(&format!("{}{end}", server.base()), site.token());
        assert!(output.status.success(), "{end}: {}", stderr(&output));
    }
    for (address, part) in [
        (server.base().replace("http://", ""), "must start with http://"),
        (format!("{}/elsewhere", server.base()), "without a path"),
    ] {
        let output = import(&address, site.token());
        assert!(!output.status.success() && stderr(&output).contains(part), "{address}: {}", stderr(&output));
    }
    assert_eq!(total(&server.client(), "demo").await, 6);
}

#[tokio::test]
async fn a_data_folder_that_others_can_open_is_closed_unless_all_share_it() {
    for (before, after) in [(0o755, 0o700), (0o770, 0o700), (0o711, 0o700), (0o700, 0o700), (0o1777, 0o1777)]
    {
        let site = Site::with_environment(Db::Sqlite, &[("CUSTOMARY_LOG", "info")]);
        let folder = site.database_file().parent().expect("a folder").to_owned();
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(before)).unwrap();
        let server = Server::start_on(&site).await;
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o7777, after, "{before:o}");
        let logs = server.logs();
        assert_eq!(
            logs.contains("took the data folder from other users"),
            before & 0o077 != 0 && before < 0o1000,
            "{logs}"
        );
        assert_eq!(logs.contains("give it mode 0700"), before == 0o1777, "{logs}");
        if before < 0o1000 {
            assert!(!logs.contains("can open the data folder"), "{logs}");
        }
    }
}

#[tokio::test]
async fn a_key_file_is_for_its_owner_and_perhaps_a_group_that_reads_it() {
    let site = Site::new(Db::Sqlite);
    let key = site.folder().join("own.key");
    fs::write(&key, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n").unwrap();
    let run = |mode: u32, arguments: &[&str]| {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let mut command = site.command(arguments);
        command.env_remove("CUSTOMARY_MASTER_KEY").env("CUSTOMARY_MASTER_KEY_FILE", &key);
        Process::spawn(command)
    };
    let first = run(0o600, &["serve", "--listen", "127.0.0.1:0"]);
    let token = site.data_dir(0).join("first-token");
    wait_until("the first start is done", Duration::from_secs(20), async || token.exists()).await;
    drop(first);
    let create = ["token", "create", "--org", "1", "--all-entries"];
    for mode in [0o600, 0o400, 0o640, 0o440] {
        let (status, _, stderr) = run(mode, &create).end(Duration::from_secs(20)).expect("it ends");
        assert!(status.success(), "{mode:o}: {stderr}");
    }
    for mode in [0o644, 0o604, 0o660, 0o620, 0o602, 0o601, 0o666] {
        let (status, stdout, stderr) = run(mode, &create).end(Duration::from_secs(20)).expect("it ends");
        assert!(!status.success() && stdout.is_empty(), "{mode:o}: {stdout}");
        let words = ["own.key", &format!("{mode:04o}"), "chmod 600"];
        assert!(words.iter().all(|word| stderr.contains(word)), "{mode:o}: {stderr}");
    }
}
