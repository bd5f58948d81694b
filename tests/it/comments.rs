//! Comments on customers (rules 12): who writes, reads and changes them, and what is left of them.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

fn comments_path(id: u64) -> String {
    format!("{}/comments", path(id))
}

fn comment_path(id: u64, comment: u64) -> String {
    format!("{}/{comment}", comments_path(id))
}

async fn write(client: &Client, id: u64, text: &str) -> Answer {
    client.post(&comments_path(id), &json!({"text": text})).await.expect(200)
}

fn number(answer: &Answer) -> u64 {
    answer.json["commentId"].as_u64().unwrap_or_else(|| panic!("no commentId in {}", answer.text))
}

async fn list(client: &Client, id: u64) -> Answer {
    client.get(&format!("{}?limitRecord=1000", comments_path(id))).await.expect(200)
}

fn records(answer: &Answer) -> Vec<Value> {
    answer.json["Records"].as_array().unwrap_or_else(|| panic!("no records in {}", answer.text)).clone()
}

async fn texts(client: &Client, id: u64) -> Vec<String> {
    records(&list(client, id).await)
        .iter()
        .map(|it| it["text"].as_str().expect("a text").to_owned())
        .collect()
}

/// What doctor says where something is wrong.
fn examined(server: &Server) -> String {
    let output = server.cli(&["doctor", "--deep"]);
    assert!(!output.status.success(), "{}", output.stdout);
    output.stdout + &output.stderr
}

const FULL: [&str; 3] = ["customers:read", "customers:write", "pii:read"];

/// A client whose token has this name.
fn named(server: &Server, name: &str, scopes: &[&str]) -> Client {
    let scopes = scopes.iter().flat_map(|scope| ["--scope", scope]);
    let arguments = ["--org", "1", "--all-entries", "--name", name];
    let token = server.site().new_token(&arguments.into_iter().chain(scopes).collect::<Vec<_>>());
    server.anonymous().token(&token)
}

