//! A row that the database itself refuses fails alone (rules 9).

use super::*;

/// A balance that a trigger of the test refuses.
const POISON: i64 = 666;

fn poison(site: &Site) {
    Sql::open(site).run(&sql::refuse_balance(site.db, POISON * 10_000));
}

both!(rules_9_a_row_that_the_database_refuses_is_rejected_alone, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    poison(server.site());
    let poisoned = [0, 33, 34, 99, 149];
    let mut file = line(&["email", "balance"]);
    for row in 0..150 {
        let balance = if poisoned.contains(&row) { POISON } else { row };
        file.push_str(&line(&[format!("p{row}@example.test"), balance.to_string()]));
    }
    let answer = send_file(&client, "demo", "", &file).await.expect(200);
    assert_eq!(answer.data()["state"], "finished", "{}", answer.text);
    assert_eq!(counts(answer.data()), [145, 0, 0, 0, 5, 0], "{}", answer.text);
    assert!(!answer.text.contains("poison"), "the answer repeats the database's message: {}", answer.text);
    for (number, row) in rows(&client, "demo", job_id(answer.data())).await.iter().enumerate() {
        let is_poisoned = poisoned.contains(&i64::try_from(number).unwrap());
        assert_eq!(row["outcome"], if is_poisoned { "rejected" } else { "created" }, "{row}");
        if is_poisoned {
            assert_eq!(row["problems"][0]["code"], "internal", "{row}");
        }
    }
    assert_eq!(total(&client, "demo").await, 145);
    server.cli(&["doctor", "--deep"]).success();
});
