//! The examples run, and do what their first lines say.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::*;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
const UNIT: &str = "systemd/customary.service";

fn example(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name)
}

/// Runs an example as its first lines say, against a server; gives its status, what it printed and what it complained of.
async fn attempt(server: &Server, program: &Path, arguments: &[&str]) -> (bool, String, String) {
    let output = tokio::process::Command::new(program)
        .args(arguments)
        .env("CUSTOMARY_URL", server.base())
        .env("CUSTOMARY_TOKEN", server.site().token())
        .env_remove("CUSTOMARY_ENTRY")
        .envs([("NO_PROXY", "*"), ("no_proxy", "*"), ("PYTHONDONTWRITEBYTECODE", "1")])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.success(), stdout, stderr)
}

async fn succeed(server: &Server, program: &Path, arguments: &[&str]) -> String {
    let (is_well, stdout, stderr) = attempt(server, program, arguments).await;
    assert!(is_well, "{} {arguments:?}:\n{stdout}{stderr}", program.display());
    stdout
}

both!(a_customer_is_created_once_and_refused_with_reasons, |db| async move {
    let server = Server::start(db).await;
    let file = example("create_customer.py");
    let script = file.to_str().unwrap();
    let first = succeed(&server, &python(), &[script]).await;
    assert_eq!(first, "created: customer 1, ada.roe@example.test\n");
    let again = succeed(&server, &python(), &[script, "Ada", "Roe", "ada.roe@example.test"]).await;
    assert_eq!(again, "matched: customer 1, ada.roe@example.test\n");
    let (is_well, stdout, stderr) = attempt(&server, &python(), &[script, "Ada", "Roe", "nobody"]).await;
    assert!(!is_well && stdout.is_empty() && stderr.starts_with("/email: "), "{stdout}{stderr}");
});

both!(payablis_sdk_runs_unmodified, |db| async move {
    let server = Server::start(db).await;
    let printed = succeed(&server, &python(), &[example("payabli_sdk.py").to_str().unwrap()]).await;
    let expected = "customer 1 is there\nKim Hale lives in Oakton\n1 customer has this e-mail address\nrefused with 400\ndeleted\n";
    assert_eq!(printed, expected);
});

both!(curl_walks_through_a_customers_life, |db| async move {
    let server = Server::start(db).await;
    let printed = succeed(&server, &example("curl.sh"), &[]).await;
    let parts = [
        r#""outcome":"created""#,
        r#""outcome":"matched","customerId":1"#,
        r#""Email":"lin.moss@example.test""#,
        r#""isSuccess":true"#,
        r#""totalRecords":1"#,
        r#""totalRecords":1"#,
        r#""field":"city","from":null,"to":"Oakton""#,
        r#""isSuccess":true"#,
    ];
    let mut rest = printed.as_str();
    for part in parts {
        rest = rest.split_once(part).unwrap_or_else(|| panic!("no {part} in the rest of\n{printed}")).1;
    }
});

both!(a_file_is_rehearsed_and_imported, |db| async move {
    let server = Server::start(db).await;
    let first = succeed(&server, &example("import.sh"), &[]).await;
    assert!(first.contains(r#""added":3,"rejected":0"#), "{first}");
    let again = succeed(&server, &example("import.sh"), &[example("import.csv").to_str().unwrap()]).await;
    assert!(again.contains(r#""added":0,"rejected":0"#) && again.contains(r#""matched":3"#), "{again}");

    let bad = server.site().folder().join("bad.csv");
    fs::write(&bad, "email\nnew@example.test\nnobody\n").unwrap();
    let (is_well, stdout, stderr) = attempt(&server, &example("import.sh"), &[bad.to_str().unwrap()]).await;
    assert!(!is_well && stdout.is_empty() && stderr.contains("nothing was imported"), "{stdout}{stderr}");
});

/// What is set in the unit, by name; a name may be there several times.
fn settings(unit: &str) -> Vec<(&str, &str)> {
    let lines = unit.lines().filter(|line| !line.starts_with(['#', '[']) && !line.is_empty());
    lines.map(|line| line.split_once('=').unwrap_or_else(|| panic!("{line}"))).collect()
}

#[test]
fn the_systemd_unit_starts_this_program_with_options_that_it_has() {
    let unit = fs::read_to_string(example(UNIT)).unwrap();
    let settings = settings(&unit);
    let all = |name| settings.iter().filter(move |(setting, _)| *setting == name).map(|(_, value)| *value);
    let site = Site::new(Db::Sqlite);
    let program = site.command(&[]).get_program().to_owned();

    let start: Vec<_> = all("ExecStart").collect();
    let [start] = start[..] else { panic!("{start:?}") };
    let arguments: Vec<_> = start.split(' ').skip(1).chain(["--help"]).collect();
    let output = Command::new(&program).args(&arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    let help = String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    for variable in all("Environment").chain(["CUSTOMARY_PUBLIC_URL="]) {
        let name = variable.split('=').next().unwrap();
        assert!(help.contains(&format!("[env: {name}")), "{name} is no option of serve");
    }

    // Not every machine has systemd, and this one need not have the program where the unit looks for it.
    let copy = site.folder().join("customary.service");
    fs::write(&copy, unit.replace("/usr/local/bin/customary", program.to_str().unwrap())).unwrap();
    if let Ok(output) = Command::new("systemd-analyze").arg("verify").arg(&copy).output() {
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(!complaints.contains("customary.service"), "{complaints}");
    }
}

#[test]
fn every_example_is_run_here_and_listed() {
    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
    }
    let found: BTreeSet<_> = files(Path::new(FOLDER))
        .into_iter()
        .map(|path| path.strip_prefix(FOLDER).unwrap().to_str().unwrap().to_owned())
        .collect();
    let run_here = [
        "README.md",
        "create_customer.py",
        "curl.sh",
        "import.csv",
        "import.sh",
        "payabli_sdk.py",
        "provider_adapter.py",
        UNIT,
    ];
    assert_eq!(found, run_here.map(str::to_owned).into());
    let list = fs::read_to_string(example("README.md")).unwrap();
    for name in found.iter().filter(|name| *name != "README.md") {
        assert!(list.contains(&format!("[{name}]({name})")), "examples/README.md does not list {name}");
    }
}