both!(rules_12_comments_tell_what_and_by_whom, |db| async {
    let server = Server::start(db).await;
    let (ann, ben) = (named(&server, "Ann", &FULL), named(&server, "Ben", &FULL));
    let id = created(&ann, "demo", &json!({"email": "ada@example.test"})).await;
    let record = read(&ann, id).await;
    assert_eq!(list(&ann, id).await.json["Summary"]["totalRecords"], 0);

    let text = "Called.\n\tWants a refund \u{2014} see \"A-7\"";
    let first =
        ann.post(&comments_path(id), &json!({"text": format!("  {}  ", text.replace('\n', "\r\n"))})).await;
    let first = first.expect(200);
    assert_eq!((number(&first), &first.json["text"]), (1, &json!(text)), "{}", first.text);
    assert_eq!(first.json["author"]["name"], "Ann");
    assert_eq!((&first.json["pinned"], &first.json["editedAt"]), (&json!(false), &Value::Null));
    assert_eq!(first.json["etag"], etag(&first));
    let second = ben.post(&comments_path(id), &json!({"text": "Refunded", "pinned": true})).await.expect(200);
    write(&ann, id, "Thanked us").await;
    assert_eq!(texts(&ben, id).await, ["Refunded", "Thanked us", text], "pinned ones first, then the newest");
    let page = ann.get(&format!("{}?fromRecord=1&limitRecord=1", comments_path(id))).await.expect(200);
    assert_eq!(
        (&page.json["Summary"]["totalRecords"], records(&page).len()),
        (&json!(3), 1),
        "{}",
        page.text
    );
    assert_eq!(records(&page)[0]["text"], "Thanked us");

    // A change keeps what is not sent, and tells when the text changed.
    let pinned = ann.put(&comment_path(id, 1), &json!({"pinned": true})).await.expect(200);
    assert_eq!((&pinned.json["text"], &pinned.json["editedAt"]), (&json!(text), &Value::Null));
    let edited = ann.put(&comment_path(id, 1), &json!({"text": "Called twice"})).await.expect(200);
    assert_eq!((&edited.json["pinned"], edited.json["editedAt"].is_string()), (&json!(true), true));
    assert_eq!(edited.json["createdAt"], first.json["createdAt"]);
    let same =
        ann.put(&comment_path(id, 1), &json!({"text": "Called twice", "pinned": true})).await.expect(200);
    assert_eq!((etag(&same), &same.json), (etag(&edited), &edited.json), "nothing changed");
    assert_eq!(texts(&ben, id).await, ["Refunded", "Called twice", "Thanked us"]);

    // Another author's comment needs `settings`.
    let admin = named(&server, "admin", &[&FULL[..], &["settings"]].concat());
    for (client, status) in [(&ann, 403), (&admin, 200)] {
        assert_eq!(client.put(&comment_path(id, 2), &json!({"pinned": false})).await.status, status);
    }
    ann.delete(&comment_path(id, 2)).await.expect_error(403);
    admin.delete(&comment_path(id, 2)).await.expect(200);
    ben.delete(&comment_path(id, 2)).await.expect_error(404);
    assert_eq!(second.json["author"]["name"], "Ben");
    ann.delete(&comment_path(id, 3)).await.expect(200);
    assert_eq!(number(&write(&ben, id, "Again").await), 4, "numbers are never used again");
    assert_eq!(texts(&ann, id).await, ["Called twice", "Again"]);

    // The record and its version do not know of them; its history names their events.
    assert_eq!(
        (read(&ann, id).await.json, etag(&read(&ann, id).await)),
        (record.json.clone(), etag(&record))
    );
    assert_eq!(operations(&ann, id).await, ["created"]);
    let newest = ann.get(&format!("{}/history?limitRecord=1", path(id))).await.expect(200);
    assert_eq!(newest.json["Records"][0]["operation"], "comment.created");
    ann.put(&path(id), &json!({"city": "Oakton"})).await.expect(200);

    let mut sql = Sql::open(server.site());
    let events = [
        format!("comment.created {id} 1 - Ann"),
        format!("comment.created {id} 2 - Ben"),
        format!("comment.created {id} 3 - Ann"),
        format!("comment.updated {id} 1 [\"pinned\"] Ann"),
        format!("comment.updated {id} 1 [\"text\"] Ann"),
        format!("comment.updated {id} 2 [\"pinned\"] admin"),
        format!("comment.deleted {id} 2 - admin"),
        format!("comment.deleted {id} 3 - Ann"),
        format!("comment.created {id} 4 - Ben"),
    ];
    assert_eq!(sql.texts(sql::EVENTS), events);
    assert_eq!(sql.number(sql::SEQ_GAPS), 0);
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_12_a_comment_is_changed_only_as_it_was_read, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let first = write(&client, id, "One").await;
    let second =
        client.header("If-Match", &etag(&first)).put(&comment_path(id, 1), &json!({"text": "Two"})).await;
    let second = second.expect(200);
    let stale = client.header("If-Match", &etag(&first));
    stale.put(&comment_path(id, 1), &json!({"text": "Three"})).await.expect_error(412);
    stale.delete(&comment_path(id, 1)).await.expect_error(412);
    client.header("If-Match", "\"x\"").delete(&comment_path(id, 1)).await.expect_error(412);
    assert_eq!(texts(&client, id).await, ["Two"]);

    // The list tells whether it changed.
    let before = list(&client, id).await;
    let known = client.header("If-None-Match", &etag(&before));
    let query = format!("{}?limitRecord=1000", comments_path(id));
    assert_eq!(known.get(&query).await.status, 304);
    client.put(&comment_path(id, 1), &json!({"pinned": true})).await.expect(200);
    assert_eq!(known.get(&query).await.status, 200);
    assert_eq!(records(&list(&client, id).await)[0]["pinned"], true);
    client.header("If-Match", "*").delete(&comment_path(id, 1)).await.expect(200);
    assert_ne!(etag(&list(&client, id).await), etag(&before));
    assert_ne!(etag(&first), etag(&second));
});

