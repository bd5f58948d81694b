//! Imports use the matcher of creates (rules 3, rules 9): a random file gives the same result as its rows sent one by
//! one as creates, for every policy and all flags: the same records, and for each row the same outcome and reasons.

use fastrand::Rng;
use serde_json::json;

use super::snapshot::{Snapshot, assert_same, ranked, records};
use super::*;

const POLICIES: [&[&str]; 6] = [
    &["email"],
    &["firstname+lastname", "phone"],
    &["clientId"],
    &["email", "clientId+lastname"],
    &["phone"],
    &["customerNumber", "company+zip"],
];

const FLAGS: [&str; 4] = ["", "replaceExisting=1", "mergeExisting=1", "forceCustomerCreation=true"];

/// For the request or for each row; `None` means the policy's.
const NAMED: [Option<&[&str]>; 6] = [
    None,
    None,
    None,
    Some(&["lastname", "birthday"]),
    Some(&["clientId"]),
    Some(&["firstname", "lastname"]),
];

/// Fields; how many rows in ten have a value; and the values, few enough that rows match each other. Values from the
/// fourth on are bad, alone or with others.
const FIELDS: [(&str, u8, &[&str]); 17] = [
    ("email", 5, &["a@example.test", "B@example.test", "b@example.test", "no address"]),
    ("customerNumber", 2, &["N-1", "N-2", "n-2", "N-3"]),
    ("customerUsername", 1, &["una", "dos", "tres", "quatro", "cinco", "seis"]),
    ("firstname", 7, &["Ada", "ADA", "Bo", "'=Bo", " Ada  Maria "]),
    ("lastname", 7, &["Roe", "roe", "Söderström", "SÖDERSTRÖM"]),
    ("company", 4, &["Roe & Sons", "Bolt"]),
    ("phone", 4, &["+12025550111", "(202) 555-0111", "+4930901820", "030 901820", "12"]),
    // A row with a street may be a further row of a customer, which no create is: see `further`.
    ("address1", 2, &["9 Elm Row", "1 \"Dock\", rear"]),
    ("city", 4, &["Oakton", "Berlin"]),
    ("zip", 4, &["22124", "10115"]),
    ("country", 2, &["US", "United States", "USA", "Germany", "Nowhere"]),
    ("shippingCountry", 2, &["US", "DE"]),
    ("shippingZip", 2, &["22124", "20190", "22124-0001", "9"]),
    ("birthday", 5, &["1985-04-12", "1990-08-24", "1970-01-01", "2999-01-01"]),
    ("balance", 4, &["0", "12.5", "-3", "0.00001"]),
    ("additional-clientId", 4, &["X-1", "x-1", "X-2"]),
    ("labels", 4, &["vip", "vip;net 30"]),
];

/// A row's values, empty where it has none.
/// At least one value: a line without values is no row.
fn random_row(rng: &mut Rng) -> Vec<String> {
    let mut values = || -> Vec<String> {
        FIELDS
            .iter()
            .map(|(_, often, values)| {
                let count = if rng.u8(..12) == 0 { values.len() } else { values.len().min(3) };
                if rng.u8(..10) < *often { values[rng.usize(..count)].to_owned() } else { String::new() }
            })
            .collect()
    };
    loop {
        let row = values();
        if row.iter().any(|value| !value.is_empty()) {
            return row;
        }
    }
}

