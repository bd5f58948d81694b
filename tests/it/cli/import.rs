//! `customary import` on the database, beside a running server.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::Process;
use crate::harness::*;
use crate::support::*;

const PATIENCE: Duration = Duration::from_mins(2);
const INTERRUPTED: i32 = 130;

const PEOPLE: &str = "\
First Name,Last Name,E-mail,Phone
Ada,Roe,ada@example.test,+1 202 555 0117
Budi,Santoso,budi@example.test,
";
/// Lines 3 and 5 are bad.
const MIXED: &str = "\
First Name,E-mail,Company
Ada,ada@example.test,\"Roe, \"\"Sons\"\"\"
Cyd,not an address,=1+1
Dee,dee@example.test,
Eva,eva@,Moss
";

/// Writes a file beside the database.
fn file(site: &Site, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = site.folder().join(name);
    fs::write(&path, content).unwrap();
    path
}

fn command(site: &Site, path: &Path, options: &[&str]) -> Command {
    let path = path.to_str().unwrap();
    let mut command = site.command(&[&["import", path, "--entry", "demo"], options].concat());
    command.current_dir(site.folder());
    command
}

/// What an import printed, and its exit status.
struct ImportOutput {
    status: i32,
    stdout: String,
    stderr: String,
}

fn import_output(output: std::process::Output) -> ImportOutput {
    ImportOutput {
        status: output.status.code().unwrap_or_else(|| panic!("{}", output.status)),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn import(site: &Site, path: &Path, options: &[&str]) -> ImportOutput {
    import_output(command(site, path, options).output().expect("the program runs"))
}

impl ImportOutput {
    #[track_caller]
    fn expect_status(self, status: i32) -> ImportOutput {
        assert_eq!(self.status, status, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// The number on a line of the summary.
    #[track_caller]
    fn number(&self, name: &str) -> i64 {
        let line = self.stdout.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let line = line.unwrap_or_else(|| panic!("no {name} in {}", self.stdout));
        line.parse().unwrap_or_else(|_| panic!("{name} {line}"))
    }

    #[track_caller]
    fn numbers<const N: usize>(&self, names: [&str; N]) -> [i64; N] {
        names.map(|name| self.number(name))
    }
}

const NUMBERS: [&str; 6] = ["rows", "added", "replaced", "merged", "matched", "rejected"];

both!(a_file_becomes_customers_once, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    let path = file(site, "people.csv", PEOPLE);
    let first = import(site, &path, &[]).expect_status(0);
    assert_eq!(first.numbers(NUMBERS), [2, 2, 0, 0, 0, 0]);
    assert!(first.stderr.is_empty(), "no terminal, no progress: {}", first.stderr);
    assert!(!first.stdout.contains("repeated"), "{}", first.stdout);
    assert!(!site.folder().join("people.rejected.csv").exists());
    let stored = server.client().list("demo").await;
    let stored: Vec<_> = stored.iter().map(|record| (&record["Firstname"], &record["Phone"])).collect();
    assert!(stored.contains(&(&json!("Ada"), &json!("+12025550117"))), "{stored:?}");
    assert_eq!(stored.len(), 2);

    let repeated = import(site, &path, &[]).expect_status(0);
    assert_eq!(repeated.numbers(NUMBERS), [2, 2, 0, 0, 0, 0], "the first report");
    assert!(repeated.stdout.contains("repeated: ") && repeated.stdout.contains("--again"));
    assert_eq!(repeated.number("job"), first.number("job"));
    let again = import(site, &path, &["--again"]).expect_status(0);
    assert_eq!(again.numbers(NUMBERS), [2, 0, 0, 0, 2, 0]);
    // Other options make another import.
    let replaced = import(site, &path, &["--replace-existing", "--quiet"]).expect_status(0);
    assert_eq!(replaced.numbers(NUMBERS), [2, 0, 2, 0, 0, 0]);
    let forced = import(site, &path, &["--force-customer-creation"]).expect_status(0);
    assert_eq!(forced.numbers(NUMBERS), [2, 2, 0, 0, 0, 0]);
    assert_eq!(total(&server.client(), "demo").await, 4);
});

both!(rejected_rows_can_be_corrected_and_imported, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    let path = file(site, "mixed.csv", MIXED);
    let first = import(site, &path, &[]).expect_status(1);
    assert_eq!(first.numbers(NUMBERS), [4, 2, 0, 0, 0, 2]);
    for line in ["line 3", "line 5"] {
        assert!(first.stderr.contains(line), "{}", first.stderr);
    }
    assert!(!first.stderr.contains("not an address"), "errors contain no values: {}", first.stderr);
    let rejected = site.folder().join("mixed.rejected.csv");
    assert!(first.stdout.contains(rejected.to_str().unwrap()), "{}", first.stdout);
    assert_eq!(fs::metadata(&rejected).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&rejected).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert_eq!(lines[0], "\u{feff}importLine,importError,First Name,E-mail,Company");
    assert!(lines[1].starts_with("3,") && lines[1].ends_with(",Cyd,not an address,'=1+1"), "{text}");
    assert!(lines[2].starts_with("5,") && lines[2].ends_with(",Eva,eva@,Moss"), "{text}");

    // The same report gives the same file once; the command does not overwrite a file that somebody changed.
    import(site, &path, &[]).expect_status(1);
    assert_eq!(fs::read_to_string(&rejected).unwrap(), text);
    let second_name = site.folder().join("mixed.rejected-2.csv");
    assert!(!second_name.exists());
    let corrected = text.replace("not an address", "cyd@example.test").replace("eva@,", "eva@example.test,");
    fs::write(&rejected, &corrected).unwrap();
    import(site, &path, &[]).expect_status(1);
    assert_eq!(fs::read_to_string(&rejected).unwrap(), corrected);
    assert_eq!(fs::read_to_string(&second_name).unwrap(), text);

    let second = import(site, &rejected, &[]).expect_status(0);
    assert_eq!(second.numbers(NUMBERS), [2, 2, 0, 0, 0, 0]);
    let stored = server.client().list("demo").await;
    let mut companies: Vec<_> =
        stored.iter().map(|record| (record["Email"].as_str().unwrap(), &record["Company"])).collect();
    companies.sort_by_key(|(email, _)| *email);
    let (formula, moss) = (json!("=1+1"), json!("Moss"));
    assert_eq!(companies[1], ("cyd@example.test", &formula), "cells keep their text");
    assert_eq!(companies[3], ("eva@example.test", &moss));

    // `--rejected` overwrites the file that it names.
    let named = file(site, "bad.csv", "old");
    import(site, &path, &["--rejected", named.to_str().unwrap()]).expect_status(1);
    assert_eq!(fs::read_to_string(&named).unwrap(), text);
});

both!(an_impossible_import_exits_with_2, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    let near = file(site, "near.csv", "firstnam,email\nAda,ada@example.test\n");
    let twice = file(site, "twice.csv", "email,E-mail\na@example.test,b@example.test\n");
    let latin = file(site, "latin.csv", b"email,company\nada@example.test,Ros\xe9\n");
    let empty = file(site, "empty.csv", "\n \n");
    let good = file(site, "good.csv", PEOPLE);
    let none = site.folder().join("none.csv");
    let long = file(site, "long.csv", format!("email,\"{}", "x".repeat(3 << 20)));
    for (path, options, wanted) in [
        (&near, &[][..], "did you mean firstname"),
        (&twice, &[], "both mean email"),
        (&latin, &[], "windows-1252"),
        (&empty, &[], "the file is empty"),
        (&long, &[], "bytes"),
        (&none, &[], "none.csv"),
        (&good, &["--delimiter", "x"], "delimiter: must be comma"),
        (&good, &["--map", "Phone:fon"], "map: "),
        (&good, &["--replace-existing", "--merge-existing"], "--merge-existing"),
        (&good, &["--server", "http://127.0.0.1:9"], "--token"),
    ] {
        let refused = import(site, path, options).expect_status(2);
        assert!(refused.stderr.contains(wanted), "{} {options:?}: {}", path.display(), refused.stderr);
        assert!(refused.stdout.is_empty(), "{}", refused.stdout);
    }
    let elsewhere = ["import", good.to_str().unwrap(), "--entry", "nowhere"];
    let refused = import_output(site.command(&elsewhere).output().unwrap()).expect_status(2);
    assert!(refused.stderr.contains("no entrypoint nowhere"), "{}", refused.stderr);
    // Nothing listens on that port.
    let refused = import(site, &good, &["--server", "http://127.0.0.1:9", "--token", "x"]).expect_status(2);
    assert!(refused.stderr.contains("127.0.0.1:9"), "{}", refused.stderr);
    assert_eq!(total(&server.client(), "demo").await, 0);
    assert_eq!(Sql::open(site).number(sql::JOBS), 0, "a refused file leaves no import");
});

both!(a_running_server_imports_a_file_too, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    let path = file(site, "mixed.csv", MIXED);
    let base = server.base();
    let through = |options: &[&str]| {
        let there = ["--server", &base, "--token", site.token()];
        let mut command = command(site, &path, &[&there, options].concat());
        // With another key the command could not open the database itself.
        command.env("CUSTOMARY_MASTER_KEY", "EREREREREREREREREREREREREREREREREREREREREREi");
        import_output(command.output().expect("the program runs"))
    };
    let dry_run = through(&["--dry-run"]).expect_status(1);
    assert_eq!(dry_run.numbers(NUMBERS), [4, 2, 0, 0, 0, 2]);
    assert_eq!(total(&server.client(), "demo").await, 0);
    let first = through(&[]).expect_status(1);
    assert_eq!(first.numbers(NUMBERS), [4, 2, 0, 0, 0, 2]);
    for line in ["line 3", "line 5"] {
        assert!(first.stderr.contains(line), "{}", first.stderr);
    }
    let rejected = fs::read_to_string(site.folder().join("mixed.rejected.csv")).unwrap();
    assert!(rejected.contains(",Cyd,not an address,'=1+1"), "{rejected}");
    assert_eq!(total(&server.client(), "demo").await, 2);
    let repeated = through(&[]).expect_status(1);
    assert!(repeated.stdout.contains("repeated: ") && repeated.stdout.contains("--again"));
    let forced = through(&["--force-customer-creation", "--quiet", "--map", "Company:-"]).expect_status(1);
    assert!(forced.stdout.contains("columns left out: Company"), "{}", forced.stdout);
    assert_eq!(forced.numbers(NUMBERS), [4, 2, 0, 0, 0, 2]);
    assert_eq!(total(&server.client(), "demo").await, 4);
    let reader = site.new_token(&["--org", "1", "--entry", "demo", "--scope", "customers:read"]);
    let refused = import(site, &path, &["--server", &base, "--token", &reader]).expect_status(2);
    assert!(refused.stderr.contains("customers:import"), "{}", refused.stderr);
});

