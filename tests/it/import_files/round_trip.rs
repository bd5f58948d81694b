//! Export, import, export: the same bytes.

use super::*;
use crate::exports::nasty;

const CUSTOMERS: usize = 640;

/// Customers with every kind of value, the `nasty` ones included.
async fn create_many(client: &Client, entry: &str) {
    for body in nasty() {
        client.create(entry, &body, &[], &[]).await.expect(200);
    }
    let texts = [
        "=1+1",
        "'",
        "''x",
        "-5",
        "+49",
        "@a",
        "a;b",
        "x|y",
        "say \"hi\"",
        "Søren",
        "李雷 😀",
        "שלום",
        "[x]",
        "{}",
    ];
    let clients = client.clone();
    let entry = entry.to_owned();
    let made = (0..CUSTOMERS - nasty().len()).map(move |number| {
        let (client, entry) = (clients.clone(), entry.clone());
        let text = |offset: usize| format!("{}{}", texts[(number + offset) % texts.len()], number / texts.len());
        let body = json!({
            "customerNumber": text(0), "firstname": text(1), "lastname": text(2), "company": text(3), "city": text(4),
            "fullname": text(5), "address": text(6), "email": format!("c{number}@example.test"),
            "phone": format!("+1555555{:04} x{}", number, number % 90 + 1), "labels": [text(7), text(8)],
            "balance": f64::from(u16::try_from(number).unwrap()) / 8.0 - 40.0, "timeZone": i64::try_from(number % 27).unwrap() - 12,
            "customerStatus": ([0, 1, 85][number % 3]), "birthday": format!("19{:02}-0{}-1{}", number % 99, number % 9 + 1, number % 9),
            "createdAt": format!("2020-01-02T03:{:02}:{:02}.{:06}Z", number / 60 % 60, number % 60, number * 1201),
            "additionalFields": {"tier": text(9), "Zone 2": text(10)},
            "identifierFields": (number % 2 == 0).then_some(["customerNumber"]),
        });
        async move { client.create(&entry, &body, &[], &[]).await }
    });
    // A few creates at once; the export has the order of their ids all the same.
    let mut made = made.peekable();
    while made.peek().is_some() {
        for answer in at_once(made.by_ref().take(16).collect::<Vec<_>>()).await {
            assert_eq!(answer.outcome(), "created", "{}", answer.text);
        }
    }
}

both!(rules_9_an_export_imported_and_exported_again_is_the_same_file, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    create_many(&client, "demo").await;
    assert_eq!(total(&client, "demo").await, CUSTOMERS as u64);
    new_entry(server.site(), "copy", &[]);
    new_entry(server.site(), "third", &[]);
    let export = async |entry: &str, query: &str| {
        let path = format!("/api/Export/customers/csv/{entry}?{query}");
        client.get(&path).await.expect(200).text
    };
    let original = export("demo", "").await;
    let data = imported(&client, "copy", original.clone()).await;
    assert_eq!(counts(&data), [CUSTOMERS as u64, 0, 0], "{data}");
    assert_eq!((&data["preset"], &data["columnsLeftOut"]), (&json!("customary"), &json!([])), "{data}");
    let copy = export("copy", "").await;
    for (line, (wanted, found)) in original.lines().zip(copy.lines()).enumerate() {
        assert_eq!(wanted, found, "line {}", line + 1);
    }
    assert!(copy == original, "the lines are equal, but not the bytes");

    // Importing the same customers over themselves changes nothing.
    let data = imported(&client, "copy?mergeExisting=1", original.clone()).await;
    assert_eq!(data["merged"], CUSTOMERS, "{data}");
    assert!(export("copy", "").await == original, "importing the export changed it");

    // A spreadsheet's user keeps and renames some columns, and saves with semicolons and a byte order mark.
    let columns = "columnsExport=customerNumber,Firstname,Email:E_Mail,Labels,Created,additional-tier,additional-Zone%202";
    let some = export("demo", columns).await;
    let mut writer = csv::WriterBuilder::new().delimiter(b';').from_writer(Vec::new());
    for record in csv::ReaderBuilder::new().has_headers(false).from_reader(some.as_bytes()).records() {
        writer.write_record(&record.unwrap()).unwrap();
    }
    let resaved = [&b"\xef\xbb\xbf"[..], &writer.into_inner().unwrap()].concat();
    let data = imported(&client, "third", resaved).await;
    assert_eq!(counts(&data), [CUSTOMERS as u64, 0, 0], "{data}");
    assert!(export("third", columns).await == some, "some columns");
});
