//! Subcommands, most of them beside a running server, and the end of `serve`.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

both!(tokens_are_created_listed_and_revoked_beside_a_running_server, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    let list = "/api/Query/customers/demo";
    let token = site.new_token(&[
        "--org",
        "1",
        "--entry",
        "demo",
        "--name",
        "front desk",
        "--scope",
        "customers:read",
        "--expires",
        "90d",
    ]);
    let made = claims(&token);
    assert_eq!((&made["sub"], &made["org"]), (&json!("front desk"), &json!(1)));
    assert_eq!((&made["entries"], &made["scopes"]), (&json!(["demo"]), &json!(["customers:read"])));
    assert_eq!(made["exp"].as_i64().unwrap() - made["iat"].as_i64().unwrap(), 90 * 86_400);
    server.anonymous().token(&token).get(list).await.expect(200);

    // A token without scopes may do everything on customers, and nothing on settings and tokens.
    let plain = claims(&site.new_token(&["--org", "1", "--all-entries"]));
    let mut scopes: Vec<_> =
        plain["scopes"].as_array().expect("scopes").iter().filter_map(Value::as_str).collect();
    scopes.sort_unstable();
    let customers = [
        "customers:delete",
        "customers:export",
        "customers:import",
        "customers:read",
        "customers:write",
        "money:read",
        "money:write",
        "pii:read",
    ];
    assert_eq!(scopes, customers);
    assert_eq!(plain["entries"], "*");

    let listed = site.cli(&["token", "list"]).success();
    let line =
        listed.lines().find(|line| line.contains(&jti(&token))).unwrap_or_else(|| panic!("not in {listed}"));
    for part in ["front desk", "demo", "customers:read"] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    assert!(!line.contains("revoked"), "{line}");
    assert!(!listed.contains("eyJ"), "the list contains a token's text: {listed}");
    site.cli(&["token", "revoke", &jti(&token)]).success();
    let listed = site.cli(&["token", "list"]).success();
    let line =
        listed.lines().find(|line| line.contains(&jti(&token))).unwrap_or_else(|| panic!("not in {listed}"));
    assert!(line.contains("revoked"), "{line}");
});

both!(entrypoints_and_organisations_created_beside_a_running_server_exist_at_once, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    let client = server.client();
    // The first request comes before the entrypoint exists, in case the server caches the answer.
    client.get("/api/Query/customers/branch").await.expect_error(404);
    let arguments = [
        "--legal-name",
        "Branch LLC",
        "--dba-name",
        "The Branch",
        "--country",
        "GB",
        "--identifier",
        "phone",
        "--required",
        "fullname",
    ];
    new_entry(site, "branch", &arguments);
    let body = json!({"phone": "020 7946 0018", "fullname": "Ada Roe"});
    let id = created(&client, "branch", &body).await;
    let record = read(&client, id).await.json;
    assert_eq!(record["PaypointLegalname"], "Branch LLC");
    assert_eq!(record["PaypointDbaname"], "The Branch");
    assert_eq!(record["Phone"], "+442079460018");
    let listed = site.cli(&["entrypoint", "list"]).success();
    let line =
        listed.lines().find(|line| line.contains("branch")).unwrap_or_else(|| panic!("not in {listed}"));
    for part in ["phone", "fullname", "GB"] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    assert!(listed.contains("demo"), "{listed}");

    let org = new_org(site, "Second");
    assert_ne!(org, 1);
    new_entry_of(site, org, "second", &[]);
    let second = token_of(site, &["--org", &org.to_string(), "--all-entries"], &SCOPES);
    let second = server.anonymous().token(&second);
    let id = created(&second, "second", &json!({"fullname": "Ada Roe"})).await;
    assert_eq!(read(&second, id).await.json["ParentOrgName"], "Second");
    client.get(&path(id)).await.expect_error(404);
});

both!(doctor_reports_what_is_right_and_what_is_wrong, |db| async {
    let site = Site::new(db);
    let before = site.cli(&["doctor"]);
    assert!(!before.status.success(), "doctor succeeded without a database: {}", before.stdout);
    assert!(!format!("{}{}", before.stdout, before.stderr).trim().is_empty());
    let server = Server::start_on(&site).await;
    created(&server.client(), "demo", &json!({"email": "ada@example.test"})).await;
    for arguments in [&["doctor"][..], &["doctor", "--deep"]] {
        let report = site.cli(arguments).success().to_lowercase();
        for part in ["database", "migration", "key", "clock"] {
            assert!(report.contains(part), "{part} is not in {report}");
        }
    }
    // For example a wrong counter.
    Sql::open(&site).run(sql::WRONG_LIVE_COUNT);
    let report = site.cli(&["doctor"]);
    assert!(!report.status.success(), "{}{}", report.stdout, report.stderr);
});

#[tokio::test]
async fn openapi_prints_the_served_document() {
    let site = Site::new(Db::Sqlite);
    let printed = site.cli(&["openapi"]).success();
    assert!(!site.database_file().exists(), "printing a document makes no database");
    let printed: Value = serde_json::from_str(&printed).expect("JSON");
    assert!(
        printed["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")),
        "{}",
        printed["openapi"]
    );
    let server = Server::start_on(&site).await;
    let served = server.anonymous().get("/openapi.json").await.expect(200);
    assert_eq!(served.header("Content-Type"), Some("application/json"));
    assert_eq!(served.json["paths"], printed["paths"]);
    assert_eq!(served.json["components"], printed["components"]);
}