both!(standard_input_can_be_imported, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    let mut child = command(site, Path::new("-"), &[])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    child.stdin.take().unwrap().write_all(MIXED.as_bytes()).unwrap();
    let run = import_output(child.wait_with_output().unwrap()).expect_status(1);
    assert_eq!(run.numbers(NUMBERS), [4, 2, 0, 0, 0, 2]);
    assert!(site.folder().join("import.rejected.csv").exists());
    assert_eq!(total(&server.client(), "demo").await, 2);
});

both!(a_dry_run_reports_the_outcome_and_writes_nothing, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    let path = file(site, "people.csv", PEOPLE);
    let dry_run = import(site, &path, &["--dry-run"]).expect_status(0);
    assert_eq!(dry_run.numbers(NUMBERS), [2, 2, 0, 0, 0, 0]);
    assert!(dry_run.stdout.contains("dry run: nothing was written"), "{}", dry_run.stdout);
    assert_eq!(total(&server.client(), "demo").await, 0);
    let done = import(site, &path, &[]).expect_status(0);
    assert_eq!(done.numbers(NUMBERS), [2, 2, 0, 0, 0, 0]);
    assert!(!done.stdout.contains("dry run"), "{}", done.stdout);
    assert_eq!(total(&server.client(), "demo").await, 2);
});

