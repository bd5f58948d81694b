//! `customary export`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::*;
use crate::support::*;

/// Runs the command in a folder of its own; its exit status, standard output and standard error.
fn export(site: &Site, folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command: Command = site.command(&[&["export"], arguments].concat());
    let output = command.current_dir(folder).stdin(Stdio::null()).output().expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code().expect("a status"), text(output.stdout), text(output.stderr))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

both!(the_command_writes_the_same_file_as_the_service, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    let client = server.client();
    create_nasty(&client, "demo").await;
    let folder = site.folder().join("work");
    fs::create_dir(&folder).unwrap();
    let wanted = client.get(CSV).await.expect(200).text;

    let (status, stdout, stderr) = export(site, &folder, &["--entry", "demo"]);
    assert_eq!((status, stdout.as_str()), (0, ""), "{stderr}");
    let made = names(&folder);
    assert_eq!(made.len(), 1, "{made:?}");
    let name = &made[0];
    let day = name.strip_prefix("customers-demo-").and_then(|rest| rest.strip_suffix(".csv"));
    assert!(day.is_some_and(|day| day.len() == "2026-03-01".len()), "{name}");
    assert!(stderr.contains(&format!("exported 7 customers of demo to {name}")), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "progress without a terminal: {stderr}");
    let file = folder.join(name);
    assert_eq!(fs::read_to_string(&file).unwrap(), wanted);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    // A name says what the file is.
    let (status, _, stderr) = export(site, &folder, &["--entry", "demo", "--output", "people.XLSX"]);
    assert_eq!(status, 0, "{stderr}");
    assert!(fs::read(folder.join("people.XLSX")).unwrap().starts_with(b"PK"), "no workbook");
    fs::remove_file(folder.join("people.XLSX")).unwrap();
    // The command never overwrites a file unasked.
    fs::write(&file, "mine").unwrap();
    let (status, _, stderr) = export(site, &folder, &["--entry", "demo"]);
    assert_eq!((status, fs::read_to_string(&file).unwrap().as_str()), (2, "mine"));
    assert!(stderr.contains("exists") && stderr.contains("--force"), "{stderr}");
    let (status, ..) = export(site, &folder, &["--entry", "demo", "--force", "--quiet"]);
    assert_eq!((status, fs::read_to_string(&file).unwrap()), (0, wanted.clone()));
    assert_eq!(names(&folder), made, "the command leaves other files");

    let (status, stdout, stderr) = export(site, &folder, &["--entry", "demo", "--output", "-", "--quiet"]);
    assert_eq!((status, stdout, stderr.as_str()), (0, wanted, ""));
    let arguments =
        ["--entry", "demo", "--output", "-", "--columns", "Email:mail", "--filter", "email(ct)=example"];
    let more = ["--filter", "status=1", "--search", "example", "--sort-by", "desc(email)"];
    let (status, stdout, stderr) = export(site, &folder, &[&arguments[..], &more].concat());
    let path = format!(
        "{CSV}?columnsExport=Email:mail&email(ct)=example&status=1&search=example&sortBy=desc(email)"
    );
    assert_eq!((status, stdout), (0, client.get(&path).await.expect(200).text));
    assert!(stderr.contains("to standard output"), "{stderr}");

    let arguments = ["--entry", "demo", "--format", "xlsx", "--output", "book.xlsx"];
    let (status, _, stderr) = export(site, &folder, &arguments);
    assert_eq!(status, 0, "{stderr}");
    assert_eq!(read_workbook(&folder.join("book.xlsx")), workbook(&server, &client, XLSX).await);
});

both!(a_refused_command_exits_with_2_and_writes_nothing, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    created(&server.client(), "demo", &json!({"email": "ada@example.test"})).await;
    let folder = site.folder().join("work");
    fs::create_dir(&folder).unwrap();
    for (arguments, expected) in [
        (&["--entry", "nowhere"][..], "no entrypoint nowhere"),
        (&["--entry", "../demo"], "no entrypoint ../demo"),
        (&["--entry", "demo", "--format", "pdf"], "csv or xlsx"),
        (
            &["--entry", "demo", "--columns", "Emial"],
            "--columns: \"Emial\" is no column; did you mean Email?",
        ),
        (&["--entry", "demo", "--filter", "emial=x"], "--filter: emial: is no field"),
        (&["--entry", "demo", "--sort-by", "email"], "--sort-by: must be written"),
        (&["--entry", "demo", "--output", "missing/folder.csv"], "cannot be written"),
        (&["--entry", "demo", "--output", "."], "exists"),
        (&["--entry", "demo", "--output", ".", "--force"], "is a folder"),
        (&[], "--entry"),
    ] {
        let (status, stdout, stderr) = export(site, &folder, arguments);
        assert_eq!((status, stdout.as_str()), (2, ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
        assert_eq!(names(&folder), Vec::<String>::new(), "{arguments:?}");
    }
    // A record that cannot be read leaves no file behind.
    Sql::open(site).run(sql::SPOIL_ALL_CUSTOMERS);
    let (status, _, stderr) = export(site, &folder, &["--entry", "demo"]);
    assert_eq!(status, 2, "{stderr}");
    assert!(stderr.contains("corrupt"), "{stderr}");
    assert_eq!(names(&folder), Vec::<String>::new());
});
