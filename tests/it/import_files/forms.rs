//! How a client sends a file: as a form or as the body, and what the service refuses.

use super::*;

const FORM: &str = "/api/Import/customersForm/demo";

/// One part of a handmade form: name and file name as in its header, and a media type or none.
fn part(header: &str, media: &str, body: &str) -> String {
    let media = if media.is_empty() { String::new() } else { format!("Content-Type: {media}\r\n") };
    format!("--edge\r\nContent-Disposition: form-data{header}\r\n{media}\r\n{body}\r\n")
}

async fn form(client: &Client, parts: &str) -> Answer {
    let request = client.request(Method::POST, FORM);
    let request = request.header("Content-Type", "multipart/form-data; boundary=edge");
    send(request.body(format!("{parts}--edge--\r\n"))).await
}

both!(contract_8_a_form_has_exactly_one_part_named_file, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let body = "email\r\nada@example.test";
    let second = part("; name=\"file\"; filename=\"b.csv\"", "text/csv", body);
    let good = part("; name=\"file\"; filename=\"a.csv\"", "text/csv", body);
    for (what, parts) in [
        ("two files", [good.clone(), second].concat()),
        ("another part behind it", [good.clone(), part("; name=\"note\"", "", "x")].concat()),
        ("another part before it", [part("; name=\"replaceExisting\"", "", "1"), good.clone()].concat()),
        ("another name", part("; name=\"File\"; filename=\"a.csv\"", "text/csv", body)),
        ("no name", part("; filename=\"a.csv\"", "text/csv", body)),
        ("no part", String::new()),
        ("no form", "email\r\n".to_owned()),
    ] {
        let answer = form(&client, &parts).await;
        assert_eq!(answer.status, 400, "{what}: {}", answer.text);
        assert!(!answer.expect_error(400).json["errors"].as_array().unwrap().is_empty(), "{what}");
    }
    let cut = client.request(Method::POST, FORM).header("Content-Type", "multipart/form-data; boundary=edge");
    send(cut.body(good.clone())).await.expect_error(400);
    let unbounded = client.request(Method::POST, FORM).header("Content-Type", "multipart/form-data");
    send(unbounded.body(good)).await.expect_error(400);
    for media in
        ["application/json", "application/x-www-form-urlencoded", "multipart/mixed; boundary=edge", "csv"]
    {
        let request = client.request(Method::POST, FORM).header("Content-Type", media);
        send(request.body(body)).await.expect_error(415);
    }
    send(client.request(Method::POST, FORM).body(body)).await.expect_error(415);
    send(client.request(Method::POST, FORM)).await.expect_error(415);
    nothing_is_there(&server, &client).await;
});

both!(contract_8_file_names_and_media_types_do_not_matter, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let long = "n".repeat(2000);
    let headers = [
        "; name=\"file\"; filename=\"file\"",
        "; name=\"file\"; filename=\"../../etc/passwd\"",
        "; name=\"file\"; filename=\"a \\\"quoted\\\" n\u{e4}me.xlsx\"",
        "; name=\"file\"; filename*=UTF-8''%e2%82%ac.csv",
        "; name=\"file\"; filename=\"\"",
        "; name=\"file\"",
        "; name=file; filename=bare.csv",
        &format!("; name=\"file\"; filename=\"{long}\""),
    ];
    let medias =
        ["", "text/csv", "application/octet-stream", "application/vnd.ms-excel", "text/csv; charset=utf-8"];
    let mut sent = 0;
    for header in headers {
        for media in medias {
            sent += 1;
            let answer = form(&client, &part(header, media, &format!("email\r\n{sent}@example.test"))).await;
            assert_eq!(answer.status, 200, "{header} as {media}: {}", answer.text);
            assert_eq!(counts(answer.data()), [1, 0, 0], "{header} as {media}: {}", answer.text);
        }
    }
    for media in
        ["text/csv", "Text/CSV; header=present", "text/plain; charset=utf-8", "application/octet-stream"]
    {
        sent += 1;
        let request = client.request(Method::POST, FORM).header("Content-Type", media);
        let answer = send(request.body(format!("email\n{sent}@example.test\n"))).await.expect(200);
        assert_eq!(counts(answer.data()), [1, 0, 0], "{media}: {}", answer.text);
    }
    assert_eq!(total(&client, "demo").await, sent);
});