/// The create that corresponds to a row; `named` are its `identifierFields`.
fn body(row: &[String], named: Option<&[&str]>) -> Value {
    let mut body = json!({});
    for ((field, ..), value) in FIELDS.iter().zip(row).filter(|(_, value)| !value.is_empty()) {
        // A cell that a spreadsheet must not run begins with a quote, which is not part of the value.
        let value = if *value == "'=Bo" { "=Bo" } else { value };
        match *field {
            "balance" => body["balance"] = json!(value.parse::<f64>().unwrap()),
            "labels" => body["labels"] = json!(value.split(';').collect::<Vec<_>>()),
            "additional-clientId" => body["additionalFields"] = json!({"clientId": value}),
            field => body[field] = json!(value),
        }
    }
    if let Some(named) = named {
        body["identifierFields"] = json!(named);
    }
    body
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The problems of a row and of a create in one form: where and what.
fn problems_of(row: &Value) -> Vec<(String, String)> {
    let notes = row["problems"].as_array().expect("problems").iter();
    let mut problems: Vec<_> = notes
        .map(|note| {
            let field = note["field"].as_str().expect("a field");
            let field = field.strip_prefix("additional-").map_or(field, |_| "additionalFields");
            (field.to_owned(), note["code"].as_str().expect("a code").to_owned())
        })
        .collect();
    problems.sort();
    problems
}

fn errors_of(answer: &Answer) -> Vec<(String, String)> {
    if answer.json["responseText"]
        .as_str()
        .is_some_and(|text| text.starts_with("Invalid customer identifiers"))
    {
        return vec![(String::new(), "no_identifier".to_owned())];
    }
    let errors = answer.json["errors"].as_array().expect("errors").iter();
    let mut problems: Vec<_> = errors
        .map(|error| {
            let pointer =
                error["pointer"].as_str().unwrap_or_else(|| panic!("the error names no field: {error}"));
            let field = pointer.split('/').nth(1).unwrap_or_default();
            (field.to_owned(), error["code"].as_str().expect("a code").to_owned())
        })
        .collect();
    problems.sort();
    problems
}

both!(rules_3_an_imported_file_equals_its_rows_created_one_by_one, |db| async {
    let mut rng = seeded();
    let (cases, length) = (setting("MATCHER_CASES", 8), setting("MATCHER_ROWS", 60));
    let server = Server::start(db).await;
    let client = server.client();
    let mut seen = std::collections::BTreeMap::new();
    let first_policy = rng.usize(..POLICIES.len());
    // There are six outcomes; the rarest may need more cases than the default.
    for case in 0..usize::try_from(5 * cases).unwrap() {
        if case >= usize::try_from(cases).unwrap() && (cases < 8 || seen.len() == 6) {
            break;
        }
        let policy = POLICIES[(first_policy + case) % POLICIES.len()];
        let flag = FLAGS[case % FLAGS.len()];
        // For all rows in the query, or for each row in a column.
        let named = NAMED[rng.usize(..NAMED.len())];
        let by_column = rng.u8(..3) == 0;
        let (one, other) = (format!("file{case}"), format!("single{case}"));
        for entry in [&one, &other] {
            let mut arguments = vec!["--country", "US", "--additional"];
            arguments.extend(policy.iter().flat_map(|identifier| ["--identifier", identifier]));
            new_entry(server.site(), entry, &arguments);
        }
        let when = format!("case {case}: {policy:?} {flag} {named:?} by column: {by_column}");
        println!("{when}");

        let mut header: Vec<&str> = FIELDS.iter().map(|(field, ..)| *field).collect();
        header.push("identifierFields");
        let mut file = line(&header);
        let mut bodies = Vec::new();
        for _ in 0..length {
            let row = random_row(&mut rng);
            let own = if by_column { NAMED[rng.usize(..NAMED.len())] } else { named };
            let mut cells = row.clone();
            cells.push(if by_column { own.unwrap_or_default().join(";") } else { String::new() });
            file.push_str(&line(&cells));
            bodies.push(body(&row, own));
        }
        let mut query = format!("?{flag}");
        if let Some(named) = named.filter(|_| !by_column) {
            query = format!("{query}&identifierFields={}", named.join(","));
        }
        let answer = send_file(&client, &one, &query, &file).await.expect(200);
        let id = job_id(answer.data());
        let snapshot = Snapshot::read(server.site(), &client, &one, id, "").await;
        let imported = rows(&client, &one, id).await;
        assert_eq!(imported.len(), bodies.len(), "{when}");

        let query: Vec<_> = flag.split_once('=').into_iter().collect();
        let mut answers = Vec::new();
        for body in &bodies {
            answers.push(client.create(&other, body, &query, &[]).await);
        }
        let (ids, stored) = records(&client, &other, "").await;
        assert_same(&snapshot.records, &stored, &when);
        for (number, (row, answer)) in imported.iter().zip(&answers).enumerate() {
            let body = &bodies[number];
            let what = || format!("{when}, row {number}: {body}\n{row}\n{}", answer.text);
            *seen.entry(row["outcome"].as_str().expect("an outcome").to_owned()).or_insert(0) += 1;
            if row["outcome"] == "rejected" {
                assert!([400, 409].contains(&answer.status), "{}", what());
                assert_eq!(problems_of(row), errors_of(answer), "{}", what());
                if answer.status == 409 {
                    let message = |list: &Value, ids| ranked(list[0]["message"].as_str().unwrap(), ids);
                    assert_eq!(
                        message(&row["problems"], &snapshot.ids),
                        message(&answer.json["errors"], &ids),
                        "{}",
                        what()
                    );
                }
                continue;
            }
            assert_eq!(answer.status, 200, "{}", what());
            assert_eq!(row["outcome"], answer.outcome(), "{}", what());
            let mut on = texts(&row["matchedOn"]);
            on.sort_unstable();
            assert_eq!(on, answer.matched_on(), "{}", what());
            let rank = |ids: &std::collections::HashMap<u64, usize>, id: u64| ids[&id];
            assert_eq!(
                rank(&snapshot.ids, row["customerId"].as_u64().expect("an id")),
                rank(&ids, answer.id()),
                "{}",
                what()
            );
            if row["outcome"] == "matched" {
                assert_eq!(texts(&row["differs"]), texts(&answer.data()["differs"]), "{}", what());
                assert_eq!(row["changed"], json!([]), "{}", what());
            } else {
                assert_eq!(row["differs"], json!([]), "{}", what());
            }
        }
    }
    println!("{seen:?}");
    if cases >= 8 {
        assert_eq!(seen.len(), 6, "not every outcome occurred: {seen:?}");
    }
});