both!(rules_12_bad_comments_are_refused, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let long = "x".repeat(4001);
    for (body, place, code) in [
        (json!({}), "/text", "required"),
        (json!({"text": null}), "/text", "required"),
        (json!({"text": " \n\u{200b}"}), "/text", "required"),
        (json!({"text": long}), "/text", "too_long"),
        (json!({"text": "a\u{7}"}), "/text", "control_character"),
        (json!({"text": 7}), "/text", "wrong_type"),
        (json!({"text": "x", "pinned": "yes"}), "/pinned", "wrong_type"),
        (json!({"text": "x", "pined": true}), "/pined", "unknown_field"),
    ] {
        let answer = client.post(&comments_path(id), &body).await;
        assert_eq!(places(answer.expect_error(400)), set([place]), "{body}: {}", answer.text);
        assert_eq!(answer.json["errors"][0]["code"], code, "{}", answer.text);
    }
    client.post(&format!("{}?pinned=true", comments_path(id)), &json!({"text": "x"})).await.expect_error(400);
    client.get(&format!("{}?limitRecord=1001", comments_path(id))).await.expect_error(400);
    assert_eq!(list(&client, id).await.json["Summary"]["totalRecords"], 0, "a refused comment was written");

    write(&client, id, &"é".repeat(4000)).await;
    client.put(&comment_path(id, 1), &json!({"text": ""})).await.expect_error(400);
    client.put(&comment_path(id, 1), &json!({"text": null})).await.expect_error(400);
    for path in [comment_path(id, 2), comment_path(id + 5, 1), format!("{}/x", comments_path(id))] {
        client.put(&path, &json!({"pinned": true})).await.expect_error(404);
        client.delete(&path).await.expect_error(404);
    }

    // There may be 1,000.
    Sql::open(server.site()).run(&sql::count_comments(id, 999));
    write(&client, id, "The last one").await;
    let answer = client.post(&comments_path(id), &json!({"text": "One more"})).await;
    assert_eq!(answer.expect_error(409).json["errors"][0]["code"], "too_many_comments", "{}", answer.text);
    client.delete(&comment_path(id, 2)).await.expect(200);
    assert_eq!(number(&write(&client, id, "One more").await), 3);

    // A deleted customer takes no more, and shows what there is.
    client.delete(&path(id)).await.expect(200);
    for answer in [
        client.post(&comments_path(id), &json!({"text": "x"})).await,
        client.put(&comment_path(id, 1), &json!({"pinned": true})).await,
        client.delete(&comment_path(id, 1)).await,
    ] {
        answer.expect_error(409);
    }
    assert_eq!(records(&list(&client, id).await).len(), 2);
});

both!(rules_12_comments_need_personal_sight, |db| async {
    let server = Server::start(db).await;
    let id = created(&master(&server), "demo", &json!({"email": "ada@example.test"})).await;
    write(&master(&server), id, "Private").await;
    let reader = server.anonymous().token(&token_with(server.site(), &["customers:read", "customers:write"]));
    for answer in [
        reader.get(&comments_path(id)).await,
        reader.post(&comments_path(id), &json!({"text": "x"})).await,
        reader.put(&comment_path(id, 1), &json!({"pinned": true})).await,
        reader.delete(&comment_path(id, 1)).await,
    ] {
        answer.expect_error(403);
        assert!(answer.text.contains("pii:read") && !answer.text.contains("Private"), "{}", answer.text);
    }
    // A token that only writes sees what it wrote, and nothing else.
    let writer = server.anonymous().token(&token_with(server.site(), &["customers:write", "pii:read"]));
    assert_eq!(write(&writer, id, "Mine").await.json["text"], "Mine");
    writer.get(&comments_path(id)).await.expect_error(403);
    writer.put(&comment_path(id, 2), &json!({"pinned": true})).await.expect_error(403);
});

