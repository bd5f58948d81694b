//! How often a coupon is redeemed, also by many at once.

use serde_json::json;

use super::*;

both!(rules_17_limits_and_times_hold_and_say_what_would_do, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let (ada, bob) = (customer(&client, "ada").await, customer(&client, "bob").await);
    make(&client, &json!({"code": "TWO", "percentOff": 10, "maxRedemptions": 2, "perCustomerLimit": 1}))
        .await;
    let first = redeem(&client, "TWO", &usage(ada, 10.0, "1")).await.expect(200);
    let again = redeem(&client, "TWO", &usage(ada, 10.0, "2")).await;
    assert_eq!(refusal(&again), "coupon_used_by_customer");
    assert!(again.text.contains("perCustomerLimit"), "{}", again.text);
    redeem(&client, "TWO", &usage(bob, 10.0, "3")).await.expect(200);
    let cara = customer(&client, "cara").await;
    let late = redeem(&client, "TWO", &usage(cara, 10.0, "4")).await;
    assert_eq!(refusal(&late), "coupon_used_up");
    assert!(late.text.contains("maxRedemptions"), "{}", late.text);
    assert_eq!(client.get(&coupon_path("TWO")).await.expect(200).json["state"], "usedUp");

    // A release frees the place, for the coupon and for the customer; twice is once.
    let id = redemption_of(&first);
    let released = release(&client, "two", &id).await.expect(200);
    let twice = release(&client, "TWO", &id).await.expect(200);
    assert_eq!(released.json, twice.json);
    assert_eq!(client.get(&coupon_path("TWO")).await.expect(200).json["redeemed"], 1);
    let next = redeem(&client, "TWO", &usage(ada, 10.0, "1")).await.expect(200);
    assert_ne!(redemption_of(&next), id, "the reference is free again");
    assert_eq!(refusal(&redeem(&client, "TWO", &usage(cara, 10.0, "4")).await), "coupon_used_up");
    client.put(&coupon_path("TWO"), &json!({"maxRedemptions": 3})).await.expect(200);
    redeem(&client, "TWO", &usage(cara, 10.0, "4")).await.expect(200);
    client
        .put(&coupon_path("TWO"), &json!({"maxRedemptions": null, "perCustomerLimit": null}))
        .await
        .expect(200);
    redeem(&client, "TWO", &usage(cara, 10.0, "5")).await.expect(200);
    assert_eq!(redemptions(&client, "TWO").await.len(), 5);

    for (code, member, value, refused, state) in [
        ("OFF", "status", "offline", "coupon_offline", "offline"),
        ("SOON", "startsAt", "2099-01-01", "coupon_not_started", "scheduled"),
        ("OVER", "redeemBy", "2026-01-01T00:00:00Z", "coupon_expired", "expired"),
    ] {
        let made = make(&client, &json!({"code": code, "percentOff": 10, member: value})).await;
        assert_eq!(made.json["state"], state);
        let answer = redeem(&client, code, &usage(ada, 10.0, "1")).await;
        assert_eq!(refusal(&answer), refused, "{}", answer.text);
        let would_do = json!({"status": "online", "startsAt": null, "redeemBy": null});
        client.put(&coupon_path(code), &would_do).await.expect(200);
        redeem(&client, code, &usage(ada, 10.0, "1")).await.expect(200);
    }

    // What was redeemed takes off what it took off, and stays.
    for body in [json!({"percentOff": 11}), json!({"percentOff": null, "amountOff": 1, "currency": "USD"})] {
        assert_eq!(refusal(&client.put(&coupon_path("OFF"), &body).await), "coupon_redeemed");
    }
    client.put(&coupon_path("OFF"), &json!({"percentOff": 10, "name": "Ten"})).await.expect(200);
    let deleted = client.delete(&coupon_path("OFF")).await;
    assert_eq!(refusal(&deleted), "coupon_redeemed");
    assert!(deleted.text.contains("offline"), "{}", deleted.text);
    let only = redemptions(&client, "OFF").await[0]["redemptionId"].as_str().unwrap().to_owned();
    release(&client, "OFF", &only).await.expect(200);
    assert_eq!(refusal(&client.delete(&coupon_path("OFF")).await), "coupon_redeemed");
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_17_the_same_reference_is_the_same_redemption, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let (ada, bob) = (customer(&client, "ada").await, customer(&client, "bob").await);
    make(&client, &json!({"code": "ONE", "percentOff": 10, "maxRedemptions": 2, "perCustomerLimit": 1}))
        .await;
    let first = redeem(&client, "ONE", &usage(ada, 10.0, "order 1")).await.expect(200);
    let again = redeem(&client, "one", &usage(ada, 10.0, " order 1 ")).await.expect(200);
    assert_eq!(again.json, first.json);
    let other = redeem(&client, "ONE", &usage(ada, 11.0, "order 1")).await;
    assert_eq!((refusal(&other), places(&other)), ("reference_used", set(["/reference"])));
    // Somebody else's is another one.
    let bobs = redeem(&client, "ONE", &usage(bob, 10.0, "order 1")).await.expect(200);
    assert_ne!(bobs.json, first.json);
    // A retry gets its answer also when the coupon is used up or offline.
    client.put(&coupon_path("ONE"), &json!({"status": "offline"})).await.expect(200);
    assert_eq!(redeem(&client, "ONE", &usage(ada, 10.0, "order 1")).await.expect(200).json, first.json);
    assert_eq!(redemptions(&client, "ONE").await.len(), 2);

    // Idempotency keys hold beside it.
    make(&client, &json!({"code": "KEYED", "percentOff": 10})).await;
    let keyed = client.header("idempotencyKey", "redeem-1");
    let body = json!({"customerId": ada, "amount": 10, "currency": "USD"});
    let first = redeem(&keyed, "KEYED", &body).await.expect(200);
    let again = redeem(&keyed, "KEYED", &body).await.expect(200);
    assert_eq!((first.replayed(), again.replayed(), &again.json), (false, true, &first.json));
    redeem(&keyed, "KEYED", &usage(ada, 11.0, "x")).await.expect_error(422);
    let freed = client.header("idempotencyKey", "release-1");
    for replayed in [false, true] {
        assert_eq!(release(&freed, "KEYED", &redemption_of(&first)).await.expect(200).replayed(), replayed);
    }
    let given = client.header("idempotencyKey", "give-1");
    let body = json!({"code": "GIVEN", "percentOff": 5});
    let told = given.post(&of_customer(ada), &body).await.expect(200);
    let again = given.post(&of_customer(ada), &body).await.expect(200);
    assert_eq!((again.replayed(), &again.json), (true, &told.json));
    let made = client.header("idempotencyKey", "make-1");
    let body = json!({"code": "MADE", "percentOff": 5});
    let first = make(&made, &body).await;
    client.put(&coupon_path("MADE"), &json!({"name": "Later"})).await.expect(200);
    let again = make(&made, &body).await;
    assert_eq!((again.replayed(), &again.json), (true, &first.json));
    assert_eq!(redemptions(&client, "KEYED").await.len(), 1);
});

