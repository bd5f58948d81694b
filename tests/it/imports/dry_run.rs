//! A dry run (rules 9) writes only its own report, and says what the import would do: its later rows see what its
//! earlier rows would have done, and a commit marks what has changed since.

use serde_json::json;

use super::snapshot::assert_same;
use super::*;

const HEADER: [&str; 7] =
    ["email", "firstname", "lastname", "phone", "customerNumber", "city", "additional-clientId"];

/// A row with every kind of identifier, and a city.
fn person(number: usize, city: &str) -> Vec<String> {
    vec![
        format!("p{number}@example.test"),
        format!("First {number}"),
        "Roe".to_owned(),
        format!("+1202555{number:04}"),
        format!("N-{number}"),
        city.to_owned(),
        format!("X-{number}"),
    ]
}

/// New customers, customers of the base, and repeats of rows far above, changed and unchanged; some rejected.
fn file() -> String {
    let mut file = line(&HEADER);
    for number in 0..170 {
        let mut row = person(number, &format!("City {number}"));
        if number >= 100 && number % 3 == 0 {
            row = person(number - 95, if number % 2 == 0 { "Moved" } else { "" });
        }
        if number % 40 == 7 {
            "nowhere".clone_into(&mut row[3]);
            "no address".clone_into(&mut row[0]);
        }
        if number % 40 == 8 {
            // A conflict: customer 3 by every identifier except the number.
            row = person(3, "Both");
            row[4] = format!("N-{}", number + 2_000);
        }
        file.push_str(&line(&row));
    }
    file
}

/// What the report says of a row, without what a dry run cannot know: the ids of customers that it would create.
fn outcome(row: &Value, dry: &Value) -> String {
    let mut row = row.clone();
    if dry["customerId"].is_null() {
        row["customerId"] = Value::Null;
    }
    for problem in row["problems"].as_array_mut().into_iter().flatten() {
        let message = problem["message"].as_str().expect("a message").replace("of an earlier row", "0");
        let mut numbers: Vec<char> =
            message.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        numbers.dedup_by(|one, other| *one == '0' && *other == '0');
        problem["message"] = json!(numbers.into_iter().collect::<String>());
    }
    row.to_string()
}

async fn commit(client: &Client, entry: &str, id: u64) -> Answer {
    client.send(Method::POST, &format!("{}/commit", job_path(entry, id)), None, &[]).await
}

#[derive(Clone, Copy)]
struct Case {
    policy: &'static [&'static str],
    query: &'static str,
    /// The outcome of a repeat of an earlier row.
    repeated: &'static str,
}

const CASES: [Case; 7] = [
    Case { policy: &["email"], query: "", repeated: "matched" },
    Case { policy: &["email"], query: "replaceExisting=1", repeated: "replaced" },
    Case { policy: &["firstname+lastname"], query: "mergeExisting=1", repeated: "merged" },
    Case { policy: &["clientId", "phone"], query: "replaceExisting=1", repeated: "replaced" },
    Case {
        policy: &["email"],
        query: "replaceExisting=1&identifierFields=lastname,clientId",
        repeated: "replaced",
    },
    Case { policy: &["customerNumber"], query: "mergeExisting=1", repeated: "merged" },
    Case { policy: &["email"], query: "forceCustomerCreation=true", repeated: "forced" },
];

