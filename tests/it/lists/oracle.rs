//! Random filters, searches, orders and pages, each compared with a plain evaluation over what was sent.
//!
//! `LIST_CASES` sets the number of cases. Every tenth list is also walked by cursor and read in one streamed answer.

use std::sync::Arc;

use fastrand::Rng;
use serde_json::Value;

use super::people::{
    DAY, FIRST_DAY, Person, Piece, Text, Words, cut, decimal, folded, plain, random_balance, random_second,
    time, write,
};
use super::{encoded, ids_of, list};
use crate::harness::*;

const PEOPLE: usize = 160;
const CLIENTS: usize = 4;

type Check = Box<dyn Fn(&Person) -> bool + Send>;

/// One condition: its form on the wire, and its meaning.
struct Condition {
    /// `field(op)`, or a bare field; `search` is no field.
    name: String,
    value: String,
    check: Check,
    asks_for_deleted: bool,
}

/// The names of texts in filters: the filter's own name, the request's, the record's.
const TEXT_NAMES: [(&str, &[&str]); 14] = [
    ("firstname", &["firstname", "Firstname"]),
    ("lastname", &["lastname", "LASTNAME"]),
    ("fullname", &["fullname", "Fullname"]),
    ("company", &["company", "Company"]),
    ("address", &["address", "Address"]),
    ("city", &["city", "City"]),
    ("state", &["state", "State"]),
    ("zip", &["zip", "Zip"]),
    ("email", &["email", "Email"]),
    ("customerNumber", &["customernumber", "customerNumber"]),
    ("customerUsername", &["username", "customerUsername"]),
    ("shippingCity", &["shippingcity", "ShippingCity"]),
    ("tier", &["additional-tier", "Additional-TIER"]),
    ("label", &["label", "Labels"]),
];

/// The values of a text field; never empty.
fn values(person: &Person, field: &str) -> Vec<Text> {
    match field {
        "name" => person.names(),
        "tier" => vec![person.tier.clone().unwrap_or_default()],
        "label" if !person.labels.is_empty() => person.labels.clone(),
        field => vec![person.text(field).to_vec()],
    }
}

fn pick<T: Copy>(rng: &mut Rng, items: &[T]) -> T {
    items[rng.usize(0..items.len())]
}

/// A field with its operator; `eq` may be omitted.
fn named(rng: &mut Rng, field: &str, op: &str) -> String {
    match (op, rng.u8(0..3)) {
        ("eq", 0) => field.to_owned(),
        ("eq", 1) => format!("{field}()"),
        _ => format!("{field}({op})"),
    }
}

fn compare(op: &str, number: i64, first: i64, last: i64) -> bool {
    match op {
        "gt" => number > last,
        "ge" => number >= first,
        "lt" => number < first,
        "le" => number <= last,
        "eq" => first <= number && number <= last,
        _ => number < first || last < number,
    }
}

/// A text of a customer, or one that perhaps no customer has.
fn some_text(rng: &mut Rng, people: &[Person], words: &Words, field: &str) -> Text {
    if rng.u8(0..5) == 0 {
        return words.some(rng);
    }
    let person = &people[rng.usize(0..people.len())];
    let values = values(person, field);
    values[rng.usize(0..values.len())].clone()
}

/// A text as filters compare it: names as a search does.
fn compared(field: &str, text: &[Piece]) -> String {
    let is_name = matches!(field, "name" | "firstname" | "lastname" | "fullname" | "company");
    if is_name { plain(text) } else { folded(text) }
}