fleets!(rules_17_no_more_redeem_a_coupon_than_there_are_places, |fleet| async {
    const WRITERS: usize = 64;
    const PLACES: usize = 10;
    let client = fleet.client(0).token(&token_with(fleet.site(), &SCOPES));
    let token = token_with(fleet.site(), &SCOPES);
    let mut ids = Vec::new();
    for number in 0..WRITERS {
        ids.push(customer(&client, &format!("c{number}")).await);
    }
    for (round, (max, each)) in
        [(Some(PLACES), None), (None, Some(PLACES)), (Some(PLACES), Some(1))].into_iter().enumerate()
    {
        let code = format!("RACE-{round}");
        make(
            &client,
            &json!({"code": code, "percentOff": 10, "maxRedemptions": max, "perCustomerLimit": each}),
        )
        .await;
        let refused = if max.is_some() { "coupon_used_up" } else { "coupon_used_by_customer" };
        let answers = fleet
            .race(WRITERS, |number, client| {
                let client = client.token(&token);
                // One customer wants all places of its own.
                let id = if max.is_some() { ids[number] } else { ids[0] };
                let code = if number % 2 == 0 { code.clone() } else { code.to_ascii_lowercase() };
                async move { redeem(&client, &code, &usage(id, 10.0, &format!("order {number}"))).await }
            })
            .await;
        let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(won.len(), PLACES, "round {round}");
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            assert_eq!(refusal(answer), refused, "{}", answer.text);
        }
        let all = redemptions(&client, &code).await;
        let mut shown: Vec<_> =
            all.iter().map(|one| one["redemptionId"].as_str().unwrap().to_owned()).collect();
        let mut told: Vec<_> = won.iter().map(|answer| redemption_of(answer)).collect();
        shown.sort();
        told.sort();
        assert_eq!(shown, told, "each success is one redemption");
        assert_eq!(client.get(&coupon_path(&code)).await.expect(200).json["redeemed"], PLACES);
    }
    fleet.site().cli(&["doctor", "--deep"]).success();
});

fleets!(rules_17_one_reference_at_once_is_one_redemption, |fleet| async {
    let token = token_with(fleet.site(), &SCOPES);
    let client = fleet.client(0).token(&token);
    let id = customer(&client, "ada").await;
    make(&client, &json!({"code": "ONCE", "percentOff": 10, "maxRedemptions": 5})).await;
    let answers = fleet
        .race(32, |_, client| {
            let client = client.token(&token);
            async move { redeem(&client, "ONCE", &usage(id, 10.0, "order 1")).await.expect(200) }
        })
        .await;
    assert!(answers.iter().all(|answer| answer.json == answers[0].json), "{answers:?}");
    assert_eq!(redemptions(&client, "ONCE").await.len(), 1);
    // Releases at once free one place.
    let redemption = redemption_of(&answers[0]);
    fleet
        .race(16, |_, client| {
            let (client, redemption) = (client.token(&token), redemption.clone());
            async move { release(&client, "ONCE", &redemption).await.expect(200) }
        })
        .await;
    assert_eq!(client.get(&coupon_path("ONCE")).await.expect(200).json["redeemed"], 0);
    fleet.site().cli(&["doctor", "--deep"]).success();
});
