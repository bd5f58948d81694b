//! A search sees every write that was answered before it, even with other writers and on other instances (rules 7).
//!
//! `SEARCH_CHECKS` sets the number of searches after writes; the long form is 100,000:
//! `SEARCH_CHECKS=100000 cargo nextest run lists::read_after_write`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};

use super::{encoded, ids_of, list};
use crate::harness::*;
use crate::support::*;

const CLIENTS: usize = 8;
/// How many live customers a client keeps at most, so that the cost of a search does not grow with the number of
/// checks.
const KEPT: usize = 40;
const AREAS: [&str; 8] = ["202", "212", "303", "404", "512", "617", "702", "808"];
/// Scripts with capitals, scripts without, and marks that a search ignores.
const LETTERS: [&str; 4] =
    ["abcdefghijklmnopqrstuvwxyz", "бвгдежзклмнопрст", "ぁあぃいぅうぇえぉおかきく", "áčďéěíňóřšťúůýž"];
const BARE: (&str, &str) = ("áčďéěíňóřšťúůýž", "acdeeinorstuuyz");

#[derive(Clone)]
struct Person {
    id: u64,
    email: String,
    firstname: String,
    lastname: String,
    phone: String,
}

fn letters(rng: &mut Rng, count: usize) -> String {
    let alphabet: Vec<char> = LETTERS[rng.usize(0..LETTERS.len())].chars().collect();
    (0..count).map(|_| alphabet[rng.usize(0..alphabet.len())]).collect()
}

fn email(rng: &mut Rng) -> String {
    let own = (0..10).map(|_| match rng.lowercase() {
        'q'..='t' => rng.digit(10),
        letter => letter,
    });
    format!("{}@example.test", own.collect::<String>())
}

fn phone(rng: &mut Rng) -> String {
    let area = AREAS[rng.usize(0..AREAS.len())];
    format!("+1{area}{}{:06}", rng.u8(2..10), rng.u32(0..1_000_000))
}

/// Without case and marks, as a search compares.
fn plain(text: &str) -> String {
    let bare = |c: char| {
        let marked = BARE.0.chars().position(|known| known == c);
        marked.and_then(|place| BARE.1.chars().nth(place)).unwrap_or(c)
    };
    text.to_lowercase().chars().map(bare).collect()
}

impl Person {
    fn random(rng: &mut Rng) -> Self {
        Self {
            id: 0,
            email: email(rng),
            firstname: letters(rng, 8),
            lastname: letters(rng, 8),
            phone: phone(rng),
        }
    }

    /// Whether a search for the piece should find the person.
    fn holds(&self, word: &str) -> bool {
        let word = plain(word);
        let name = plain(&format!("{} {}", self.firstname, self.lastname));
        name.contains(&word) || self.email.contains(&word) || self.phone.contains(&word)
    }

    /// Three characters of one of its values.
    fn piece(&self, rng: &mut Rng) -> String {
        let local = self.email.split('@').next().unwrap();
        let source = match rng.u8(0..6) {
            0..=2 => local,
            3 => &self.firstname,
            4 => &self.lastname,
            _ => &self.phone[1..],
        };
        let chars: Vec<char> = source.chars().collect();
        let from = rng.usize(0..=chars.len() - 3);
        let piece: String = chars[from..from + 3].iter().collect();
        match rng.u8(0..3) {
            0 => piece.to_uppercase(),
            1 => plain(&piece),
            _ => piece,
        }
    }
}

struct Worker {
    rng: Rng,
    instances: Vec<Client>,
    people: Vec<Person>,
    checks: Arc<AtomicU64>,
    wanted: u64,
}

impl Worker {
    async fn run(mut self) {
        while self.checks.load(Relaxed) < self.wanted {
            let count = self.people.len();
            match self.rng.u8(0..10) {
                0..4 if count < KEPT => self.create().await,
                4..8 if count > 0 => self.update().await,
                _ if count > 0 => self.delete().await,
                _ => self.create().await,
            }
        }
    }

    fn instance(&mut self) -> Client {
        self.instances[self.rng.usize(0..self.instances.len())].clone()
    }

    async fn create(&mut self) {
        let mut person = Person::random(&mut self.rng);
        let body = json!({"email": person.email, "firstname": person.firstname, "lastname": person.lastname,
                          "phone": person.phone});
        person.id = self.instance().create("demo", &body, &[], &[]).await.expect(200).id();
        let piece = person.piece(&mut self.rng);
        self.check(&person, &piece, true).await;
        self.people.push(person);
    }

