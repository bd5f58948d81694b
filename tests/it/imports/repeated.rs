//! The same file again (rules 9, rules 4): while it is queued or running, afterwards, after a stop; with another order
//! of columns, with other options, under idempotency keys.

use serde_json::json;

use super::snapshot::{assert_same, records};
use super::*;

/// `count` customers with different identities.
fn people(count: usize) -> String {
    let mut file = line(&["email", "firstname", "city"]);
    for number in 0..count {
        let cells =
            [format!("p{number}@example.test"), format!("First {number}"), format!("City {}", number % 7)];
        file.push_str(&line(&cells));
    }
    file
}

/// The same rows with the columns in reverse order.
fn reverse_columns(file: &str) -> String {
    file.lines().map(|row| line(&row.split(',').rev().collect::<Vec<_>>())).collect()
}

/// From now on every queued import looks as if a worker had taken it, and that worker does nothing.
fn hold_queued_imports(site: &Site) {
    Sql::open(site).run(&sql::hold_queued_jobs(site.db));
}

/// Removes that worker: its leases have expired and no import gets another.
fn release_queued_imports(site: &Site) {
    let mut sql = Sql::open(site);
    sql.run(sql::release_queued_jobs(site.db));
    sql.run(sql::EXPIRE_LEASES);
}

/// Begins an import and stops it somewhere in the middle; its state then.
async fn stop_in_the_middle(client: &Client, site: &Site, entry: &str, query: &str, file: &str) -> Value {
    let id = job_id(&queue(client, entry, query, file).await);
    let rows_read = sql::rows_done(id);
    wait_until("the import begins", PATIENCE, async || Sql::open(site).number(&rows_read) > 0).await;
    client.send(Method::POST, &format!("{}/cancel", job_path(entry, id)), None, &[]).await.expect(200);
    let stopped = over(client, entry, id).await;
    assert_eq!(stopped["state"], "cancelled", "the import was over too soon; it needs more rows: {stopped}");
    stopped
}

fleets!(rules_9_the_same_file_is_the_same_import_during_and_after_the_run, |fleet| async {
    let fleet = fleet;
    let client = fleet.client(0);
    let site = fleet.site().clone();
    let file = people(400);
    let answers = fleet
        .race(6, |_, client| {
            let file = file.clone();
            async move { queue(&client, "demo", "", &file).await }
        })
        .await;
    let id = job_id(&answers[0]);
    assert!(answers.iter().all(|job| job_id(job) == id), "{answers:?}");
    let new = answers.iter().filter(|job| job["repeated"] == false).count();
    assert_eq!(new, 1, "{answers:?}");
    let first = finished(&client, "demo", id).await;
    assert_eq!(counts(&first), [400, 0, 0, 0, 0, 0]);

    // Afterwards: the first report, at once or after a wait, and also as a form with another file name.
    let report = rows(&client, "demo", id).await;
    let (_, stored) = records(&client, "demo", "").await;
    let again = fleet.client(1);
    let waited = send_file(&again, "demo", "", &file).await.expect(200);
    assert_eq!((job_id(waited.data()), &waited.data()["repeated"]), (id, &json!(true)), "{}", waited.text);
    assert_eq!(counts(waited.data()), counts(&first));
    let part = reqwest::multipart::Part::bytes(file.clone().into_bytes()).file_name("people.csv");
    let form = reqwest::multipart::Form::new().part("file", part);
    let formed = send(again.request(Method::POST, &import_path("demo", "?async=true")).multipart(form)).await;
    let formed = formed.expect(202).json;
    assert_eq!(
        (job_id(&formed), &formed["repeated"], &formed["state"]),
        (id, &json!(true), &json!("finished"))
    );
    assert_eq!(rows(&client, "demo", id).await, report);
    assert_eq!(jobs_total(&client, "demo").await, 1);

    // While the import runs: the same import, and a caller who waits gets its final state.
    let other = people(450);
    hold_queued_imports(&site);
    let held = job_id(&queue(&client, "demo", "", &other).await);
    let same = queue(&again, "demo", "", &other).await;
    assert_eq!((job_id(&same), &same["repeated"], &same["state"]), (held, &json!(true), &json!("running")));
    let waiting = tokio::spawn({
        let other = other.clone();
        async move { send_file(&again, "demo", "", &other).await.expect(200) }
    });
    release_queued_imports(&site);
    let waited = crate::harness::finished(waiting).await;
    assert_eq!((job_id(waited.data()), &waited.data()["repeated"]), (held, &json!(true)));
    assert_eq!(counts(waited.data()), [50, 0, 0, 400, 0, 0], "{}", waited.text);
    assert_eq!(total(&client, "demo").await, 450);
    assert_same(&stored, &records(&client, "demo", "").await.1[..400], "untouched");
});