fn text_condition(rng: &mut Rng, people: &[Person], words: &Words) -> Condition {
    let (field, name, op) = if rng.u8(0..7) == 0 {
        ("name", "name", pick(rng, &["ct", "nct"]))
    } else {
        let (field, names) = pick(rng, &TEXT_NAMES);
        (field, pick(rng, names), pick(rng, &["eq", "ne", "ct", "nct"]))
    };
    let text = some_text(rng, people, words, field);
    let is_part = matches!(op, "ct" | "nct");
    let text = if is_part { cut(rng, &text, 6) } else { text };
    let mut value = write(rng, &text);
    if !is_part && rng.u8(0..8) == 0 {
        value = format!(" {value} ");
    }
    // White space at the ends is no part of an address.
    let (needle, is_blank) = match field {
        "email" => {
            // Addresses are kept with letters of normal width.
            let text = folded(&text).replace('ａ', "a");
            (text.trim().to_owned(), !text.is_empty() && text.trim().is_empty())
        }
        field => (compared(field, &text), false),
    };
    let check: Check = Box::new(move |person| {
        let own = if is_blank { Vec::new() } else { values(person, field) };
        let mut own = own.iter().map(|text| compared(field, text));
        let any = if is_part { own.any(|own| own.contains(&needle)) } else { own.any(|own| own == needle) };
        any == matches!(op, "eq" | "ct")
    });
    Condition { name: named(rng, name, op), value, check, asks_for_deleted: false }
}

/// Digits with random separators, as people write them.
fn spaced(rng: &mut Rng, digits: &str) -> String {
    let mut text = String::new();
    for digit in digits.chars() {
        if rng.u8(0..4) == 0 {
            text.push(pick(rng, &[' ', '-', '.', '(', ')']));
        }
        text.push(digit);
    }
    text
}

fn part_of_digits(rng: &mut Rng, digits: &str, most: usize) -> String {
    let from = rng.usize(0..digits.len());
    let length = rng.usize(1..=most.min(digits.len() - from));
    digits[from..from + length].to_owned()
}

fn phone_condition(rng: &mut Rng, people: &[Person]) -> Condition {
    let op = pick(rng, &["eq", "ne", "ct", "nct"]);
    let phone = &people[rng.usize(0..people.len())].phone;
    let (value, needle) = match (phone, op) {
        (None, _) => (String::new(), String::new()),
        (Some(phone), "eq" | "ne") => (phone.write(rng), phone.digits()),
        (Some(phone), _) => {
            let part = part_of_digits(rng, &phone.digits(), 7);
            (spaced(rng, &part), part)
        }
    };
    let check: Check = Box::new(move |person| {
        let own = person.digits();
        // `00` stands for the plus before a country code.
        let abroad = needle.strip_prefix("00").filter(|rest| !rest.is_empty());
        let any = if op.ends_with("ct") {
            own.contains(&needle) || abroad.is_some_and(|rest| own.starts_with(rest))
        } else {
            own == needle
        };
        any == matches!(op, "eq" | "ct")
    });
    let field = pick(rng, &["phone", "Phone"]);
    Condition { name: named(rng, field, op), value, check, asks_for_deleted: false }
}

fn number_condition(rng: &mut Rng, people: &[Person]) -> Condition {
    let op = pick(rng, &["gt", "ge", "lt", "le", "eq", "ne"]);
    let (field, value, first, last) = match rng.u8(0..3) {
        0 => {
            let balance = random_balance(rng);
            ("balance", decimal(balance), balance, balance)
        }
        1 if rng.bool() => {
            let day = rng.i64(0..3) * DAY + FIRST_DAY;
            (pick(rng, &["createdDate", "Created"]), time(day)[..10].to_owned(), day, day + DAY - 1)
        }
        1 => {
            let second = random_second(rng);
            let written = match rng.u8(0..4) {
                0 => time(second),
                1 => format!("{}Z", time(second)),
                2 if second + 7_200 < FIRST_DAY + 3 * DAY => format!("{}+02:00", time(second + 7_200)),
                _ => format!("{}.000000Z", time(second)),
            };
            ("createddate", written, second, second)
        }
        _ => {
            let id = i64::try_from(people[rng.usize(0..people.len())].id).unwrap();
            ("customerId", id.to_string(), id, id)
        }
    };
    let check: Check = Box::new(move |person| {
        let number = match field {
            "balance" => person.balance,
            "customerId" => i64::try_from(person.id).unwrap(),
            _ => person.created,
        };
        compare(op, number, first, last)
    });
    Condition { name: named(rng, field, op), value, check, asks_for_deleted: false }
}