    async fn update(&mut self) {
        let place = self.rng.usize(0..self.people.len());
        let old = self.people[place].clone();
        let mut new = old.clone();
        // The searched pieces must come from the changed values.
        let (was, is): (Person, Value) = match self.rng.u8(0..3) {
            0 => {
                new.email = email(&mut self.rng);
                (Person { email: old.email.clone(), ..new.clone() }, json!({"email": new.email}))
            }
            1 => {
                new.phone = phone(&mut self.rng);
                (Person { phone: old.phone.clone(), ..new.clone() }, json!({"phone": new.phone}))
            }
            _ => {
                new.firstname = letters(&mut self.rng, 8);
                new.lastname = letters(&mut self.rng, 8);
                (old, json!({"firstname": new.firstname, "lastname": new.lastname}))
            }
        };
        self.instance().put(&format!("/api/Customer/{}", new.id), &is).await.expect(200);
        // Zeros in front may stand for the plus of a country code, so they are not gone with the digits.
        let is_gone = |piece: &String| !new.holds(piece) && !piece.starts_with('0');
        let gone = (0..20).map(|_| was.piece(&mut self.rng)).find(is_gone);
        if let Some(piece) = gone {
            self.check(&new, &piece, false).await;
        }
        let come = (0..20).map(|_| new.piece(&mut self.rng)).find(|piece| !was.holds(piece));
        if let Some(piece) = come {
            self.check(&new, &piece, true).await;
        }
        self.people[place] = new;
    }

    async fn delete(&mut self) {
        let place = self.rng.usize(0..self.people.len());
        let person = self.people.swap_remove(place);
        self.instance().delete(&format!("/api/Customer/{}", person.id)).await.expect(200);
        let piece = person.piece(&mut self.rng);
        self.check(&person, &piece, false).await;
    }

    /// Searches on a random instance, in one of the possible ways.
    async fn check(&mut self, person: &Person, piece: &str, is_there: bool) {
        let id = person.id.to_string();
        let mut pairs = vec![("search".to_owned(), piece.to_owned())];
        let is_digits = piece.chars().all(|c| c.is_ascii_digit());
        let narrow = self.rng.bool();
        if is_digits && self.rng.u8(0..4) == 0 && person.phone.contains(piece) == is_there {
            pairs = vec![("phone(ct)".to_owned(), piece.to_owned())];
        }
        if narrow {
            pairs.push(("customerId".to_owned(), id));
        }
        pairs.push(("limitRecord".to_owned(), "500".to_owned()));
        let place = if self.rng.u8(0..8) == 0 { "org/1" } else { "demo" };
        let path = format!("/api/Query/customers/{place}?{}", encoded(&pairs));
        let page = self.instance().get(&path).await.expect(200).json;
        let found = ids_of(&page);
        let what = format!("{path} for {} {} {}", person.email, person.firstname, person.lastname);
        assert_eq!(found.contains(&person.id), is_there, "{what} {}: {}", person.phone, page["Summary"]);
        let total = page["Summary"]["totalRecords"].as_u64().unwrap();
        assert_eq!(total, found.len() as u64, "{what}");
        assert!(!narrow || total == u64::from(is_there), "{what}: {total} records of one id");
        self.checks.fetch_add(1, Relaxed);
    }
}

fleets!(rules_7_a_search_sees_every_acknowledged_write, |fleet| async move {
    let mut rng = seeded();
    let checks = Arc::new(AtomicU64::new(0));
    let wanted = setting("SEARCH_CHECKS", 2_000);
    let workers = (0..CLIENTS).map(|_| {
        let worker = Worker {
            rng: rng.fork(),
            instances: (0..fleet.servers.len()).map(|number| fleet.client(number)).collect(),
            people: Vec::new(),
            checks: Arc::clone(&checks),
            wanted,
        };
        worker.run()
    });
    at_once(workers.collect::<Vec<_>>()).await;
    let made = checks.load(Relaxed);
    println!("{made} searches right after writes, no write missed");
    assert!(made >= wanted);
});

// Pending rows come and go. On PostgreSQL every search would read through the dead rows that they leave. A transaction
// that began before, such as a backup's, holds the space while it lasts.
#[tokio::test]
async fn packed_terms_leave_no_dead_rows_behind() {
    let server = Server::start(Db::Postgres).await;
    let mut sql = Sql::open(server.site());
    sql.run(sql::DISABLE_MEMTABLE_VACUUM);
    let mut older = Sql::open(server.site());
    older.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
    assert_eq!(older.number(sql::MEMTABLE_ROWS), 0);
    let client = server.client();
    for number in 0..40 {
        created(&client, "demo", &json!({"email": format!("c{number}@example.test")})).await;
    }
    wait_until("the pending rows are moved", Duration::from_mins(1), async || {
        sql.number(sql::MEMTABLE_ROWS) == 0
    })
    .await;
    // Long enough for one check of the table's size.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(sql.number(sql::MEMTABLE_SIZE) > 0, "an older transaction holds the space");
    older.run("ROLLBACK");
    wait_until("the table shrinks", Duration::from_mins(1), async || sql.number(sql::MEMTABLE_SIZE) == 0)
        .await;
    assert_eq!(list(&client, "search=c17@").await["Summary"]["totalRecords"], 1);
}
