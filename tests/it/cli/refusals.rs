//! The program refuses doubtful configuration with a sentence that says what to change.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use super::Process;
use crate::harness::*;

const PATIENCE: Duration = Duration::from_secs(20);
const UNUSED_ADDRESS: &str = "127.0.0.1:1";
const OTHER_KEY: &str = "b3RoZXItbWFzdGVyLWtleS1vZi1hbm90aGVyLXNpdGU=";

/// Writes a file that only its owner can read.
fn private(path: &std::path::Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Asserts that the program ends with a failure; its standard error.
#[track_caller]
fn refused(what: &str, command: Command) -> String {
    let ended = Process::spawn(command).end(PATIENCE);
    let (status, stdout, stderr) = ended.unwrap_or_else(|| panic!("{what} was not refused"));
    assert!(!status.success(), "{what}: {status}\n{stdout}\n{stderr}");
    assert!(status.code().is_some(), "{what}: killed by a signal\n{stderr}");
    assert!(!stderr.contains("panicked"), "{what}: the program panicked\n{stderr}");
    stderr
}

#[track_caller]
fn says(what: &str, stderr: &str, words: &[&str]) {
    let lower = stderr.to_lowercase();
    for word in words {
        assert!(lower.contains(&word.to_lowercase()), "{what}: the message does not name {word}\n{stderr}");
    }
}

#[tokio::test]
async fn doubtful_configuration_is_refused_with_an_explanation() {
    let site = Site::new(Db::Sqlite);
    let here = site.folder().join("here");
    fs::create_dir(&here).unwrap();
    let bad_key = site.folder().join("bad.key");
    private(&bad_key, "this is no key");
    let bad_key = bad_key.to_str().expect("a path of text");
    let good_key = site.folder().join("good.key");
    private(&good_key, OTHER_KEY);
    let open_key = site.folder().join("open.key");
    private(&open_key, OTHER_KEY);
    fs::set_permissions(&open_key, fs::Permissions::from_mode(0o644)).unwrap();
    let open_key = open_key.to_str().expect("a path of text");
    let good_key = good_key.to_str().expect("a path of text");

    let serve = |arguments: &[&str], key: Option<&str>| {
        let mut command = site.command(&[&["serve"], arguments].concat());
        match key {
            Some(key) => command.env("CUSTOMARY_MASTER_KEY", key),
            None => command.env_remove("CUSTOMARY_MASTER_KEY"),
        };
        command.current_dir(&here);
        command
    };
    let key = Some(OTHER_KEY);
    for (what, command, words) in [
        (
            "an unknown scheme",
            serve(&["--database-url", "mysql://root@localhost/x"], key),
            &["sqlite", "postgres"][..],
        ),
        (
            "a host without a scheme",
            serve(&["--database-url", "host=localhost dbname=x"], key),
            &["sqlite", "postgres"],
        ),
        ("a name without a scheme", serve(&["--database-url", "customers.db"], key), &["sqlite", "postgres"]),
        (
            "a key file that is not there",
            serve(&["--master-key-file", "/nonexistent/master.key"], None),
            &["/nonexistent/master.key"],
        ),
        ("a key file that is a folder", serve(&["--master-key-file", "/tmp"], None), &["/tmp"]),
        ("a key file with something else", serve(&["--master-key-file", bad_key], None), &["bad.key", "32"]),
        (
            "two keys",
            serve(&["--master-key-file", good_key], key),
            &["CUSTOMARY_MASTER_KEY", "--master-key-file"],
        ),
        (
            "a key file that others can read",
            serve(&["--master-key-file", open_key], None),
            &["open.key", "0644", "chmod 600"],
        ),
        (
            "a database on another machine that may be reached in clear",
            serve(&["--database-url", "postgres://u:p@db.example.test/d?sslmode=prefer"], key),
            &["db.example.test", "sslmode=verify-full", "sslmode=disable"],
        ),
        ("an unknown level", serve(&["--log", "verbose"], key), &["--log", "verbose", "debug"]),
        ("another unknown level", serve(&["--log", "info,customary=loud"], key), &["loud", "warn"]),
        ("a port alone", serve(&["--listen", "8080"], key), &["127.0.0.1:8080"]),
        (
            "an address with a scheme",
            serve(&["--listen", "http://localhost:8080"], key),
            &["without http://"],
        ),
        ("a key that is too short", serve(&[], Some("c2hvcnQ=")), &["CUSTOMARY_MASTER_KEY", "32"]),
        (
            "a key that is a placeholder",
            serve(&[], Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")),
            &["CUSTOMARY_MASTER_KEY"],
        ),
        (
            "a public address without a key",
            serve(&["--listen", "0.0.0.0:0"], None),
            &["master key", "0.0.0.0"],
        ),
        ("another public address", serve(&["--listen", "[::]:0"], None), &["master key"]),
        ("no address", serve(&["--listen", "somewhere"], key), &["--listen"]),
        (
            "a public URL without a scheme",
            serve(&["--public-url", "customers.example"], key),
            &["--public-url", "https://"],
        ),
        ("an unknown option", serve(&["--colour", "red"], key), &["--colour"]),
    ] {
        let stderr = refused(what, command);
        says(what, &stderr, words);
        assert!(!stderr.contains(OTHER_KEY), "{what}: the key itself is printed\n{stderr}");
    }
    let left: Vec<_> = fs::read_dir(&here).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "a refused start made {left:?}");

    // The same through the environment, which sets every option.
    let mut command = serve(&[], key);
    command.env("CUSTOMARY_DATABASE_URL", "mysql://root@localhost/x");
    says(
        "an unknown scheme by the environment",
        &refused("by the environment", command),
        &["sqlite", "postgres"],
    );
}

both!(a_wrong_master_key_is_refused, |db| async {
    let mut server = Server::start(db).await;
    let token = server.site().token().to_owned();
    assert_eq!(server.terminate().await.code(), Some(0), "{}", server.logs());
    for arguments in [
        &["serve", "--listen", UNUSED_ADDRESS][..],
        &["token", "create", "--org", "1", "--all-entries"],
        &["doctor"],
    ] {
        let mut command = server.site().command(arguments);
        command.env("CUSTOMARY_MASTER_KEY", OTHER_KEY);
        let output = Process::spawn(command).end(PATIENCE);
        let (status, stdout, stderr) =
            output.unwrap_or_else(|| panic!("{arguments:?} runs with another key"));
        assert!(!status.success(), "{arguments:?}: {stdout}{stderr}");
        says(&arguments.join(" "), &format!("{stdout}{stderr}"), &["master key"]);
        assert!(!stdout.contains("eyJ"), "{arguments:?} made a token: {stdout}");
    }
    // With its own key it starts as before.
    server.spawn();
    server.ready().await;
    server.anonymous().token(&token).get("/api/Query/customers/demo").await.expect(200);
});

#[tokio::test]
async fn postgresql_without_a_master_key_is_refused() {
    let site = Site::new(Db::Postgres);
    for arguments in [&["serve", "--listen", UNUSED_ADDRESS][..], &["token", "list"], &["doctor"]] {
        let mut command = site.command(arguments);
        command.env_remove("CUSTOMARY_MASTER_KEY");
        let what = arguments.join(" ");
        let stderr = refused(&what, command);
        says(&what, &stderr, &["master key", "PostgreSQL"]);
        let password = site.database_url().expect("an address");
        assert!(!stderr.contains(password), "{what}: the address with its password is printed\n{stderr}");
    }
}

both!(subcommands_refuse_impossible_arguments, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    for (arguments, words) in [
        (&["token", "create", "--org", "99", "--all-entries"][..], &["99"][..]),
        (&["token", "create", "--org", "1", "--entry", "nowhere"], &["entrypoint"]),
        (&["token", "create", "--org", "1"], &["--entry"]),
        (
            &["token", "create", "--org", "1", "--all-entries", "--scope", "customers:fly"],
            &["customers:fly", "customers:read"],
        ),
        (&["token", "create", "--org", "1", "--all-entries", "--expires", "0s"], &["--expires"]),
        (&["token", "create", "--org", "1", "--all-entries", "--expires", "soon"], &["--expires"]),
        (&["token", "revoke", "nobody"], &[]),
        (&["entrypoint", "create", "demo", "--org", "1"], &["taken"]),
        (&["entrypoint", "create", "de mo", "--org", "1"], &[]),
        (&["entrypoint", "create", "new", "--org", "99"], &[]),
        (&["entrypoint", "create", "new", "--org", "1", "--country", "Atlantis"], &["country"]),
        (&["entrypoint", "create", "new", "--org", "1", "--identifier", "balance"], &["balance"]),
        (&["entrypoint", "create", "new", "--org", "1", "--required", "e_mail"], &["email"]),
        (&["org", "create", ""], &[]),
        (&["nonsense"], &["nonsense"]),
    ] {
        let what = arguments.join(" ");
        let stderr = refused(&what, site.command(arguments));
        assert!(!stderr.trim().is_empty(), "{what}: refused without a message");
        says(&what, &stderr, words);
    }
    let listed = site.cli(&["entrypoint", "list"]).success();
    assert!(!listed.contains("new"), "a refused command made something: {listed}");
});
