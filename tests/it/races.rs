//! Rules 3, 4 and 5 under races: whatever arrives at the same moment, on one instance or several, the records and
//! answers are those of some order of the requests one by one. Each race is repeated, because one round proves little.

use serde_json::{Value, json};

use crate::harness::*;
use crate::support::{SCOPES, Sql, sql, token_with};

const ROUNDS: usize = 6;
const WRITERS: usize = 50;

/// Sends all these creates at the same time, spread over the instances.
async fn create_all(fleet: &Fleet, entry: &'static str, bodies: Vec<Value>) -> Vec<Answer> {
    fleet
        .race(bodies.len(), |number, client| {
            let body = bodies[number].clone();
            async move { client.create(entry, &body, &[], &[]).await }
        })
        .await
}

/// A customer of entrypoint `demo` that exists before the race.
async fn existing(fleet: &Fleet, body: Value) -> u64 {
    let answer = fleet.client(0).create("demo", &body, &[], &[]).await.expect(200);
    assert_eq!(answer.outcome(), "created", "{}", answer.text);
    answer.id()
}

/// Asserts that one create made the record and every other matched it on these fields without a change; its id.
#[track_caller]
fn one_created_others_matched<'a>(answers: &'a [Answer], fields: &[&str]) -> &'a Answer {
    let created: Vec<_> = answers.iter().filter(|answer| answer.outcome() == "created").collect();
    assert_eq!(created.len(), 1, "{:?}", answers.iter().map(Answer::outcome).collect::<Vec<_>>());
    let winner = created[0];
    assert!(winner.data()["matchedOn"].is_null(), "{}", winner.text);
    for answer in answers.iter().filter(|answer| answer.outcome() != "created") {
        assert_eq!(answer.outcome(), "matched");
        assert_eq!(answer.id(), winner.id());
        assert_eq!(answer.matched_on(), fields, "{}", answer.text);
        for field in ["Firstname", "Lastname", "Email", "customerNumber", "Company"] {
            assert_eq!(answer.data()[field], winner.data()[field], "{field} of the stored record");
        }
    }
    winner
}

/// The ids of the live records of `demo` whose field has this value.
async fn holders(fleet: &Fleet, field: &str, value: &str) -> Vec<u64> {
    let records = fleet.client(0).list("demo").await;
    let holding = records.iter().filter(|record| record[field] == value);
    holding.map(|record| record["customerId"].as_u64().unwrap()).collect()
}

/// Asserts a 409 that names the conflicting customer.
#[track_caller]
fn refused_naming(answer: &Answer, id: u64) {
    answer.expect_error(409);
    let named = |text: &str| text.split(|c: char| !c.is_ascii_digit()).any(|number| number == id.to_string());
    let body = json!([answer.json["responseText"], answer.json["responseData"], answer.json["errors"]]);
    assert!(named(&body.to_string()), "customer {id} is not named in {}", answer.text);
}

fleets!(rules_3_fifty_parallel_creates_of_one_identity_make_one_record, |fleet| async {
    for round in 0..ROUNDS {
        let email = format!("race{round}@example.test");
        // White space at the ends does not make another identity.
        let spellings = [email.clone(), format!(" {email}"), format!("{email} ")];
        let bodies = (0..WRITERS)
            .map(|number| json!({"email": spellings[number % 3], "firstname": format!("Writer {number}")}))
            .collect();
        let answers = create_all(&fleet, "demo", bodies).await;
        let answers: Vec<_> = answers.into_iter().map(|answer| answer.expect(200)).collect();
        let winner = one_created_others_matched(&answers, &["email"]);
        assert_eq!(holders(&fleet, "Email", &email).await, [winner.id()]);
    }
    assert_eq!(fleet.client(0).list("demo").await.len(), ROUNDS);
});

