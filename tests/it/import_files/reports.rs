//! The report on an import and its rows, and who may read it.

use super::*;

const FILE: &str = "Customer No;Full Name;E-mail;Phone;Note\n\
    N-1;Ada Roe;ada@example.test;+1 555 555 0117;fine\n\
    \n\
    N-2;\"Bob \"\"the\"\" Poe\";bob(at)example.test;;\"one\ntwo\"\n\
    N-3;Cy Low;cy@example.test;12;x\n\
    N-4;Di May;;;\n\
    N-5;Eve;eve@example.test;;;surplus\n";

/// A file with its rejected rows corrected by hand, as a person would: the columns of the report stay.
fn corrected(rejected: &str) -> String {
    let text = rejected.strip_prefix('\u{feff}').expect("a byte order mark for spreadsheets");
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(b';')
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut writer = csv::WriterBuilder::new().delimiter(b';').flexible(true).from_writer(Vec::new());
    for record in reader.records() {
        let mut cells: Vec<String> = record.unwrap().iter().map(str::to_owned).collect();
        if cells[2] == "N-2" {
            cells[4].replace_range(.., "bob@example.test");
        }
        if cells[2] == "N-3" {
            cells[5].clear();
        }
        if cells[2] == "N-5" {
            cells.truncate(7);
        }
        writer.write_record(&cells).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

both!(rules_9_rejected_rows_are_downloaded_corrected_and_imported, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let data = imported(&client, "demo?unknownColumns=ignore", FILE).await;
    assert_eq!(counts(&data), [2, 0, 3], "{data}");
    assert_eq!(
        row_problems(&client, &data).await,
        [
            problem(4, "email", "invalid_email"),
            problem(6, "phone", "invalid_phone"),
            problem(8, "", "surplus_cells")
        ]
    );
    let answer = client.get(&format!("{}/rejected.csv", job_path("demo", &data))).await.expect(200);
    assert_eq!(answer.header("Content-Type"), Some("text/csv; charset=utf-8"));
    let disposition = answer.header("Content-Disposition").expect("a name");
    assert!(disposition.starts_with("attachment; filename=\"rejected-"), "{disposition}");
    assert_eq!(answer.header("Cache-Control"), Some("private, no-store"));
    assert!(
        answer.text.starts_with("\u{feff}importLine;importError;Customer No;Full Name;E-mail;Phone;Note\r\n")
    );
    // The rows as they were in the file.
    assert!(
        answer.text.contains(";\"Bob \"\"the\"\" Poe\";bob(at)example.test;;\"one\ntwo\"\r\n"),
        "{}",
        answer.text
    );
    assert!(answer.text.contains(";N-5;Eve;eve@example.test;;;surplus\r\n"), "{}", answer.text);

    // Unchanged, the file has the same result; corrected, its rows are imported.
    let unmended = imported(&client, "demo?unknownColumns=ignore", answer.text.clone()).await;
    assert_eq!(counts(&unmended), [0, 0, 3], "{unmended}");
    let again = client.get(&format!("{}/rejected.csv", job_path("demo", &unmended))).await.expect(200);
    assert_eq!(again.text.lines().next(), answer.text.lines().next());
    let data = imported(&client, "demo?unknownColumns=ignore", corrected(&answer.text)).await;
    assert_eq!(counts(&data), [3, 0, 0], "{data}");
    assert_eq!(data["columnsLeftOut"], json!(["importLine", "importError", "Note"]));
    let stored = by(&client, "customerNumber").await;
    assert_eq!(stored.keys().collect::<Vec<_>>(), ["N-1", "N-2", "N-3", "N-4", "N-5"]);
    assert_eq!(stored["N-2"]["Fullname"], "Bob \"the\" Poe");
    assert_eq!(stored["N-2"]["Email"], "bob@example.test");
    let none = client.get(&format!("{}/rejected.csv", job_path("demo", &data))).await.expect(200);
    assert_eq!(none.text.lines().count(), 1, "{}", none.text);
});

both!(rules_9_rows_are_listed_by_page_and_by_outcome, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let customers = (0..250).map(|number| {
        if number % 10 == 4 { "nobody\n".to_owned() } else { format!("p{}@example.test\n", number / 2) }
    });
    let file: String = std::iter::once("email\n".to_owned()).chain(customers).collect();
    let data = imported(&client, "demo", file).await;
    let path = format!("{}/rows", job_path("demo", &data));
    // The first row of each pair creates the customer; in every fifth pair only the second row is valid.
    assert_eq!(counts(&data), [125, 100, 25], "{data}");
    for (outcome, count) in
        [("created", 125), ("matched", 100), ("rejected", 25), ("replaced", 0), ("merged", 0), ("forced", 0)]
    {
        assert_eq!(rows(&client, &data, &format!("&outcome={outcome}")).await.len(), count, "{outcome}");
    }
    let all = rows(&client, &data, "").await;
    let lines: Vec<_> = all.iter().map(|row| row["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, (2..252).collect::<Vec<_>>());
    for row in &all {
        let is_rejected = row["outcome"] == "rejected";
        assert_eq!(row["customerId"].is_null(), is_rejected, "{row}");
        assert_eq!(row["cells"].is_array(), is_rejected, "{row}");
    }
    let first = client.get(&path).await.expect(200).json;
    assert_eq!(first["Records"].as_array().unwrap()[..], all[..20], "the default page has twenty rows");
    let mut paged = Vec::new();
    while paged.len() < all.len() {
        let page = format!("{path}?fromRecord={}&limitRecord=64", paged.len());
        let page = client.get(&page).await.expect(200).json;
        assert_eq!(page["Summary"]["totalRecords"], 250);
        paged.extend(page["Records"].as_array().unwrap().iter().cloned());
    }
    assert_eq!(paged, all);
    let beyond = client.get(&format!("{path}?fromRecord=1000")).await.expect(200).json;
    assert_eq!(beyond["Records"], json!([]));
    for (query, place) in [
        ("outcome=lost", "?outcome"),
        ("outcome=", "?outcome"),
        ("limitRecord=0", "?limitRecord"),
        ("limitRecord=1001", "?limitRecord"),
        ("fromRecord=-1", "?fromRecord"),
    ] {
        let answer = client.get(&format!("{path}?{query}")).await;
        assert_eq!(places(answer.expect_error(400)), set([place]), "{query}: {}", answer.text);
    }

    // Imports are listed newest first; the list contains no refused files.
    for number in 0..4 {
        imported(&client, "demo", format!("email\nlist{number}@example.test\n")).await;
        upload(&client, "demo", "nope\n").await.expect_error(400);
    }
    let list = client.get("/api/Import/jobs/demo?limitRecord=2&fromRecord=1").await.expect(200).json;
    assert_eq!(list["Summary"]["totalRecords"], 5);
    let ids = |list: &Value| {
        list["Records"]
            .as_array()
            .unwrap()
            .iter()
            .map(|job| job["jobId"].as_i64().unwrap())
            .collect::<Vec<_>>()
    };
    let every = ids(&client.get("/api/Import/jobs/demo").await.expect(200).json);
    assert!(every.is_sorted_by(|one, next| one > next), "{every:?}");
    assert_eq!(ids(&list), every[1..3]);
    let whole = client.get(&job_path("demo", &data)).await.expect(200).json;
    assert_eq!((&whole["rowsRead"], &whole["added"]), (&json!(250), &json!(125)));
    assert_eq!(whole["bytesRead"], whole["bytesTotal"]);
    assert_eq!(whole["errors"].as_array().unwrap().len(), 25);
});

both!(rules_9_the_first_hundred_errors_are_listed_as_texts, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let file = format!("email,phone\n{}", "nobody,12\n".repeat(130));
    let data = imported(&client, "demo", file).await;
    assert_eq!(counts(&data), [0, 0, 130]);
    let errors = data["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 100);
    let text = errors[0].as_str().unwrap();
    assert!(text.starts_with("Error on line 2: "), "{text}");
    assert!(text.contains("email: ") && text.contains("phone: ") && !text.contains("nobody"), "{text}");
    assert_eq!(rows(&client, &data, "&outcome=rejected").await.len(), 130);
});

both!(rules_1_only_importers_of_the_entrypoint_see_its_imports, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    let client = server.client();
    let data = imported(&client, "demo?unknownColumns=ignore", FILE).await;
    let job = job_path("demo", &data);
    let token = |scopes: &[&str]| server.anonymous().token(&token_with(site, scopes));

    // Without pii:read: that rows were rejected, and why, but none of their values.
    let importer = token(&["customers:import"]);
    importer.get(&format!("{job}/rejected.csv")).await.expect_error(403);
    let report = rows(&importer, &data, "").await;
    assert!(report.iter().all(|row| row["cells"].is_null()), "{report:?}");
    assert_eq!(row_problems(&importer, &data).await, row_problems(&client, &data).await);
    let open = importer.get(&format!("{job}/rows")).await.expect(200).text
        + &importer.get(&job).await.expect(200).text;
    for value in ["Bob", "bob(at)", "N-2", "Cy Low", "ada@example.test", "surplus;"] {
        assert!(!open.contains(value), "{value} in {open}");
    }
    assert_eq!(counts(&imported(&importer, "demo", "email\nown@example.test\n").await), [1, 0, 0]);
    token(&["pii:read", "customers:import"]).get(&format!("{job}/rejected.csv")).await.expect(200);
    for scopes in [&["customers:read", "customers:write", "customers:export", "pii:read"][..], &["pii:read"]]
    {
        let client = token(scopes);
        for path in [&*job, &format!("{job}/rows"), &format!("{job}/rejected.csv"), "/api/Import/jobs/demo"] {
            let answer = client.get(path).await;
            assert!(answer.expect_error(403).text.contains("customers:import"), "{path}: {}", answer.text);
        }
        upload(&client, "demo", "email\nx@example.test\n").await.expect_error(403);
        client.get("/api/Import/template/customers.csv").await.expect_error(403);
    }

    // Those of another entrypoint and of another organisation do not exist for this token.
    new_entry(site, "other", &[]);
    let org = new_org(site, "Elsewhere");
    new_entry_of(site, org, "elsewhere", &[]);
    let id = &data["jobId"];
    let stranger =
        server.anonymous().token(&token_of(site, &["--org", &org.to_string(), "--all-entries"], &SCOPES));
    let missing = without_id(&client.get("/api/Import/jobs/demo/987654321").await);
    for (client, entry) in
        [(&client, "other"), (&stranger, "demo"), (&stranger, "elsewhere"), (&client, "nowhere")]
    {
        let job = format!("/api/Import/jobs/{entry}/{id}");
        for (method, path) in [
            (Method::GET, job.clone()),
            (Method::GET, format!("{job}/rows")),
            (Method::GET, format!("{job}/rejected.csv")),
            (Method::POST, format!("{job}/cancel")),
            (Method::POST, format!("{job}/commit")),
        ] {
            let answer = client.send(method.clone(), &path, None, &[]).await;
            assert_eq!(without_id(answer.expect_error(404)), missing, "{method} {path}: {}", answer.text);
        }
    }
    upload(&stranger, "demo", "email\nx@example.test\n").await.expect_error(404);
    let none = client.get("/api/Import/jobs/other").await.expect(200).json;
    assert_eq!(none["Summary"]["totalRecords"], 0);
});

both!(rules_9_the_template_imports_unchanged, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let template = client.get("/api/Import/template/customers.csv").await.expect(200);
    assert_eq!(template.header("Content-Type"), Some("text/csv; charset=utf-8"));
    assert_eq!(template.header("Content-Disposition"), Some("attachment; filename=\"customers.csv\""));
    let data = imported(&client, "demo", template.text.clone()).await;
    assert_eq!(counts(&data), [2, 0, 0], "{data}");
    let stored = by(&client, "customerNumber").await;
    assert_eq!(stored["ACC-1001"]["Labels"], json!(["vip", "newsletter"]));
    assert_eq!(stored["ACC-1002"]["Country"], "ID");
    assert_eq!(stored["ACC-1002"]["Birthday"], "1990-08-24");
});