both!(rules_6_a_file_that_is_too_large_is_answered_413, |db| async {
    let site = Site::with_environment(db, &[("CUSTOMARY_IMPORT_MAX_BYTES", "2000000")]);
    let server = Server::start_on(&site).await;
    let client = server.client();
    let header = "email\n";
    let mail = "ada@example.test\n";
    let file = |bytes: usize| {
        let mut text = format!("{header}{mail}");
        text.push_str(&"\n".repeat(bytes - text.len()));
        text
    };
    // A client that is still sending sees the answer.
    for bytes in [2_000_001, 12_000_000] {
        let answer = upload(&client, "demo", file(bytes)).await;
        assert!(answer.expect_error(413).text.contains("2000000"), "{}", answer.text);
        let sent = form(&client, &part("; name=\"file\"", "", &file(bytes))).await;
        sent.expect_error(413);
    }
    nothing_is_there(&server, &client).await;
    assert_eq!(counts(&imported(&client, "demo", file(2_000_000)).await), [1, 0, 0]);
});

both!(rules_6_a_refused_file_is_answered_during_the_upload, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let rows = "ada@example.test,Ada\n".repeat(500_000);
    let bad_header = format!("email,frist name\n{rows}");
    let parts = part("; name=\"file\"", "", &bad_header);
    for (answer, expected) in [
        (upload(&client, "demo", bad_header).await, "firstname"),
        (form(&client, &parts).await, "firstname"),
        (upload(&client, "demo?delimiter=dot", rows.clone()).await, "semicolon"),
        (form(&client, &part("; name=\"note\"", "", &rows)).await, "named file"),
    ] {
        assert!(answer.expect_error(400).text.contains(expected), "{}", answer.text);
    }
    let keyed = client.header("Idempotency-Key", "one").header("idempotencyKey", "two");
    let answer = upload(&keyed, "demo", rows).await;
    assert_eq!(places(answer.expect_error(400)), set(["@Idempotency-Key"]), "{}", answer.text);
    nothing_is_there(&server, &client).await;
});

both!(rules_9_all_bad_options_are_refused_at_once, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let query = "demo?replaceExisting=1&mergeExisting=2&forceCustomerCreation=yes&identifierFields=no/field&map=nothing\
        &map=A:fristname&unknownColumns=drop&onBadValue=keep&onError=panic&dryRun=1&again=2&delimiter=dot&encoding=klingon\
        &dateFormat=DD-MM-YY&async=maybe&unknownColumn=ignore&nonsense=1";
    let answer = upload(&client, query, "email\nada@example.test\n").await;
    let names = [
        "?mergeExisting",
        "?forceCustomerCreation",
        "?identifierFields",
        "?map",
        "?unknownColumns",
        "?onBadValue",
        "?onError",
        "?dryRun",
        "?again",
        "?delimiter",
        "?encoding",
        "?dateFormat",
        "?async",
        "?unknownColumn",
        "?nonsense",
    ];
    assert_eq!(places(answer.expect_error(400)), set(names), "{}", answer.text);
    assert!(answer.text.contains("did you mean unknownColumns?"), "{}", answer.text);
    assert!(answer.text.contains("did you mean firstname?"), "{}", answer.text);
    for two in ["replaceExisting=1&mergeExisting=1", "mergeExisting=1&forceCustomerCreation=true"] {
        upload(&client, &format!("demo?{two}"), "email\n").await.expect_error(400);
    }
    for twice in ["dryRun=true&dryRun=true", "unknownColumns=ignore&unknownColumns=ignore"] {
        upload(&client, &format!("demo?{twice}"), "email\n").await.expect_error(400);
    }
    nothing_is_there(&server, &client).await;
});
