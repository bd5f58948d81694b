//! An erase finds the person in the rejected rows of imports, whatever a row says of the person and in whatever form.

use std::fmt::Write as _;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

/// A report of rejected rows, in both its forms.
struct Report(String);

impl Report {
    async fn of(client: &Client, content_type: &str, file: String) -> Report {
        let request = client.request(Method::POST, "/api/Import/customersForm/demo");
        let answer = send(request.header("Content-Type", content_type).body(file)).await.expect(200);
        assert_eq!(answer.data()["added"], 0, "{}", answer.text);
        Report(format!("/api/Import/jobs/demo/{}", answer.data()["jobId"]))
    }

    /// The rows that still say something, by the words that mark them.
    async fn left(&self, client: &Client, marks: &[String]) -> Vec<String> {
        let file = client.get(&format!("{}/rejected.csv", self.0)).await.expect(200).text;
        let rows = client.get(&format!("{}/rows?outcome=rejected", self.0)).await.expect(200).text;
        marks.iter().filter(|mark| file.contains(*mark) || rows.contains(*mark)).cloned().collect()
    }
}

/// What a row says of the person: the column, the cell, and the same as members of JSON.
fn sayings() -> Vec<(&'static str, String, Value)> {
    let method = |member: &str, value: &str| {
        let mut method = json!({"provider": "acme", "providerMethodId": "other", "method": "ach"});
        method[member] = json!(value);
        json!({"methods": [method]})
    };
    let addresses =
        |member: &str, value: &str| json!({"addresses": [{ member: value, "city": "Elsewhere" }]});
    let text = |name: &str, value: &str| json!({ name: value });
    vec![
        ("email", "Tilda.Quorn@Example.test".into(), text("email", "Tilda.Quorn@Example.test")),
        ("phone", "(202) 555-0143".into(), text("phone", "202 555 0143")),
        ("customerNumber", "K-7".into(), text("customerNumber", "K-7")),
        ("customerUsername", "tquorn".into(), text("customerUsername", "TQUORN")),
        ("fullname", "tilda  quorn".into(), text("fullname", "Tilda Quorn")),
        ("shippingAddress", "9 Harbour Row".into(), text("shippingAddress", "9 harbour row")),
        ("address", "4 Attic Lane".into(), addresses("address", "4 Attic Lane")),
        ("address-3-name", "Grandma Quorn".into(), addresses("name", "Grandma Quorn")),
        ("address-3-phone", "+1 202 555 0199".into(), addresses("phone", "+12025550199")),
        ("reference-shop", "zq-1".into(), json!({"references": [{"system": "shop", "externalId": "zq-1"}]})),
        (
            "References",
            "x:1;till:880".into(),
            json!({"references": [{"system": "till", "externalId": "880"}]}),
        ),
        ("method-providerMethodId", "pm_q77z".into(), method("providerMethodId", "pm_q77z")),
        ("method-providerCustomerId", "cus_q77z".into(), method("providerCustomerId", "cus_q77z")),
        ("method-fingerprint", "fp_q77z".into(), method("fingerprint", "fp_q77z")),
        ("method-holderName", "T A QUORN".into(), method("holderName", "T A Quorn")),
        ("comment", "Prefers the side door".into(), json!({"comments": ["Prefers the side door"]})),
        ("additional-clientId", "c9".into(), json!({"additionalFields": {"clientId": "c9"}})),
        ("company", "Ask tilda.quorn@example.test".into(), text("company", "of tilda.quorn@example.test.")),
    ]
}

both!(rules_5_an_erase_finds_the_person_in_rejected_rows_of_every_form, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    client.put("/api/Paypoint/settings/demo", &identifiers(&["email", "clientId"])).await.expect(200);
    let person = json!({
        "email": "tilda.quorn@example.test", "phone": "+12025550143", "customerNumber": "K-7",
        "customerUsername": "tquorn", "fullname": "Tilda Quorn", "additionalFields": {"clientId": "c9"},
        "addresses": [{"address": "2 Cliff Road", "isDefaultBilling": true},
                      {"address": "9 Harbour Row", "isDefaultShipping": true},
                      {"address": "4 Attic Lane", "name": "Grandma Quorn", "phone": "+12025550199"}],
        "references": [{"system": "shop", "externalId": "zq-1"}, {"system": "till", "externalId": "880"}],
    });
    let id = created(&client, "demo", &person).await;
    let method = json!({"provider": "acme", "providerMethodId": "pm_q77z", "method": "ach", "fingerprint": "fp_q77z",
                        "providerCustomerId": "cus_q77z", "holderName": "T A Quorn"});
    client.post(&format!("{}/methods", path(id)), &method).await.expect(200);
    let comment = json!({"text": "Prefers the side door"});
    client.post(&format!("{}/comments", path(id)), &comment).await.expect(200);

    let sayings = sayings();
    let marks = |form: &str| (0..sayings.len()).map(|row| format!("Mark{form}{row}x")).collect::<Vec<_>>();
    // Of another person, whose values are like hers.
    let other = "MarkOther";
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));

    let columns: Vec<&str> = sayings.iter().map(|(column, ..)| *column).collect();
    let cells = marks("C");
    let mut table = format!("city,birthday,customerStatus,labels,{}\n", columns.join(","));
    for (row, (_, cell, _)) in sayings.iter().enumerate() {
        let before = format!("{},2999-01-01,1,", cells[row]);
        let (left, right) = (",".repeat(row + 1), ",".repeat(columns.len() - row - 1));
        writeln!(table, "{before}{left}{}{right}", quoted(cell)).unwrap();
    }
    writeln!(
        table,
        "{other},2999-01-01,1,880;c9,mary.tilda.quorn@example.test,+12025550144,,,tilda,19 Harbour Row"
    )
    .unwrap();

    let lines = marks("L");
    let wrong = |mark: &str, members: &Value| {
        let mut line = members.clone();
        line["city"] = json!(mark);
        line["unheardOf"] = json!(1);
        line.to_string()
    };
    let mut ndjson: String =
        sayings.iter().zip(&lines).map(|((.., members), mark)| wrong(mark, members) + "\n").collect();
    ndjson +=
        &wrong(other, &json!({"email": "mary.tilda.quorn@example.test", "labels": ["880"], "timeZone": 7}));

    // The lines again, in a column, and cut short.
    let (whole, broken) = (marks("W"), marks("B"));
    let mut column = "json\n".to_owned();
    for (row, (.., members)) in sayings.iter().enumerate() {
        column += &(quoted(&wrong(&whole[row], members)) + "\n");
        let text = wrong(&broken[row], members);
        column += &(quoted(&text.replace("\"unheardOf\":1}", "\"unheardOf\":")) + "\n");
    }
    column += &(quoted(&wrong(other, &json!({"email": "other@example.test"}))) + "\n");

    let reports = [
        (Report::of(&client, "text/csv", table).await, cells),
        (Report::of(&client, "application/x-ndjson", ndjson).await, lines),
        (Report::of(&client, "text/csv", column).await, [whole, broken].concat()),
    ];
    for (report, marks) in &reports {
        assert_eq!(report.left(&client, marks).await, *marks, "the search proves nothing");
    }
    client.delete(&format!("{}?erase=true", path(id))).await.expect(200);
    for (report, marks) in &reports {
        assert_eq!(report.left(&client, marks).await, Vec::<String>::new());
        assert_eq!(report.left(&client, &[other.to_owned()]).await.len(), 1, "another person's row is gone");
    }
});