#[test]
fn every_subcommand_has_help_that_names_its_defaults() {
    let site = Site::new(Db::Sqlite);
    let commands: [&[&str]; 17] = [
        &[],
        &["serve"],
        &["token"],
        &["token", "create"],
        &["token", "list"],
        &["token", "revoke"],
        &["entrypoint"],
        &["entrypoint", "create"],
        &["entrypoint", "list"],
        &["org"],
        &["org", "create"],
        &["export"],
        &["import"],
        &["openapi"],
        &["doctor"],
        &["help"],
        &["help", "token", "create"],
    ];
    for command in commands {
        let arguments =
            if command.first() == Some(&"help") { command.to_vec() } else { [command, &["--help"]].concat() };
        // `help` takes no other options, so the test does not use the harness, which adds some.
        let output = std::process::Command::new(site.command(&[]).get_program())
            .args(&arguments)
            .output()
            .expect("the program runs");
        let help = String::from_utf8(output.stdout).expect("text");
        assert!(output.status.success(), "{arguments:?}: {help}{}", String::from_utf8_lossy(&output.stderr));
        assert!(help.contains("Usage:"), "{arguments:?}: {help}");
        if command.first() != Some(&"help") {
            for global in
                ["--data-dir", "./data", "CUSTOMARY_DATA_DIR", "--database-url", "CUSTOMARY_DATABASE_URL"]
            {
                assert!(help.contains(global), "{global} is not in the help of {command:?}: {help}");
            }
        }
        let defaults: &[&str] = match command {
            ["serve"] => &["--listen", "127.0.0.1:8080", "CUSTOMARY_LISTEN", "--public-url"],
            ["token", "create"] => {
                &["--org", "--entry", "--all-entries", "--scope", "--name", "--expires", "default"]
            }
            ["entrypoint", "create"] => {
                &["--legal-name", "--dba-name", "--country", "--identifier", "--required"]
            }
            ["export"] => &[
                "--entry",
                "--format",
                "--output",
                "--columns",
                "--filter",
                "--search",
                "--sort-by",
                "--force",
                "--quiet",
                "[default: that of the file's",
                "oldest first",
                "customers-ENTRY-DATE.FORMAT",
            ],
            [] => &["serve", "token", "entrypoint", "org", "export", "openapi", "doctor"],
            _ => &[],
        };
        for default in defaults {
            assert!(help.contains(default), "{default} is not in the help of {command:?}: {help}");
        }
        assert!(!site.database_file().exists(), "{arguments:?} made a database");
    }
}

both!(sigterm_lets_running_requests_finish, |db| async {
    let mut server = Server::start(db).await;
    let token = server.site().token().to_owned();
    let body = json!({"email": "slow@example.test", "customerPsw": "long enough"}).to_string();
    let (early, late) = body.split_at(body.len() / 2);
    let address = server.base().replace("http://", "");
    let mut connection = TcpStream::connect(&address).expect("it listens");
    connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let length = body.len();
    let head = format!(
        "POST /api/Customer/single/demo HTTP/1.1\r\nHost: {address}\r\nrequestToken: {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{early}"
    );
    connection.write_all(head.as_bytes()).expect("it is read");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let rest = async {
        // By now the server has received the signal, with half a request in hand.
        tokio::time::sleep(Duration::from_millis(500)).await;
        connection.write_all(late.as_bytes()).expect("the server still reads");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("the server still answers");
        answer
    };
    let (status, answer) = tokio::join!(server.terminate(), rest);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\"outcome\":\"created\""), "{answer}");
    assert_eq!(status.code(), Some(0), "{}", server.logs());
    server.spawn();
    server.ready().await;
    let stored = server.client().list("demo").await;
    assert_eq!(stored.len(), 1, "the acknowledged customer is stored");
    assert_eq!(stored[0]["Email"], "slow@example.test");
});

/// Reads the head of one answer from a connection; empty if the server closed it.
fn answered(connection: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        match connection.read(&mut buffer).expect("an answer or an end") {
            0 => break,
            count => answer.extend_from_slice(&buffer[..count]),
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn an_idle_connection_stays_open_for_the_keep_alive_time() {
    let ask = |connection: &mut TcpStream| {
        connection.write_all(b"GET /health/live HTTP/1.1\r\nHost: here\r\n\r\n").expect("it is read");
        answered(connection)
    };
    let connected = |server: &Server| {
        let connection = TcpStream::connect(server.base().replace("http://", "")).expect("it listens");
        connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        connection
    };
    // HTTP clients commonly keep idle connections for five seconds: the server must not close one earlier.
    let server = Server::start(Db::Sqlite).await;
    let mut patient = connected(&server);
    assert!(ask(&mut patient).starts_with("HTTP/1.1 200"));
    let site = Site::with_environment(Db::Sqlite, &[("CUSTOMARY_KEEP_ALIVE", "1s")]);
    let short = Server::start_on(&site).await;
    let mut hasty = connected(&short);
    assert!(ask(&mut hasty).starts_with("HTTP/1.1 200"));
    assert_eq!(answered(&mut hasty), "", "the server closed the connection");
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert!(ask(&mut patient).starts_with("HTTP/1.1 200"), "the connection is still open");
    for refused in ["0s", "2h", "soon"] {
        let site = Site::new(Db::Sqlite);
        let output = site.command(&["serve", "--keep-alive", refused]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{refused}");
    }
}