fn listed_condition(rng: &mut Rng, people: &[Person]) -> Condition {
    let op = pick(rng, &["in", "nin", "eq", "ne"]);
    let many = if op.ends_with("in") { rng.usize(1..4) } else { 1 };
    let by_id = rng.bool();
    let among: Vec<i64> = (0..many)
        .map(|_| {
            if by_id {
                i64::try_from(people[rng.usize(0..people.len())].id).unwrap()
            } else {
                pick(rng, &[0, 1, 85, -99])
            }
        })
        .collect();
    let is_positive = matches!(op, "in" | "eq");
    let asks_for_deleted = !by_id && is_positive && among.contains(&-99);
    let value = among.iter().map(ToString::to_string).collect::<Vec<_>>().join("|");
    let check: Check = Box::new(move |person| {
        let own = if by_id { i64::try_from(person.id).unwrap() } else { person.status };
        among.contains(&own) == is_positive
    });
    let field = if by_id { "customerid" } else { pick(rng, &["status", "customerStatus"]) };
    Condition { name: named(rng, field, op), value, check, asks_for_deleted }
}

/// One word or two, cut from texts that a search covers and from others.
fn search(rng: &mut Rng, people: &[Person], words: &Words) -> Condition {
    let mut written = Vec::new();
    let mut plains = Vec::new();
    for _ in 0..rng.usize(1..3) {
        let person = &people[rng.usize(0..people.len())];
        if rng.u8(0..4) == 0 && person.phone.is_some() {
            let part = part_of_digits(rng, &person.digits(), 6);
            let text = spaced(rng, &part);
            plains.extend(text.split_whitespace().map(str::to_owned));
            written.push(text);
            continue;
        }
        let field = pick(rng, &["name", "company", "email", "customerNumber", "city"]);
        let text = some_text(rng, people, words, field);
        let text = cut(rng, &text, 6);
        plains.extend(plain(&text).split_whitespace().map(str::to_owned));
        written.push(write(rng, &text));
    }
    // A word of separators alone joins the word beside it, and zeros may stand for the plus of a country code; other tests
    // cover that.
    let is_dialled = |word: &String| {
        let digits = word.trim_start_matches(|c| "+-().x/".contains(c));
        digits.starts_with('0') && digits.chars().all(|c| c.is_ascii_digit() || "+-().x/".contains(c))
    };
    if plains.iter().any(|word| word.chars().all(|c| "+-().x/".contains(c)) || is_dialled(word)) {
        return search(rng, people, words);
    }
    let check: Check = Box::new(move |person| plains.iter().all(|word| person.has_word(word)));
    Condition { name: "search".into(), value: written.join(" "), check, asks_for_deleted: false }
}

fn random_conditions(rng: &mut Rng, people: &[Person], words: &Words) -> Vec<Condition> {
    let mut conditions: Vec<Condition> = Vec::new();
    for _ in 0..pick(rng, &[0, 1, 1, 1, 2, 2, 3]) {
        conditions.push(match rng.u8(0..10) {
            0..5 => text_condition(rng, people, words),
            5 => phone_condition(rng, people),
            6 => number_condition(rng, people),
            7 => listed_condition(rng, people),
            _ if conditions.iter().all(|other| other.name != "search") => search(rng, people, words),
            _ => text_condition(rng, people, words),
        });
    }
    conditions
}

/// Absent values come before numbers, and numbers before texts.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Absent,
    Number(i64),
    Text(String),
}

impl Key {
    fn text(text: String) -> Self {
        if text.is_empty() { Key::Absent } else { Key::Text(text) }
    }