both!(rules_12_a_repeated_comment_is_written_once, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let keyed = client.header("idempotencyKey", "call-1");
    let answers = at_once((0..6).map(|_| {
        let keyed = keyed.clone();
        async move { write(&keyed, id, "Called").await }
    }))
    .await;
    assert_eq!(answers.iter().filter(|answer| !answer.replayed()).count(), 1);
    assert!(answers.iter().all(|answer| answer.json == answers[0].json), "{answers:?}");
    assert_eq!(texts(&client, id).await, ["Called"]);
    keyed.post(&comments_path(id), &json!({"text": "Other"})).await.expect_error(422);

    // The answer stays the first one, whatever became of the comment.
    let edit = client.header("idempotencyKey", "edit-1");
    let edited = edit.put(&comment_path(id, 1), &json!({"text": "Called twice"})).await.expect(200);
    client.put(&comment_path(id, 1), &json!({"text": "Called three times"})).await.expect(200);
    let again = edit.put(&comment_path(id, 1), &json!({"text": "Called twice"})).await.expect(200);
    assert_eq!((again.replayed(), &again.json), (true, &edited.json));
    assert_eq!(texts(&client, id).await, ["Called three times"]);
    let gone = client.header("idempotencyKey", "gone-1");
    for is_replay in [false, true] {
        assert_eq!(gone.delete(&comment_path(id, 1)).await.expect(200).replayed(), is_replay);
    }
    let again = write(&keyed, id, "Called").await;
    assert_eq!((again.replayed(), &again.json), (true, &answers[0].json));
    assert_eq!(texts(&client, id).await, [""; 0]);

    client.delete(&format!("{}?erase=true", path(id))).await.expect(200);
    keyed.post(&comments_path(id), &json!({"text": "Called"})).await.expect_error(404);
    let mut sql = Sql::open(server.site());
    assert_eq!(sql.number(sql::SEQ_GAPS), 0);
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_12_an_erase_leaves_no_comment, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let other = created(&client, "demo", &json!({"email": "bob@example.test"})).await;
    for text in ["Lives in the blue house", "Has two cats"] {
        write(&client, id, text).await;
        write(&client, other, text).await;
    }
    client.delete(&format!("{}?erase=true", path(id))).await.expect(200);
    assert_eq!(list(&client, id).await.json["Summary"]["totalRecords"], 0);
    assert_eq!(Sql::open(server.site()).number(&sql::comment_rows(id)), 0);
    client.post(&comments_path(id), &json!({"text": "x"})).await.expect_error(409);
    assert_eq!(texts(&client, other).await, ["Has two cats", "Lives in the blue house"]);
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_12_comments_survive_a_rotation, |db| async {
    let mut server = Server::start(db).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let keyed = client.header("idempotencyKey", "call-1");
    let first = write(&keyed, id, "Called").await;
    write(&client, id, "Called twice").await;
    let before = list(&client, id).await;
    client.send(Method::POST, "/api/Paypoint/keys/rotate/demo", None, &[]).await.expect(200);
    wait_for("the rotation finishes", Duration::from_mins(2), async || {
        let keys = client.get("/api/Paypoint/keys/demo").await.expect(200).json;
        if keys["rotation"]["state"] == "finished" { Ok(()) } else { Err(keys) }
    })
    .await;
    server.restart().await;
    let after = list(&client, id).await;
    assert_eq!((etag(&after), after.json), (etag(&before), before.json));
    let again = write(&keyed, id, "Called").await;
    assert_eq!((again.replayed(), again.json), (true, first.json));
    let mut sql = Sql::open(server.site());
    let key = client.get("/api/Paypoint/keys/demo").await.expect(200).json["keys"][0]["keyId"].as_i64();
    for query in sql::under_another_key(key.expect("a key id")) {
        assert_eq!(sql.number(&query), 0, "{query}");
    }
    server.cli(&["doctor", "--deep"]).success();
    // doctor notices a wrong count, and a text in the wrong place.
    sql.run(&sql::count_comments(id, 3));
    assert!(examined(&server).contains("counts 3 comments but has 2"));
    sql.run(&sql::count_comments(id, 2));
    sql.run(&sql::swap_comment(id, 1, 2));
    assert!(examined(&server).contains("comment 1 of customer"));
});

fleets!(rules_12_comments_at_once_each_get_a_number, |fleet| async {
    const WRITERS: usize = 48;
    let client = fleet.client(0);
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let answers = fleet
        .race(WRITERS, |number, client| async move {
            let answer = write(&client, id, &format!("Comment {number}")).await;
            if number % 4 == 0 {
                client.delete(&comment_path(id, self::number(&answer))).await.expect(200);
            } else if number % 4 == 1 {
                let body = json!({"text": format!("Comment {number}!"), "pinned": true});
                client.put(&comment_path(id, self::number(&answer)), &body).await.expect(200);
            }
            answer
        })
        .await;
    let numbers: BTreeSet<u64> = answers.iter().map(number).collect();
    assert_eq!(numbers, (1..=WRITERS as u64).collect());
    let page = list(&client, id).await;
    assert_eq!(page.json["Summary"]["totalRecords"], WRITERS - WRITERS / 4, "{}", page.text);
    assert_eq!(records(&page).iter().filter(|it| it["pinned"] == true).count(), WRITERS / 4);
    let mut sql = Sql::open(fleet.site());
    assert_eq!(sql.number(sql::SEQ_GAPS), 0);
    assert_eq!(sql.texts(sql::EVENTS).len(), WRITERS + WRITERS / 2);
    fleet.site().cli(&["doctor", "--deep"]).success();
});