fleets!(rules_3_fifty_parallel_creates_of_one_compound_identity_make_one_record, |fleet| async {
    let policy = ["entrypoint", "create", "names", "--org", "1", "--identifier", "firstname+lastname"];
    fleet.site().cli(&policy).success();
    // Composed and decomposed, in other case, with surplus white space: one name to the matcher.
    let firstnames = [
        "Jos\u{e9} Mar\u{ed}a",
        "Jose\u{301} Mari\u{301}a",
        "JOS\u{c9} MAR\u{cd}A",
        " jos\u{e9}  mar\u{ed}a ",
    ];
    for round in 0..ROUNDS {
        let bodies = (0..WRITERS)
            .map(|number| {
                json!({"firstname": firstnames[number % firstnames.len()], "lastname": format!("Stra\u{df}e {round}"),
                       "email": format!("writer{number}.{round}@example.test")})
            })
            .collect();
        let answers = create_all(&fleet, "names", bodies).await;
        let answers: Vec<_> = answers.into_iter().map(|answer| answer.expect(200)).collect();
        one_created_others_matched(&answers, &["firstname", "lastname"]);
    }
    assert_eq!(fleet.client(0).list("names").await.len(), ROUNDS);
});

fleets!(rules_3_fifty_parallel_creates_of_one_customer_number_make_one_record, |fleet| async {
    for round in 0..ROUNDS {
        let number = format!("ACC-{round}");
        // Each has its own e-mail, so only the number identifies them.
        let bodies = (0..WRITERS)
            .map(|writer| json!({"customerNumber": number, "email": format!("writer{writer}.{round}@example.test")}))
            .collect();
        let answers = create_all(&fleet, "demo", bodies).await;
        let answers: Vec<_> = answers.into_iter().map(|answer| answer.expect(200)).collect();
        let winner = one_created_others_matched(&answers, &["customerNumber"]);
        assert_eq!(holders(&fleet, "customerNumber", &number).await, [winner.id()]);
    }
    assert_eq!(fleet.client(0).list("demo").await.len(), ROUNDS);
});

fleets!(rules_3_fifty_parallel_creates_of_one_username_make_one_record, |fleet| async {
    for round in 0..ROUNDS {
        let username = format!("portal{round}");
        let bodies = (0..WRITERS)
            .map(|writer| json!({"customerUsername": username, "email": format!("writer{writer}.{round}@example.test")}))
            .collect();
        let answers = create_all(&fleet, "demo", bodies).await;
        let created: Vec<_> =
            answers.iter().filter(|answer| answer.status == 200 && answer.outcome() == "created").collect();
        assert_eq!(created.len(), 1);
        let winner = created[0].id();
        for answer in &answers {
            match answer.status {
                200 => assert_eq!(answer.id(), winner, "{}", answer.text),
                _ => refused_naming(answer, winner),
            }
        }
        assert_eq!(holders(&fleet, "customerUsername", &username).await, [winner]);
    }
    assert_eq!(fleet.client(0).list("demo").await.len(), ROUNDS);
});

fleets!(rules_3_flags_do_not_double_a_raced_identity, |fleet| async {
    let flags: [(&[(&str, &str)], &str); 3] =
        [(&[], "matched"), (&[("replaceExisting", "1")], "replaced"), (&[("mergeExisting", "1")], "merged")];
    for round in 0..ROUNDS {
        let body = json!({"email": format!("flags{round}@example.test"), "city": "Oakton"});
        let answers = fleet
            .race(WRITERS, |number, client| {
                let (body, query) = (body.clone(), flags[number % flags.len()].0);
                async move { client.create("demo", &body, query, &[]).await.expect(200) }
            })
            .await;
        assert_eq!(answers.iter().filter(|answer| answer.outcome() == "created").count(), 1);
        for (number, answer) in answers.iter().enumerate() {
            assert_eq!(answer.id(), answers[0].id());
            let expected = flags[number % flags.len()].1;
            assert!([expected, "created"].contains(&answer.outcome()), "{} for {expected}", answer.outcome());
        }
    }
    assert_eq!(fleet.client(0).list("demo").await.len(), ROUNDS);
});