both!(every_option_reaches_the_import, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    let latin = b"Kunde;Mail;Geburtstag;Tier;Weg\nRos\xe9;r@example.test;03/04/1990;gold;x\nBad;b@example.test;13/13/1990;;x\n";
    let path = file(site, "latin.csv", latin);
    let options = [
        "--encoding",
        "windows-1252",
        "--delimiter",
        "semicolon",
        "--date-format",
        "MM/DD/YYYY",
        "--map",
        "Kunde:fullname",
        "--map",
        "Geburtstag:birthday",
        "--map",
        "Weg:-",
        "--unknown-columns",
        "additional",
        "--on-bad-value",
        "blank",
        "--identifier-fields",
        "fullname,email",
    ];
    let done = import(site, &path, &options).expect_status(0);
    assert_eq!(done.numbers(["added", "rejected", "warnings"]), [2, 0, 1]);
    assert!(done.stdout.contains("columns left out: Weg"), "{}", done.stdout);
    let stored = server.client().list("demo").await;
    let rose = stored.iter().find(|record| record["Fullname"] == "Ros\u{e9}").expect("it was read");
    assert_eq!(rose["Birthday"].as_str().map(|text| &text[..10]), Some("1990-03-04"));
    assert_eq!(rose["AdditionalFields"], json!({"Tier": "gold"}));

    let path = file(site, "mixed.csv", MIXED);
    let stopped = import(site, &path, &["--on-error", "stop", "--merge-existing"]).expect_status(2);
    assert_eq!(stopped.numbers(["rows", "added", "rejected"]), [2, 1, 1]);
    assert!(stopped.stderr.contains("stopped at line 3"), "{}", stopped.stderr);
    let resumed = import(site, &path, &["--on-error", "stop", "--merge-existing"]).expect_status(2);
    assert_eq!(resumed.numbers(["rows", "added", "rejected"]), [4, 2, 2]);
    assert!(resumed.stderr.contains("goes on where it stopped"), "{}", resumed.stderr);
});