both!(rules_12_an_answered_comment_survives_a_kill, |db| async {
    let mut server = Server::start(db).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let tasks: Vec<_> = (0..8)
        .map(|writer| {
            let client = client.clone();
            tokio::spawn(async move {
                let mut answered = Vec::new();
                for turn in 0.. {
                    let text = format!("Comment {writer}.{turn}");
                    let body = json!({"text": text});
                    match client.try_send(Method::POST, &comments_path(id), Some(&body), &[]).await {
                        Ok(answer) if answer.status == 200 => answered.push((number(&answer), text)),
                        _ => return answered,
                    }
                }
                answered
            })
        })
        .collect();
    wait_until("some are written", Duration::from_mins(1), async || {
        list(&client, id).await.json["Summary"]["totalRecords"].as_u64() > Some(20)
    })
    .await;
    server.kill9();
    let mut answered = Vec::new();
    for task in tasks {
        answered.extend(finished(task).await);
    }
    server.restart().await;
    let there: BTreeSet<(u64, String)> = records(&list(&client, id).await)
        .iter()
        .map(|it| {
            (it["commentId"].as_u64().expect("a number"), it["text"].as_str().expect("a text").to_owned())
        })
        .collect();
    for comment in &answered {
        assert!(there.contains(comment), "{comment:?} was answered and is gone");
    }
    assert!(
        answered.len() >= 12 && there.len() <= answered.len() + 8,
        "{} of {}",
        answered.len(),
        there.len()
    );
    assert_eq!(Sql::open(server.site()).number(sql::SEQ_GAPS), 0);
    server.cli(&["doctor", "--deep"]).success();
});

/// Imports a file into an entrypoint; the answer's counts.
async fn import(client: &Client, entry: &str, query: &str, file: &str) -> Answer {
    let path = format!("/api/Import/customersForm/{entry}{query}");
    let request = client.request(Method::POST, &path).header("Content-Type", "text/csv");
    send(request.body(file.to_owned())).await.expect(200)
}

both!(rules_12_files_bring_comments_along, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let file = "email,comment\nada@example.test,\"Called.\n=Wants, \"\"a refund\"\"\"\nbob@example.test,Two cats\n\
        bob@example.test,Two dogs\ncy@example.test,\n";
    import(&client, "demo", "?dryRun=true", file).await;
    assert_eq!(list(&client, id).await.json["Summary"]["totalRecords"], 0, "a dry run writes none");
    for _ in 0..2 {
        import(&client, "demo", "", file).await;
        assert_eq!(texts(&client, id).await, ["Called.\n=Wants, \"a refund\""]);
        assert_eq!(texts(&client, id + 1).await, ["Two dogs", "Two cats"], "both, and not again");
        assert_eq!(texts(&client, id + 2).await, [""; 0]);
    }
    let rejected =
        import(&client, "demo", "", &format!("email,comment\ndi@example.test,{}\n", "x".repeat(4001))).await;
    assert_eq!(rejected.data()["rejected"], 1, "{}", rejected.text);

    // A token that may not read comments writes none.
    let masked = server.anonymous().token(&token_with(server.site(), &["customers:import"]));
    let refused = import(&masked, "demo", "", "customerNumber,comment\nN-1,Secret\n").await;
    assert_eq!(refused.data()["rejected"], 1, "{}", refused.text);

    // A file with the comments, imported into an empty entrypoint and exported again, is the same.
    client.put(&comment_path(id + 1, 1), &json!({"pinned": true})).await.expect(200);
    new_entry(server.site(), "copy", &[]);
    let columns = "csv/demo?columnsExport=Email,comment";
    let exported = client.get(&format!("/api/Export/customers/{columns}")).await.expect(200).text;
    assert!(exported.contains("Two cats") && !exported.contains("Two dogs"), "{exported}");
    import(&client, "copy", "", &exported).await;
    let again =
        client.get(&format!("/api/Export/customers/{}", columns.replace("demo", "copy"))).await.expect(200);
    assert_eq!(again.text, exported);
    let hidden = server.anonymous().token(&token_with(server.site(), &["customers:export"]));
    // Who may not read comments does not see who has some.
    hidden.get("/api/Export/customers/csv/demo?columnsExport=customerId,comment").await.expect_error(403);
    let mut sql = Sql::open(server.site());
    assert_eq!(sql.number(sql::SEQ_GAPS), 0);
    server.cli(&["doctor", "--deep"]).success();
});