fleets!(rules_3_an_update_racing_creates_onto_one_identity_leaves_one_holder, |fleet| async {
    const UPDATES: usize = 3;
    let mut updates_won = 0;
    for round in 0..ROUNDS * 2 {
        let email = format!("wanted{round}@example.test");
        let mut rivals = Vec::new();
        for rival in 0..UPDATES {
            rivals
                .push(existing(&fleet, json!({"email": format!("rival{rival}.{round}@example.test")})).await);
        }
        // Odd rounds send the updates last, so both orders occur.
        let answers = fleet
            .race(UPDATES + 20, |number, client| {
                let place = if round % 2 == 0 { number } else { UPDATES + 19 - number };
                let rival = rivals.get(place).copied();
                let body = json!({"email": email});
                async move {
                    match rival {
                        Some(id) => (Some(id), client.put(&format!("/api/Customer/{id}"), &body).await),
                        None => (None, client.create("demo", &body, &[], &[]).await.expect(200)),
                    }
                }
            })
            .await;
        let holding = holders(&fleet, "Email", &email).await;
        assert_eq!(holding.len(), 1, "one customer must hold the identity, not {holding:?}");
        let winner = holding[0];
        let mut effects = 0;
        for (rival, answer) in &answers {
            match rival {
                Some(id) if answer.status == 200 => {
                    assert_eq!(*id, winner, "the holder is not the acknowledged update");
                    effects += 1;
                    updates_won += 1;
                }
                Some(_) => refused_naming(answer, winner),
                None => {
                    assert_eq!(answer.id(), winner);
                    effects += usize::from(answer.outcome() == "created");
                }
            }
        }
        assert_eq!(effects, 1, "exactly one update or create must take the identity");
    }
    println!("an update won {updates_won} of {} rounds", ROUNDS * 2);
});

fleets!(rules_3_a_delete_racing_creates_never_leaves_two_live_records, |fleet| async {
    for round in 0..ROUNDS * 2 {
        let email = format!("leaving{round}@example.test");
        let old = existing(&fleet, json!({"email": email})).await;
        let answers = fleet
            .race(23, |number, client| {
                // The deletes among the creates, at places that differ by round.
                let delete = (number + round) % 8 == 3;
                let body = json!({"email": email, "firstname": format!("Writer {number}")});
                async move {
                    if delete {
                        (true, client.delete(&format!("/api/Customer/{old}")).await.expect(200))
                    } else {
                        (false, client.create("demo", &body, &[], &[]).await.expect(200))
                    }
                }
            })
            .await;
        let creates: Vec<_> =
            answers.iter().filter(|(delete, _)| !delete).map(|(_, answer)| answer).collect();
        let created: Vec<_> =
            creates.iter().filter(|answer| answer.outcome() == "created").map(|answer| answer.id()).collect();
        assert!(created.len() <= 1, "{created:?} exist at the same time");
        for answer in creates {
            assert!(answer.id() == old || created.contains(&answer.id()), "{} matched nobody", answer.text);
            assert!(["created", "matched"].contains(&answer.outcome()), "{}", answer.text);
        }
        assert_eq!(holders(&fleet, "Email", &email).await, created);
        let gone = fleet.client(0).get(&format!("/api/Customer/{old}")).await.expect(200);
        assert_eq!(gone.json["customerStatus"], -99);

        let next = fleet.client(1).create("demo", &json!({"email": email}), &[], &[]).await.expect(200);
        match created.first() {
            Some(id) => assert_eq!((next.outcome(), next.id()), ("matched", *id)),
            None => assert_eq!(next.outcome(), "created"),
        }
    }
});