both!(rules_9_again_and_other_column_orders_and_options_make_other_imports, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let file = people(120);
    let first = send_file(&client, "demo", "", &file).await.expect(200);
    let first = job_id(first.data());
    let (_, stored) = records(&client, "demo", "").await;

    let again = send_file(&client, "demo", "?again=true", &file).await.expect(200);
    assert_eq!(counts(again.data()), [0, 0, 0, 120, 0, 0], "{}", again.text);
    assert_eq!(again.data()["repeated"], false);
    let again = job_id(again.data());
    assert_ne!(again, first);
    // The newest of them is now the import of the file.
    let last = send_file(&client, "demo", "", &file).await.expect(200);
    assert_eq!((job_id(last.data()), &last.data()["repeated"]), (again, &json!(true)));

    let reordered = send_file(&client, "demo", "", &reverse_columns(&file)).await.expect(200);
    assert_eq!(counts(reordered.data()), [0, 0, 0, 120, 0, 0], "{}", reordered.text);
    assert_eq!(reordered.data()["repeated"], false);
    let report = rows(&client, "demo", job_id(reordered.data())).await;
    assert!(report.iter().all(|row| row["matchedOn"] == json!(["email"]) && row["changed"] == json!([])));

    let mut jobs = vec![first, again, job_id(reordered.data())];
    for (query, expected) in [
        ("?replaceExisting=1", [0, 120, 0, 0, 0, 0]),
        ("?mergeExisting=1", [0, 0, 120, 0, 0, 0]),
        ("?onBadValue=blank", [0, 0, 0, 120, 0, 0]),
        ("?map=city:state", [0, 0, 0, 120, 0, 0]),
        ("?identifierFields=email,firstname", [0, 0, 0, 120, 0, 0]),
    ] {
        let other = send_file(&client, "demo", query, &file).await.expect(200);
        assert_eq!(counts(other.data()), expected, "{query}: {}", other.text);
        assert_eq!(other.data()["repeated"], false, "{query}");
        let repeated = send_file(&client, "demo", query, &file).await.expect(200);
        assert_eq!(job_id(repeated.data()), job_id(other.data()), "{query}");
        assert_eq!(repeated.data()["repeated"], true, "{query}");
        jobs.push(job_id(other.data()));
    }
    jobs.sort_unstable();
    jobs.dedup();
    assert_eq!(jobs.len(), 8);
    assert_eq!(jobs_total(&client, "demo").await, 8);
    assert_same(&stored, &records(&client, "demo", "").await.1, "untouched");
    // Another entrypoint has never seen the file.
    new_entry(server.site(), "second", &[]);
    let elsewhere = send_file(&client, "second", "", &file).await.expect(200);
    assert_eq!(counts(elsewhere.data()), [120, 0, 0, 0, 0, 0], "{}", elsewhere.text);
});