    fn of(person: &Person, field: &str) -> Self {
        match field {
            "customerId" | "MFA" => Key::Absent,
            "balance" => Key::Number(person.balance),
            "customerStatus" => Key::Number(person.status),
            "createdDate" => Key::Number(person.created),
            "TimeZone" => person.time_zone.map_or(Key::Absent, Key::Number),
            "Phone" => Key::text(person.phone.as_ref().map(super::people::Phone::stored).unwrap_or_default()),
            "additional-tier" => Key::text(folded(&values(person, "tier")[0])),
            field => Key::text(folded(&values(person, field)[0])),
        }
    }
}

const SORTS: [&str; 16] = [
    "customerId",
    "MFA",
    "balance",
    "customerStatus",
    "createdDate",
    "TimeZone",
    "Phone",
    "additional-tier",
    "name",
    "firstname",
    "lastname",
    "company",
    "city",
    "email",
    "customerNumber",
    "zip",
];

/// The query and the ids that it must find, in order.
struct Case {
    pairs: Vec<(String, String)>,
    ids: Vec<u64>,
}

impl Case {
    fn random(rng: &mut Rng, people: &[Person], words: &Words) -> Self {
        let conditions = random_conditions(rng, people, words);
        let wants_deleted = conditions.iter().any(|condition| condition.asks_for_deleted);
        let mut found: Vec<&Person> = people
            .iter()
            .filter(|person| !person.is_deleted() || wants_deleted)
            .filter(|person| conditions.iter().all(|condition| (condition.check)(person)))
            .collect();
        let mut pairs = on_the_wire(rng, &conditions);
        if rng.u8(0..3) == 0 {
            found.sort_by_key(|person| std::cmp::Reverse(person.id));
        } else {
            let field = pick(rng, &SORTS);
            found.sort_by_cached_key(|person| (Key::of(person, field), person.id));
            let direction = pick(rng, &["asc", "desc"]);
            if direction == "desc" {
                found.reverse();
            }
            pairs.push(("sortBy".into(), format!("{direction}({field})")));
        }
        Self { pairs, ids: found.iter().map(|person| person.id).collect() }
    }

    fn with(&self, more: &[(&str, String)]) -> String {
        let more = more.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        encoded(&self.pairs.iter().cloned().chain(more).collect::<Vec<_>>())
    }

    /// Compares one random page, its numbers included.
    async fn page(&self, rng: &mut Rng, client: &Client) {
        let count = self.ids.len();
        let (skip, limit) = (rng.usize(0..=count + 1), rng.usize(1..30));
        // Mostly within the list.
        let skip = if rng.bool() { 0 } else { skip };
        let page =
            list(client, &self.with(&[("fromRecord", skip.to_string()), ("limitRecord", limit.to_string())]))
                .await;
        let expected: Vec<u64> = self.ids.iter().copied().skip(skip).take(limit).collect();
        let what = format!("{:?} from {skip} at most {limit}", self.pairs);
        assert_eq!(ids_of(&page), expected, "{what}");
        let summary = &page["Summary"];
        assert_eq!(summary["totalRecords"], count, "{what}");
        assert_eq!(summary["totalPages"], count.div_ceil(limit), "{what}");
        assert_eq!(summary["pageIdentifier"].is_string(), skip + limit < count, "{what}: {summary}");
    }

    /// Compares all pages; each page's token leads to the next.
    async fn walk(&self, rng: &mut Rng, client: &Client) {
        let count = self.ids.len();
        let limit = count.div_ceil(rng.usize(1..6)).max(1);
        let mut walked: Vec<u64> = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut asked = vec![("limitRecord", limit.to_string())];
            asked.extend(token.take().map(|token| ("pageIdentifier", token)));
            let page = list(client, &self.with(&asked)).await;
            assert_eq!(page["Summary"]["totalRecords"], count, "{:?}", self.pairs);
            walked.extend(ids_of(&page));
            match page["Summary"]["pageIdentifier"].as_str() {
                Some(next) => token = Some(next.to_owned()),
                None => break,
            }
        }
        assert_eq!(walked, self.ids, "{:?} by {limit}", self.pairs);
    }

    /// Compares all records in one answer.
    async fn stream(&self, rng: &mut Rng, client: &Client) {
        let skip = if rng.bool() { 0 } else { rng.usize(0..=self.ids.len()) };
        let limit = pick(rng, &[0, -1, 501]);
        let whole =
            list(client, &self.with(&[("fromRecord", skip.to_string()), ("limitRecord", limit.to_string())]))
                .await;
        assert_eq!(ids_of(&whole), self.ids[skip..], "{:?} from {skip}, streamed", self.pairs);
        assert_eq!(whole["Summary"]["totalRecords"], self.ids.len(), "{:?}, streamed", self.pairs);
    }
}