both!(rules_9_a_dry_run_writes_nothing_and_predicts_the_import, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let site = server.site();
    let file = file();
    for (number, case) in CASES.into_iter().enumerate() {
        let entry = format!("case{number}");
        let arguments = case.policy.iter().flat_map(|identifier| ["--identifier", identifier]);
        let arguments = arguments.chain(["--additional"]);
        new_entry(site, &entry, &arguments.collect::<Vec<_>>());
        for who in (0..170).step_by(30) {
            let base = person(who, "Base");
            let body = json!({"email": base[0], "firstname": base[1], "lastname": base[2], "phone": base[3],
                              "customerNumber": base[4], "city": base[5], "company": "Base",
                              "additionalFields": {"clientId": base[6]}});
            created(&client, &entry, &body).await;
        }
        let when = format!("{:?} {}", case.policy, case.query);
        let dry = format!("?dryRun=true&{}", case.query);
        let before = sql::dump_without_imports(site);
        let answer = send_file(&client, &entry, &dry, &file).await.expect(200);
        assert_eq!(answer.data()["dryRun"], true);
        assert_same(&before, &sql::dump_without_imports(site), &format!("the database, {when}"));
        let id = job_id(answer.data());
        let said = rows(&client, &entry, id).await;
        // Row 105 repeats row 10, a customer that the dry run would have created.
        let repeat = &said[105];
        assert_eq!(repeat["outcome"], case.repeated, "{when}: {repeat}");
        assert_eq!(repeat["customerId"], Value::Null, "{when}: {repeat}");
        // Row 168 conflicts with such a customer too; the report names no id that nobody will have.
        let conflict = said[168]["problems"][0]["message"].as_str().unwrap_or_default();
        if number == 0 {
            let expected = "customer of an earlier row was found by email but has another customerNumber";
            assert!(conflict.starts_with(expected), "{}", said[168]);
        }
        let ids = conflict.split(|c: char| !c.is_ascii_digit()).filter_map(|id| id.parse::<u64>().ok());
        assert!(ids.max() < Some(1 << 40), "{conflict}");
        // A dry run never repeats an earlier one.
        let anew = send_file(&client, &entry, &dry, &file).await.expect(200);
        assert_ne!(job_id(anew.data()), id);
        assert_eq!(counts(anew.data()), counts(answer.data()));
        assert_eq!(rows(&client, &entry, job_id(anew.data())).await, said);

        let begun = commit(&client, &entry, id).await.expect(202).json;
        assert_eq!((&begun["commits"], &begun["repeated"]), (&json!(id), &json!(false)), "{begun}");
        let done = finished(&client, &entry, job_id(&begun)).await;
        assert_eq!(counts(&done), counts(answer.data()), "{when}");
        assert!(counts(&done)[4] >= 4, "{when}: {done}");
        let did = rows(&client, &entry, job_id(&begun)).await;
        assert_eq!(did.len(), said.len());
        for (did, said) in did.iter().zip(&said) {
            assert_eq!(did["changedSinceDryRun"], false, "{when}: {did} {said}");
            assert_eq!(outcome(did, said), outcome(said, said), "{when}");
        }
        // A dry run is committed once.
        let again = commit(&client, &entry, id).await.expect(202).json;
        assert_eq!((job_id(&again), &again["repeated"]), (job_id(&begun), &json!(true)), "{again}");
        // A committed dry run counts as the import of its file.
        let sent = send_file(&client, &entry, &format!("?{}", case.query), &file).await.expect(200);
        assert_eq!((job_id(sent.data()), &sent.data()["repeated"]), (job_id(&begun), &json!(true)));
        commit(&client, &entry, job_id(&begun)).await.expect_error(409);
    }
    commit(&client, "case0", 1_000_000).await.expect_error(404);
    let elsewhere = send_file(&client, "case0", "?dryRun=true", &file).await.expect(200);
    commit(&client, "case1", job_id(elsewhere.data())).await.expect_error(404);
    site.cli(&["doctor", "--deep"]).success();
});

both!(rules_9_a_commit_marks_rows_that_changed_since_the_dry_run, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let mut ids = Vec::new();
    for number in 0..6 {
        let person = person(number, "Base");
        ids.push(created(&client, "demo", &json!({"email": person[0], "city": "Base"})).await);
    }
    let mut file = line(&["email", "city"]);
    for number in 0..12 {
        file.push_str(&line(&[&person(number, "")[0], "New"]));
    }
    let query = "?replaceExisting=1&dryRun=true";
    let dry = send_file(&client, "demo", query, &file).await.expect(200);
    assert_eq!(counts(dry.data()), [6, 6, 0, 0, 0, 0]);
    // One customer already has the file's values, one is deleted, one has another field to empty, one is new.
    client.put(&path(ids[0]), &json!({"city": "New"})).await.expect(200);
    client.delete(&path(ids[1])).await.expect(200);
    client.put(&path(ids[2]), &json!({"firstname": "Ada"})).await.expect(200);
    created(&client, "demo", &json!({"email": person(8, "")[0]})).await;
    let begun = commit(&client, "demo", job_id(dry.data())).await.expect(202).json;
    let done = finished(&client, "demo", job_id(&begun)).await;
    assert_eq!(counts(&done), [6, 6, 0, 0, 0, 0]);
    let did = rows(&client, "demo", job_id(&begun)).await;
    let marked: Vec<_> = (0..12).filter(|row| did[*row]["changedSinceDryRun"] == true).collect();
    assert_eq!(marked, [0, 1, 2, 8], "{did:?}");
    assert_eq!(did[1]["outcome"], "created");
    assert_eq!(did[8]["outcome"], "replaced");
});

