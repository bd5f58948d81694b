//! Requests for customers at the same moment, which the service may read together: each gets its own answer.

use serde_json::json;

use crate::harness::*;
use crate::support::*;

/// How often each customer is requested in a round.
const TIMES: usize = 12;
const ROUNDS: usize = 4;

/// The number of reads of customers, and the number of customers that were requested.
async fn reads(server: &Server) -> (usize, usize) {
    let metrics = server.anonymous().get("/metrics").await.expect(200).text;
    let value = |name: &str| {
        let line = metrics.lines().find(|line| line.split(' ').next() == Some(name));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
    };
    (value("customary_reader_batch_customers_count"), value("customary_reader_batch_customers_sum"))
}

both!(simultaneous_reads_answer_like_single_reads, |db| async {
    let server = Server::start(db).await;
    let site = server.site().clone();
    new_entry(&site, "other", &[]);
    let everywhere = server.client();
    let client = everywhere.token(&token_of(
        &site,
        &["--org", "1", "--entry", "demo"],
        &["customers:read", "pii:read"],
    ));
    let mut ids = Vec::new();
    for number in 0..20 {
        let entry = if number % 4 == 3 { "other" } else { "demo" };
        let person =
            json!({"firstname": format!("Person {number}"), "email": format!("p{number}@example.test")});
        ids.push(created(&everywhere, entry, &person).await);
    }
    let (changed, tampered, erased, missing) = (ids[0], ids[1], ids[2], 987_654);
    everywhere.put(&path(changed), &json!({"city": "Oakton"})).await.expect(200);
    everywhere.delete(&format!("{}?erase=true", path(erased))).await.expect(200);
    Sql::open(&site).run(&sql::spoil_customer(tampered));
    ids.push(missing);
    let mut alone = Vec::new();
    for id in &ids {
        alone.push(client.get(&path(*id)).await);
    }
    let statuses = |status: u16| alone.iter().filter(|answer| answer.status == status).count();
    // Five of the twenty belong to an entrypoint that this token does not see.
    assert_eq!((statuses(200), statuses(404), statuses(500)), (14, 6, 1));

    let (reads_before, asked_before) = reads(&server).await;
    for _ in 0..ROUNDS {
        let asked: Vec<usize> = (0..ids.len() * TIMES).map(|number| number % ids.len()).collect();
        let answers = at_once(asked.iter().map(|place| {
            let (client, path) = (client.clone(), path(ids[*place]));
            async move { client.get(&path).await }
        }));
        for (place, answer) in asked.iter().zip(answers.await) {
            let expected = &alone[*place];
            assert_eq!(answer.status, expected.status, "{}", answer.text);
            if answer.status == 200 {
                assert_eq!(answer.json, expected.json);
                assert_eq!(answer.header("etag"), expected.header("etag"));
            }
        }
    }
    let (reads_after, asked_after) = reads(&server).await;
    let asked = asked_after - asked_before;
    // The service does not query the database for an id that was never assigned.
    assert_eq!(asked, (ids.len() - 1) * TIMES * ROUNDS);
    assert!(reads_after - reads_before < asked, "the service read each of {asked} requests alone");
});