/// Conditions in one of the three forms of contract 6.3; a search is a parameter of its own.
fn on_the_wire(rng: &mut Rng, conditions: &[Condition]) -> Vec<(String, String)> {
    let form = rng.u8(0..4);
    let mut pairs = Vec::new();
    let mut json = serde_json::Map::new();
    for Condition { name, value, .. } in conditions {
        match form {
            _ if name == "search" => pairs.push((name.clone(), value.clone())),
            0 => pairs.push((format!("parameters[{name}]"), value.clone())),
            // JSON readers keep one of two members with the same name.
            1 if !json.contains_key(name) => {
                json.insert(name.clone(), Value::String(value.clone()));
            }
            _ => pairs.push((name.clone(), value.clone())),
        }
    }
    if !json.is_empty() {
        pairs.push(("parameters".into(), Value::Object(json).to_string()));
    }
    pairs
}

async fn created(client: &Client, mut rng: Rng, mut people: Vec<Person>) -> Vec<Person> {
    for person in &mut people {
        // Phones and e-mails repeat: each person is a record of its own.
        let body = person.body(&mut rng);
        let answer =
            client.create("demo", &body, &[("forceCustomerCreation", "true")], &[]).await.expect(200);
        person.id = answer.id();
        if rng.u8(0..12) == 0 {
            client.delete(&format!("/api/Customer/{}", person.id)).await.expect(200);
            person.status = -99;
        }
    }
    people
}

both!(rules_8_lists_equal_a_plain_evaluation, |db| async move {
    let mut rng = seeded();
    let server = Server::start(db).await;
    let client = server.client();
    let words = Arc::new(Words::new(&mut rng));
    let mut new: Vec<Person> = (0..PEOPLE).map(|number| Person::random(&mut rng, &words, number)).collect();
    let mut people = Vec::new();
    let parts: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let part = new.split_off(new.len().saturating_sub(PEOPLE / CLIENTS));
            let (client, rng) = (client.clone(), rng.fork());
            async move { created(&client, rng, part).await }
        })
        .collect();
    for part in at_once(parts).await {
        people.extend(part);
    }
    assert!(people.len() == PEOPLE && people.iter().any(Person::is_deleted));
    let people = Arc::new(people);

    let cases = usize::try_from(setting("LIST_CASES", 5_000)).unwrap();
    let tasks = (0..CLIENTS).map(|number| {
        let (people, words) = (Arc::clone(&people), Arc::clone(&words));
        let (client, mut rng) = (client.clone(), rng.fork());
        let mine = (cases + number) / CLIENTS;
        async move {
            let mut found = 0;
            for case in 0..mine {
                let asked = Case::random(&mut rng, &people, &words);
                found += usize::from(!asked.ids.is_empty());
                if case % 10 == 0 {
                    asked.walk(&mut rng, &client).await;
                    asked.stream(&mut rng, &client).await;
                } else {
                    asked.page(&mut rng, &client).await;
                }
            }
            (mine, found)
        }
    });
    let done = at_once(tasks.collect::<Vec<_>>()).await;
    let (asked, found) = done.iter().fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
    println!("{asked} cases, {found} of them with records");
    assert!(asked == cases && found * 4 > asked, "most lists are empty, which proves little");
});