both!(rules_9_a_stopped_dry_run_cannot_be_committed, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let mut file = line(&HEADER);
    (0..5).for_each(|number| file.push_str(&line(&person(number, "City"))));
    file.push_str(&line(&["no address"]));
    let stopped = send_file(&client, "demo", "?dryRun=true&onError=stop", &file).await.expect(200);
    assert_eq!(stopped.data()["state"], "failed");
    commit(&client, "demo", job_id(stopped.data())).await.expect_error(409);
    assert_eq!(total(&client, "demo").await, 0);
});

both!(rules_9_a_dry_run_matches_its_own_rows_by_the_identifiers_of_a_row, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    // Far enough apart to belong to different steps.
    let mut file = line(&["email", "firstname", "lastname", "company", "identifierFields"]);
    for number in 0..150 {
        let row = [&format!("p{number}@example.test"), &format!("First {number}"), "Roe", "", ""];
        file.push_str(&line(&row));
    }
    for number in 0..5 {
        let row = ["", &format!("First {number}"), "ROE", "Roe & Sons", "firstname;lastname"];
        file.push_str(&line(&row));
    }
    let dry = send_file(&client, "demo", "?mergeExisting=1&dryRun=true", &file).await.expect(200);
    assert_eq!(counts(dry.data()), [150, 0, 5, 0, 0, 0], "{}", dry.text);
    let done = send_file(&client, "demo", "?mergeExisting=1", &file).await.expect(200);
    assert_eq!(counts(done.data()), [150, 0, 5, 0, 0, 0], "{}", done.text);
});

both!(rules_9_a_stopped_commit_resumes_on_request, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let mut file = line(&HEADER);
    (0..60).for_each(|number| file.push_str(&line(&person(number, "City"))));
    let dry = send_file(&client, "demo", "?dryRun=true&onError=stop", &file).await.expect(200);
    let dry = job_id(dry.data());
    // A new customer conflicts with row 40: the row is rejected, and the commit stops there.
    let way = json!({"email": "other@example.test", "customerNumber": "N-40"});
    let id = created(&client, "demo", &way).await;
    let other = created(&client, "demo", &json!({"email": "p40@example.test"})).await;
    let begun = commit(&client, "demo", dry).await.expect(202).json;
    let stopped = over(&client, "demo", job_id(&begun)).await;
    assert_eq!((&stopped["state"], &stopped["rowsRead"]), (&json!("failed"), &json!(41)), "{stopped}");
    assert!(id < other);
    let again = commit(&client, "demo", dry).await.expect(202).json;
    assert_eq!((job_id(&again), &again["repeated"]), (job_id(&begun), &json!(true)));
    let done = over(&client, "demo", job_id(&begun)).await;
    assert_eq!(done["state"], "finished", "{done}");
    assert_eq!(counts(&done), [59, 0, 0, 0, 1, 0]);
});

both!(rules_5_a_dry_run_whose_file_an_erase_removed_cannot_be_committed, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let gone = created(&client, "demo", &json!({"email": "gone@example.test"})).await;
    let file = format!("{}{}", line(&HEADER), line(&person(1, "Oakton")));
    let kept = finished_dry_run(&client, &file, "").await;
    commit(&client, "demo", kept).await.expect(202);
    let id = finished_dry_run(&client, &file, "&mergeExisting=1").await;
    client.delete(&format!("{}?erase=true", path(gone))).await.expect(200);
    let keyed = client.header("Idempotency-Key", "commit-1");
    for client in [&client, &keyed] {
        let refused = commit(client, "demo", id).await;
        refused.expect_error(409);
        assert_eq!(refused.json["errors"][0]["code"], "file_removed", "{}", refused.text);
    }
    // The one that was committed before is the same import.
    commit(&client, "demo", kept).await.expect(202);
    let sent = finished_dry_run(&client, &file, "&mergeExisting=1&again=true").await;
    commit(&client, "demo", sent).await.expect(202);
});

/// A dry run that is over; its id.
async fn finished_dry_run(client: &Client, file: &str, query: &str) -> u64 {
    let to = format!("/api/Import/customersForm/demo?dryRun=true{query}");
    let request = client.request(Method::POST, &to).header("Content-Type", "text/csv").body(file.to_owned());
    let answer = send(request).await.expect(200);
    answer.data()["jobId"].as_u64().expect("a job")
}