/// Waits for a number in the database.
async fn until(sql: &mut Sql, query: &str, process: &mut Process) {
    wait_until(&format!("{query} is not 0"), PATIENCE, async || {
        assert!(process.0.try_wait().unwrap().is_none(), "the command ended too early");
        sql.number(query) != 0
    })
    .await;
}

fn interrupt(process: &Process) {
    kill_process(Pid::from_child(&process.0), Signal::INT).unwrap();
}

both!(after_ctrl_c_the_same_command_resumes, |db| async {
    let rows = setting("TEST_IMPORT_ROWS", 6_000);
    let server = Server::start(db).await;
    let site = server.site();
    let header = "customerNumber,email,company\n".to_owned();
    let lines = (0..rows).map(|row| format!("N{row},c{row}@example.test,\"Firm {row}, Sons\"\n"));
    let text: String = std::iter::once(header).chain(lines).collect();
    let path = file(site, "many.csv", text);
    let mut sql = Sql::open(site);
    let mut running = Process::spawn(command(site, &path, &[]));
    until(&mut sql, sql::JOBS_ROWS_DONE, &mut running).await;
    interrupt(&running);
    let (status, stdout, stderr) = running.end(PATIENCE).expect("it ends");
    assert_eq!(status.code(), Some(INTERRUPTED), "{stdout}{stderr}");
    let stopped = ImportOutput { status: INTERRUPTED, stdout, stderr };
    let done = stopped.number("rows");
    assert!(0 < done && done < i64::try_from(rows).unwrap(), "{done}");
    assert_eq!(stopped.number("added"), done);
    assert!(stopped.stdout.contains("state cancelled"), "{}", stopped.stdout);
    assert!(stopped.stderr.contains(&format!("{done} rows")), "{}", stopped.stderr);
    assert!(stopped.stderr.contains("the same command goes on from there"), "{}", stopped.stderr);
    assert_eq!(i64::try_from(total(&server.client(), "demo").await).unwrap(), done);

    let all = i64::try_from(rows).unwrap();
    let finished = import(site, &path, &[]).expect_status(0);
    assert_eq!(finished.numbers(NUMBERS), [all, all, 0, 0, 0, 0], "every row is imported once");
    assert_eq!(finished.number("job"), stopped.number("job"));
    assert_eq!(total(&server.client(), "demo").await, rows);
});

both!(ctrl_c_during_the_upload_leaves_nothing, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    let mut sql = Sql::open(site);
    let mut waiting = command(site, Path::new("-"), &[]);
    waiting.stdin(Stdio::piped());
    let mut waiting = Process::spawn(waiting);
    let mut input = waiting.0.stdin.take().unwrap();
    input.write_all(PEOPLE.as_bytes()).unwrap();
    until(&mut sql, sql::JOBS, &mut waiting).await;
    interrupt(&waiting);
    let (status, stdout, stderr) = waiting.end(PATIENCE).expect("it ends");
    assert_eq!(status.code(), Some(INTERRUPTED), "{stdout}{stderr}");
    assert!(stderr.contains("nothing of it was imported"), "{stderr}");
    drop(input);
    assert_eq!(sql.number(sql::JOBS), 0);
    assert_eq!(total(&server.client(), "demo").await, 0);
});

#[test]
fn the_help_lists_the_exit_statuses_and_shows_no_token() {
    let site = Site::with_environment(Db::Sqlite, &[("CUSTOMARY_TOKEN", "secret-token")]);
    let run = import_output(site.command(&["import", "--help"]).output().unwrap()).expect_status(0);
    for wanted in ["130 stopped by Ctrl-C", "1 some rows were rejected", "CUSTOMARY_SERVER", "--dry-run"] {
        let help = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains(wanted), "{wanted}: {help}");
    }
    assert!(!run.stdout.contains("secret-token"));
}