fleets!(rules_3_updates_that_swap_identities_are_refused_and_do_not_deadlock, |fleet| async {
    const PAIRS: usize = 10;
    let mut customers = Vec::new();
    for number in 0..PAIRS * 2 {
        let body =
            json!({"email": format!("swap{number}@example.test"), "customerNumber": format!("S-{number}")});
        customers.push(existing(&fleet, body).await);
    }
    let before = fleet.client(0).list("demo").await;
    for round in 0..ROUNDS {
        let answers = fleet
            .race(PAIRS * 2, |number, client| {
                let (own, other) = (customers[number], number ^ 1);
                // Odd rounds swap crosswise: each half of a pair wants another part of the other's identity.
                let body = if round % 2 == 1 && number % 2 == 1 {
                    json!({"customerNumber": format!("S-{other}")})
                } else {
                    json!({"email": format!("swap{other}@example.test")})
                };
                async move { client.put(&format!("/api/Customer/{own}"), &body).await }
            })
            .await;
        for (number, answer) in answers.iter().enumerate() {
            refused_naming(answer, customers[number ^ 1]);
        }
    }
    assert_eq!(fleet.client(0).list("demo").await, before, "a refused update changes nothing");
});

fleets!(rules_4_one_key_fifty_times_has_one_effect_and_one_answer, |fleet| async {
    for round in 0..ROUNDS {
        let key = format!("key-{round}");
        let email = format!("once{round}@example.test");
        let answers = fleet
            .race(WRITERS, |number, client| {
                let body = json!({"email": email, "firstname": "Once"});
                // Both names of the header, bare and quoted, carry one key. With force, only the key can prevent a
                // second record.
                let (name, value) = match number % 3 {
                    0 => ("idempotencyKey", key.clone()),
                    1 => ("Idempotency-Key", key.clone()),
                    _ => ("Idempotency-Key", format!("\"{key}\"")),
                };
                async move {
                    let query = [("forceCustomerCreation", "true")];
                    client.create("demo", &body, &query, &[(name, &value)]).await.expect(200)
                }
            })
            .await;
        assert_eq!(
            answers.iter().filter(|answer| !answer.replayed()).count(),
            1,
            "exactly one answer is no replay"
        );
        for answer in &answers {
            assert_eq!(answer.data(), answers[0].data());
            assert_eq!(answer.outcome(), "created");
        }
        assert_eq!(holders(&fleet, "Email", &email).await, [answers[0].id()]);
    }
});

fleets!(rules_4_one_key_for_a_change_of_settings_has_one_effect, |fleet| async {
    let token = token_with(fleet.site(), &SCOPES);
    let mut sql = Sql::open(fleet.site());
    for round in 0..ROUNDS {
        let (key, name) = (format!("key-{round}"), format!("Round {round}"));
        // Organisations may share a name, so only the key can prevent a second one.
        let body = json!({"name": name});
        let answers = fleet
            .race(WRITERS, |_, client| {
                let (client, body) = (client.token(&token).header("Idempotency-Key", &key), body.clone());
                async move { client.post("/api/Organization", &body).await.expect(200) }
            })
            .await;
        assert_eq!(
            answers.iter().filter(|answer| !answer.replayed()).count(),
            1,
            "exactly one answer is no replay"
        );
        assert!(answers.iter().all(|answer| answer.json == answers[0].json), "{}", answers[0].text);
        let made = sql::organisations_named(&name);
        assert_eq!(sql.number(&made), 1);
    }
});