both!(rules_4_bad_options_of_an_import_are_told_before_its_key_is_looked_up, |db| async {
    let server = Server::start(db).await;
    let client = server.client().header("idempotencyKey", "import-1");
    let file = people(20);
    let first = send_file(&client, "demo", "", &file).await.expect(200);
    for query in [
        "?nonsense=1",
        "?mergeExisting=2",
        "?mergeExisting=1&replaceExisting=1",
        "?onError=never",
        "?async=maybe",
        "?async=true&async=true",
        "?dryRun=true&dryRun=true",
        "?map=email",
        "?map=Nothing:email",
        "?encoding=klingon",
        "?dateFormat=x",
        "?delimiter=dot",
    ] {
        for file in [&file, &people(21)] {
            send_file(&client, "demo", query, file).await.expect_error(400);
            let form = reqwest::multipart::Part::text(file.clone()).file_name("people.csv");
            let form = reqwest::multipart::Form::new().part("file", form);
            let sent = client.request(Method::POST, &import_path("demo", query)).multipart(form);
            send(sent).await.expect_error(400);
        }
    }
    send_file(&client, "demo", "", "colour\nred\n").await.expect_error(400);
    let replay = send_file(&client, "demo", "", &file).await.expect(200);
    assert!(replay.replayed(), "{}", replay.text);
    assert_eq!(replay.json, first.json);
    assert_eq!(jobs_total(&client, "demo").await, 1);
});

fleets!(rules_4_an_import_under_a_key_runs_once_and_is_replayed, |fleet| async {
    let fleet = fleet;
    let site = fleet.site().clone();
    let keyed = |number: usize| fleet.client(number).header("idempotencyKey", "import-1");
    let file = people(150);
    let first = send_file(&keyed(0), "demo", "", &file).await.expect(200);
    assert!(!first.replayed());
    let replay = send_file(&keyed(1), "demo", "", &file).await.expect(200);
    assert!(replay.replayed(), "{}", replay.text);
    assert_eq!(replay.json, first.json);
    for (query, file) in [("", people(151)), ("?mergeExisting=1", file.clone())] {
        send_file(&keyed(2), "demo", query, &file).await.expect_error(422);
    }
    let both = keyed(0).header("Idempotency-Key", "import-2");
    let refused = send_file(&both, "demo", "", &file).await;
    assert_eq!(places(refused.expect_error(400)).len(), 1, "{}", refused.text);
    // A refused file leaves neither a file nor an import behind.
    assert_eq!(Sql::open(&site).number(sql::FILE_PARTS), 0);
    assert_eq!(Sql::open(&site).number(sql::JOBS), 1);

    // While the import runs, a repeated request with the key is asked to retry later; one without the key waits.
    let other = people(160);
    let keyed = |number: usize| fleet.client(number).header("idempotencyKey", "import-2");
    hold_queued_imports(&site);
    let waiting = tokio::spawn({
        let (client, other) = (keyed(0), other.clone());
        async move { send_file(&client, "demo", "", &other).await.expect(200) }
    });
    let id = wait_for("the import is held", PATIENCE, async || {
        assert!(!waiting.is_finished(), "the import was not held");
        let id = Sql::open(&site).number(sql::RUNNING_JOB);
        if id > 0 { Ok(u64::try_from(id).unwrap()) } else { Err("") }
    })
    .await;
    let early = send_file(&keyed(1), "demo", "", &other).await;
    early.expect_error(409);
    let seconds: u64 = early.header("Retry-After").expect("Retry-After").parse().expect("seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
    release_queued_imports(&site);
    let end = over(&fleet.client(0), "demo", id).await;
    assert_eq!(end["state"], "finished", "{end}");
    assert_eq!(counts(&end).iter().sum::<i64>(), 160, "{end}");
    let waited = crate::harness::finished(waiting).await;
    assert_eq!(job_id(waited.data()), id);
    let replay = send_file(&keyed(2), "demo", "", &other).await.expect(200);
    assert!(replay.replayed(), "{}", replay.text);
    assert_eq!(counts(replay.data()), counts(&end));
    assert_eq!(total(&fleet.client(0), "demo").await, 160);

    // A race of one key: one import; the later requests are asked to retry later or get the replay.
    let raced = people(170);
    let answers = fleet
        .race(6, |_, client| {
            let (client, raced) = (client.header("idempotencyKey", "import-3"), raced.clone());
            async move { send_file(&client, "demo", "?async=true", &raced).await.expect(202) }
        })
        .await;
    assert_eq!(answers.iter().filter(|answer| !answer.replayed()).count(), 1);
    assert!(answers.iter().all(|answer| job_id(&answer.json) == job_id(&answers[0].json)));
    assert_eq!(counts(&finished(&fleet.client(0), "demo", job_id(&answers[0].json)).await)[0], 10);
});

both!(rules_9_a_cancelled_import_resumes_where_it_stopped, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let count = usize::try_from(setting("IMPORT_ROWS", 2_000)).unwrap();
    let file = people(count);
    let stopped = stop_in_the_middle(&client, server.site(), "demo", "", &file).await;
    let (id, rows_read) = (job_id(&stopped), stopped["rowsRead"].as_u64().expect("a number"));
    assert!((1..count as u64).contains(&rows_read), "{stopped}");
    assert_eq!(counts(&stopped)[0].unsigned_abs(), rows_read);
    assert_eq!(total(&client, "demo").await, rows_read, "imported rows stay");
    assert_eq!(rows(&client, "demo", id).await.len() as u64, rows_read);

    let answer = send_file(&client, "demo", "", &file).await.expect(200);
    assert_eq!((job_id(answer.data()), &answer.data()["repeated"]), (id, &json!(true)), "{}", answer.text);
    assert_eq!(answer.data()["state"], "finished", "{}", answer.text);
    assert_eq!(counts(answer.data()), [i64::try_from(count).unwrap(), 0, 0, 0, 0, 0], "{}", answer.text);
    assert_eq!(total(&client, "demo").await, count as u64);
    let lines: Vec<_> = rows(&client, "demo", id).await.iter().map(|row| row["line"].as_u64()).collect();
    assert_eq!(lines, (0..count as u64).map(|row| Some(row + 2)).collect::<Vec<_>>());
    // A finished import cannot be cancelled.
    let cancelled = client.send(Method::POST, &format!("{}/cancel", job_path("demo", id)), None, &[]).await;
    assert_eq!(cancelled.expect(200).json["state"], "finished");
});

