//! Orders that an index gives, among more customers than are sorted, and totals that are not counted to the end.

use std::time::Duration;

use super::encoded;
use crate::harness::*;
use crate::support::*;

/// More than the service reads to sort them.
const MANY: usize = 5_200;
const FEW: usize = 30;
const PATIENCE: Duration = Duration::from_mins(5);
const UP_TO: usize = 90;

struct Person {
    number: String,
    /// Minutes after a day; no two have the same.
    created: usize,
    company: &'static str,
    status: i32,
}

impl Person {
    fn of(entry: usize, number: usize) -> Person {
        Person {
            number: format!("N{entry}-{number:05}"),
            created: (number * 7_919 % 6_007) * 2 + entry,
            company: if number % 400 == 3 { "Harbour Office" } else { "Northern Works" },
            status: i32::from(number % 100 != 5),
        }
    }

    /// As an import and a filter write it.
    fn time(minutes: usize) -> String {
        format!("2024-03-{:02}T{:02}:{:02}:00Z", 1 + minutes / 1_440, minutes / 60 % 24, minutes % 60)
    }
}

fn file(people: &[Person]) -> String {
    let row = |person: &Person| {
        let Person { number, created, company, status } = person;
        format!("{number},{company},{status},{}", Person::time(*created))
    };
    let head = "customerNumber,company,customerStatus,createdAt".to_owned();
    std::iter::once(head).chain(people.iter().map(row)).collect::<Vec<_>>().join("\n")
}

type Case = (&'static [(&'static str, &'static str)], fn(&Person) -> bool, bool);

/// Conditions, who meets them, and whether the counters know how many do.
const CASES: [Case; 7] = [
    (&[], |_| true, true),
    (&[("status", "0")], |person| person.status == 0, true),
    (&[("lifecycle", "Prospect")], |_| true, true),
    (&[("search", "works")], |person| person.company.ends_with("Works"), false),
    (
        &[("search", "office n0")],
        |person| person.company.ends_with("Office") && person.number.starts_with("N0"),
        false,
    ),
    (
        &[("search", "northern"), ("status", "0")],
        |person| person.company.starts_with("No") && person.status == 0,
        false,
    ),
    (
        &[("createdDate(ge)", "2024-03-02"), ("createdDate(lt)", "2024-03-04T00:00:00")],
        |person| (1_440..4_320).contains(&person.created),
        false,
    ),
];

both!(rules_8_orders_by_index_are_right_among_thousands, |db| async move {
    let server = Server::start(db).await;
    new_entry(server.site(), "north", &[]);
    let client = server.client();
    let mut people: Vec<Vec<Person>> = [MANY, FEW]
        .into_iter()
        .enumerate()
        .map(|(entry, count)| (0..count).map(|number| Person::of(entry, number)).collect())
        .collect();
    for (entry, people) in ["demo", "north"].iter().zip(&people) {
        let path = format!("/api/Import/customersForm/{entry}");
        let request = client.request(reqwest::Method::POST, &path).timeout(PATIENCE);
        let answer = send(request.header("Content-Type", "text/csv").body(file(people))).await.expect(200);
        assert_eq!(answer.data()["added"], people.len(), "{}", answer.text);
    }
    // A deleted customer is in no list and no total.
    let gone = client.get("/api/Query/customers/demo?customerNumber=N0-00105").await.expect(200);
    client.delete(&format!("/api/Customer/{}", gone.json["Records"][0]["customerId"])).await.expect(200);
    people[0].retain(|person| person.number != "N0-00105");
    for (place, people) in
        [("demo", people[0].iter().collect::<Vec<_>>()), ("org/1", people.iter().flatten().collect())]
    {
        for (conditions, holds, is_known) in CASES {
            for descending in [false, true] {
                for is_limited in [false, true] {
                    let mut wanted: Vec<&&Person> = people.iter().filter(|person| holds(person)).collect();
                    wanted.sort_by_key(|person| person.created);
                    if descending {
                        wanted.reverse();
                    }
                    let what =
                        format!("{place} {conditions:?}, descending {descending}, limited {is_limited}");
                    let direction = if descending { "desc" } else { "asc" };
                    let mut query: Vec<(String, String)> = conditions
                        .iter()
                        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                        .collect();
                    query.push(("sortBy".into(), format!("{direction}(createdDate)")));
                    query.push(("limitRecord".into(), "17".into()));
                    if is_limited {
                        query.push(("totalUpTo".into(), UP_TO.to_string()));
                    }
                    let mut page = None;
                    let mut wanted_now = wanted.as_slice();
                    for _ in 0..3 {
                        let mut query = query.clone();
                        query.extend(page.map(|page: String| ("pageIdentifier".to_owned(), page)));
                        let path = format!("/api/Query/customers/{place}?{}", encoded(&query));
                        let answer = client.get(&path).await.expect(200).json;
                        let shown: Vec<&str> = answer["Records"]
                            .as_array()
                            .unwrap()
                            .iter()
                            .map(|record| record["customerNumber"].as_str().unwrap())
                            .collect();
                        let (here, rest) = wanted_now.split_at(wanted_now.len().min(17));
                        let here: Vec<&str> = here.iter().map(|person| person.number.as_str()).collect();
                        assert_eq!(shown, here, "{what}");
                        let summary = &answer["Summary"];
                        let is_cut = is_limited && !is_known && wanted.len() > UP_TO;
                        assert_eq!(
                            summary["totalRecords"],
                            if is_cut { UP_TO } else { wanted.len() },
                            "{what}"
                        );
                        assert_eq!(summary["totalIsExact"] == false, is_cut, "{what}: {summary}");
                        page = summary["pageIdentifier"].as_str().map(str::to_owned);
                        assert_eq!(page.is_some(), !rest.is_empty(), "{what}");
                        wanted_now = rest;
                        if rest.is_empty() {
                            break;
                        }
                    }
                }
            }
        }
    }
    // In the order of ids, and of what no index gives.
    for sort in ["desc(customerId)", "asc(company)"] {
        let query = format!("search=works&totalUpTo={UP_TO}&limitRecord=2&sortBy={sort}");
        let page = client.get(&format!("/api/Query/customers/demo?{query}")).await.expect(200).json;
        assert_eq!(page["Summary"]["totalRecords"], UP_TO, "{sort}");
        assert_eq!(page["Summary"]["totalIsExact"], false, "{sort}");
    }
    client.get("/api/Query/customers/demo?totalUpTo=0").await.expect_error(400);
    client.get("/api/Export/customers/csv/demo?totalUpTo=9").await.expect_error(400);
});