fleets!(rules_1_one_name_for_many_new_entrypoints_is_taken_once, |fleet| async {
    let token = token_with(fleet.site(), &SCOPES);
    for round in 0..ROUNDS {
        let body = json!({"entry": format!("round-{round}")});
        let answers = fleet
            .race(WRITERS, |_, client| {
                let (client, body) = (client.token(&token), body.clone());
                async move { client.post("/api/Paypoint", &body).await }
            })
            .await;
        let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!(made.len(), 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
        for answer in refused {
            assert_eq!(answer.expect_error(409).json["errors"][0]["code"], "entry_taken", "{}", answer.text);
        }
    }
});

fleets!(rules_4_one_key_makes_one_entrypoint_and_all_see_it, |fleet| async {
    let token = token_with(fleet.site(), &SCOPES);
    for round in 0..ROUNDS {
        let body = json!({"entry": format!("keyed-{round}")});
        let key = format!("entrypoint-{round}");
        let answers = fleet
            .race(WRITERS, |_, client| {
                let (client, body) = (client.token(&token).header("idempotencyKey", &key), body.clone());
                async move { client.post("/api/Paypoint", &body).await }
            })
            .await;
        for answer in &answers {
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(answer.json, answers[0].json);
        }
        assert_eq!(answers.iter().filter(|answer| !answer.replayed()).count(), 1);
    }
});

fleets!(rules_4_one_key_with_two_bodies_admits_one_of_them, |fleet| async {
    for round in 0..ROUNDS {
        let key = format!("key-{round}");
        let body = |number: usize| json!({"email": format!("twofold{round}.{}@example.test", number % 2)});
        let answers = fleet
            .race(WRITERS, |number, client| {
                let (body, key) = (body(number), key.clone());
                async move { client.create("demo", &body, &[], &[("idempotencyKey", &key)]).await }
            })
            .await;
        let winner = answers.iter().position(|answer| answer.status == 200).expect("one request succeeds");
        for (number, answer) in answers.iter().enumerate() {
            if number % 2 == winner % 2 {
                assert_eq!(answer.clone().expect(200).data(), answers[winner].data());
            } else {
                answer.expect_error(422);
            }
        }
        assert_eq!(fleet.client(0).list("demo").await.len(), round + 1);
    }
});

fleets!(rules_4_a_replayed_update_or_delete_comes_before_if_match, |fleet| async {
    for round in 0..ROUNDS {
        let id = existing(&fleet, json!({"email": format!("once{round}@example.test")})).await;
        let path = format!("/api/Customer/{id}");
        // Only the first request finds this version: a second execution would be answered 412.
        let tag = fleet.client(0).get(&path).await.header("ETag").expect("an ETag").to_owned();
        let updates = fleet
            .race(WRITERS, |_, client| {
                let (path, key) = (path.clone(), format!("put-{round}"));
                let client = client.header("If-Match", &tag).header("Idempotency-Key", &key);
                async move { client.put(&path, &json!({"city": "Oakton"})).await.expect(200) }
            })
            .await;
        assert_eq!(updates.iter().filter(|answer| !answer.replayed()).count(), 1);

        let tag = fleet.client(0).get(&path).await.header("ETag").expect("an ETag").to_owned();
        let deletes = fleet
            .race(WRITERS, |_, client| {
                let (path, key) = (path.clone(), format!("delete-{round}"));
                let client = client.header("If-Match", &tag).header("Idempotency-Key", &key);
                async move { client.delete(&path).await.expect(200) }
            })
            .await;
        assert_eq!(deletes.iter().filter(|answer| !answer.replayed()).count(), 1);
        assert_eq!(fleet.client(0).get(&path).await.expect(200).json["customerStatus"], -99);
    }
});

fleets!(rules_5_if_match_admits_one_of_fifty_updates, |fleet| async {
    let id = existing(&fleet, json!({"email": "guarded@example.test"})).await;
    let path = format!("/api/Customer/{id}");
    for round in 0..ROUNDS {
        let tag = fleet.client(0).get(&path).await.header("ETag").expect("an ETag").to_owned();
        let answers = fleet
            .race(WRITERS, |number, client| {
                let (path, client) = (path.clone(), client.header("If-Match", &tag));
                let body = json!({"city": format!("City {round}.{number}")});
                async move { client.put(&path, &body).await }
            })
            .await;
        let through: Vec<_> = (0..WRITERS).filter(|number| answers[*number].status == 200).collect();
        assert_eq!(through.len(), 1, "{through:?} went through");
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            answer.expect_error(412);
        }
        let stored = fleet.client(0).get(&path).await.expect(200);
        assert_eq!(stored.json["City"], format!("City {round}.{}", through[0]));
    }
});
