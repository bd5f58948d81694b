//! `csv-spectrum`: awkward CSV files, with their meaning as JSON.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::*;

/// Where `scripts/test` puts the package.
fn folder() -> PathBuf {
    std::env::var_os("TEST_CSV_SPECTRUM").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/csv-spectrum")),
        PathBuf::from,
    )
}

/// Each file, and the column that becomes the customer number where no column identifies the customer.
const FILES: [(&str, &str); 11] = [
    ("comma_in_quotes", ""),
    ("empty", "a"),
    ("empty_crlf", "a"),
    ("escaped_quotes", "a"),
    ("json", "key"),
    ("newlines", "b"),
    ("newlines_crlf", "b"),
    ("quotes_and_newlines", "a"),
    ("simple", "a"),
    ("simple_crlf", "a"),
    ("utf8", "a"),
];
/// Its JSON has another phone number and no list, and both files have U+FFFD in place of degree signs.
const LEFT_OUT: &str = "location_coordinates";

/// Where a record has the value of a column of `comma_in_quotes`.
fn own_field(column: &str) -> &'static str {
    match column {
        "first" => "Firstname",
        "last" => "Lastname",
        "address" => "Address",
        "city" => "City",
        "zip" => "Zip",
        other => panic!("unknown column {other}"),
    }
}

both!(rules_9_csv_spectrum_imports_as_its_json_says, |db| async {
    let folder = folder();
    let entries = std::fs::read_dir(folder.join("csvs"));
    let entries =
        entries.unwrap_or_else(|_| panic!("{} is missing; scripts/test fetches it", folder.display()));
    let names = entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
    let known = FILES.iter().map(|(name, _)| *name).chain([LEFT_OUT]).map(str::to_owned);
    assert_eq!(names.collect::<BTreeSet<_>>(), known.collect());

    let server = Server::start(db).await;
    let client = server.client();
    for (name, number) in FILES {
        new_entry(server.site(), name, &[]);
        let file = std::fs::read(folder.join(format!("csvs/{name}.csv"))).unwrap();
        let meant = std::fs::read(folder.join(format!("json/{name}.json"))).unwrap();
        let meant: Vec<Value> = serde_json::from_slice(&meant).unwrap();
        let map = if number.is_empty() { String::new() } else { format!("&map={number}:customerNumber") };
        let data = imported(&client, &format!("{name}?unknownColumns=additional{map}"), file).await;
        assert_eq!(counts(&data), [meant.len() as u64, 0, 0], "{name}: {data}");

        let mut stored = client.list(name).await;
        stored.reverse();
        assert_eq!(stored.len(), meant.len(), "{name}");
        for (record, meant) in stored.iter().zip(&meant) {
            let meant = meant.as_object().unwrap();
            for (column, value) in meant {
                let held = match column {
                    column if column == number => &record["customerNumber"],
                    column if number.is_empty() => &record[own_field(column)],
                    column => &record["AdditionalFields"][column],
                };
                // A line end in a value is white space.
                let lines = value.as_str().unwrap().lines().map(str::trim);
                let line = lines.collect::<Vec<_>>().join(" ");
                assert_eq!(held.as_str().unwrap_or_default(), line, "{column} in {name}: {record}");
            }
        }
    }
});