both!(rules_9_a_file_sent_again_before_the_cancel_takes_effect_continues_its_import, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let file = people(60);
    hold_queued_imports(server.site());
    let id = job_id(&queue(&client, "demo", "", &file).await);
    client.send(Method::POST, &format!("{}/cancel", job_path("demo", id)), None, &[]).await.expect(200);
    let same = queue(&client, "demo", "", &file).await;
    assert_eq!((job_id(&same), &same["repeated"]), (id, &json!(true)));
    release_queued_imports(server.site());
    let end = over(&client, "demo", id).await;
    assert_eq!(end["state"], "finished", "the later request wins: {end}");
});

both!(rules_9_an_import_stopped_at_a_rejected_row_resumes_after_it, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let mut file = people(120);
    let bad = line(&["nobody", "Nobody", "Nowhere"]);
    // After rows 60 and 90, and at the end.
    let places: Vec<usize> = file.match_indices('\n').map(|(at, _)| at + 1).collect();
    file.insert_str(places[90], &bad);
    file.insert_str(places[60], &bad);
    file.push_str(&bad);
    for (stop, (line, added)) in [(62, 60), (93, 90), (124, 120)].into_iter().enumerate() {
        let answer = send_file(&client, "demo", "?onError=stop", &file).await.expect(200);
        let data = answer.data();
        assert_eq!(data["state"], "failed", "{}", answer.text);
        assert_eq!(data["repeated"], stop > 0);
        assert_eq!(counts(data), [added, 0, 0, 0, i64::try_from(stop).unwrap() + 1, 0], "{}", answer.text);
        assert!(data["failure"].as_str().is_some_and(|why| why.contains(&format!("line {line}"))), "{data}");
        let errors = data["errors"].as_array().expect("errors");
        assert_eq!(errors.len(), stop + 1);
        assert!(
            errors[stop].as_str().is_some_and(|text| text.starts_with(&format!("Error on line {line}:")))
        );
        assert_eq!(total(&client, "demo").await, u64::try_from(added).unwrap());
    }
    let answer = send_file(&client, "demo", "?onError=stop", &file).await.expect(200);
    assert_eq!(answer.data()["state"], "finished", "{}", answer.text);
    assert_eq!(answer.data()["failure"], Value::Null);
    assert_eq!(counts(answer.data()), [120, 0, 0, 0, 3, 0]);
    assert_eq!(rows(&client, "demo", job_id(answer.data())).await.len(), 123);
    assert_eq!(jobs_total(&client, "demo").await, 1);
});
