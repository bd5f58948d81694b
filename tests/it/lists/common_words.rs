//! Words that thousands of customers share: their lists fill several blocks, and a search reads them last.

use std::time::Duration;

use serde_json::json;

use super::encoded;
use crate::harness::*;
use crate::support::*;

/// More than one block of a list holds, plus 511 that may not be in the block yet.
const EACH: usize = 5_000;
const PATIENCE: Duration = Duration::from_mins(5);
const ENTRIES: [&str; 2] = ["demo", "north"];

struct Person {
    name: String,
    company: &'static str,
    number: String,
}

impl Person {
    fn of(entry: usize, number: usize) -> Self {
        let lastname = ["Petersen", "Jansen", "Petrov"][number % 3];
        Self {
            name: format!("{} {lastname}", ["Annika", "Bertil"][(number + entry) % 2]),
            company: if number.is_multiple_of(50) { "Harbour Office" } else { "Northern Works" },
            number: format!("N{entry}-{number:05}"),
        }
    }

    fn holds(&self, words: &str) -> bool {
        let texts = [&self.name, self.company, &self.number].map(str::to_lowercase);
        words.split(' ').all(|word| texts.iter().any(|text| text.contains(word)))
    }
}

fn file(people: &[Person]) -> String {
    let rows = people.iter().map(|person| format!("{},{},{}", person.name, person.company, person.number));
    std::iter::once("fullname,company,customerNumber".to_owned()).chain(rows).collect::<Vec<_>>().join("\n")
}

/// How many customers a search finds: in the whole organisation, and in each entrypoint.
async fn found(client: &Client, words: &str) -> Vec<usize> {
    let query = encoded(&[("search".into(), words.into()), ("limitRecord".into(), "3".into())]);
    let mut found = Vec::new();
    for list in ["org/1", "demo", "north"] {
        let page = client.get(&format!("/api/Query/customers/{list}?{query}")).await.expect(200).json;
        let total = page["Summary"]["totalRecords"].as_u64().unwrap();
        let shown = page["Records"].as_array().map_or(0, Vec::len);
        assert_eq!(shown as u64, total.min(3), "{words} in {list}");
        found.push(usize::try_from(total).unwrap());
    }
    found
}

both!(rules_8_words_that_thousands_share_are_found_exactly, |db| async move {
    let server = Server::start(db).await;
    new_entry(server.site(), "north", &[]);
    let client = server.client();
    let people: Vec<Vec<Person>> =
        (0..ENTRIES.len()).map(|entry| (0..EACH).map(|number| Person::of(entry, number)).collect()).collect();
    for (entry, people) in ENTRIES.iter().zip(&people) {
        let path = format!("/api/Import/customersForm/{entry}");
        let request = client.request(reqwest::Method::POST, &path).timeout(PATIENCE);
        let answer = send(request.header("Content-Type", "text/csv").body(file(people))).await.expect(200);
        assert_eq!(answer.data()["added"], EACH, "{}", answer.text);
    }
    let check = async || {
        for words in [
            "works",
            "northern petersen",
            "annika works",
            "bertil northern jansen",
            "pet works",
            "harbour pet",
            "works n0-0012",
            "annika petrov north works n1-000",
            "harbour works",
            "orks ern etr",
        ] {
            let expected: Vec<usize> = people
                .iter()
                .map(|people| people.iter().filter(|person| person.holds(words)).count())
                .collect();
            let all = [&[expected.iter().sum()], expected.as_slice()].concat();
            assert_eq!(found(&client, words).await, all, "{words}");
        }
    };
    // The terms lie in the segments of the import's steps.
    check().await;
    // An erase merges all segments into one.
    let erased =
        client.create("demo", &json!({"email": "zed@example.test"}), &[], &[]).await.expect(200).id();
    client.delete(&format!("/api/Customer/{erased}?erase=true")).await.expect(200);
    let mut sql = Sql::open(server.site());
    let are_merged = async || sql.number(sql::LISTS_OF_SEVERAL_BLOCKS) >= 20;
    wait_until("terms have lists of several blocks", PATIENCE, are_merged).await;
    check().await;
});
