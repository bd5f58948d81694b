//! A varied load of unique values, and then a search for every one of them: in the database files with their
//! write-ahead logs, in a dump, and in everything else that the program writes, logs included.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use reqwest::Method;
use serde_json::{Value, json};

use super::byte_search::{Needles, files_since};
use crate::harness::*;
use crate::support::*;

const CUSTOMERS: usize = 24;

/// Generates values and remembers them.
pub(super) struct Values {
    pub rng: Rng,
    pub sent: BTreeSet<String>,
}

impl Values {
    /// A word that no file contains by chance.
    pub fn word(&mut self) -> String {
        let word: String = (0..11).map(|_| self.rng.lowercase()).collect();
        let word = format!("{}{}", word[..1].to_uppercase(), &word[1..]);
        self.sent.insert(word.clone());
        word
    }

    /// Three letters of this script are nine bytes, so the search would also find an index of plaintext trigrams.
    /// Trigrams of e-mails and phones are too short to search for; `terms` examines the index itself.
    pub fn georgian(&mut self) -> String {
        let letters: Vec<char> = (0..8).map(|_| self.rng.char('\u{10d0}'..='\u{10f0}')).collect();
        self.sent.extend(letters.windows(3).map(|letters| letters.iter().collect::<String>()));
        letters.into_iter().collect()
    }

    pub fn email(&mut self) -> String {
        format!("{}.{}@{}.example", self.word(), self.word(), self.word())
    }

    pub fn phone(&mut self) -> String {
        let digits: String = "12".chars().chain((0..9).map(|_| self.rng.digit(10))).collect();
        self.sent.insert(digits.clone());
        format!("+{digits}")
    }

    pub fn birthday(&mut self) -> String {
        let day =
            format!("19{:02}-{:02}-{:02}", self.rng.u8(10..99), self.rng.u8(1..=12), self.rng.u8(1..=28));
        self.sent.insert(day.clone());
        day
    }

    fn customer(&mut self) -> Value {
        let mut body = json!({
            "email": self.email(), "phone": self.phone(), "birthday": self.birthday(),
            "fullname": format!("{} {}", self.word(), self.georgian()),
            "address": format!("9 {} Row", self.word()), "additionalFields": {(self.word()): self.word(), "clientId": self.word()},
            "labels": [self.word()], "balance": 12.5,
        });
        // These fields are searchable by parts too.
        for field in ["firstname", "lastname", "company", "customerNumber"] {
            body[field] = json!(format!("{} {}", self.georgian(), self.word()));
        }
        for field in [
            "customerUsername",
            "customerPsw",
            "address1",
            "city",
            "state",
            "zip",
            "shippingAddress",
            "shippingAddress1",
            "shippingCity",
            "shippingState",
            "shippingZip",
        ] {
            body[field] = json!(self.word());
        }
        body
    }
}

/// Sends every kind of request with unique values, valid and invalid ones.
async fn load(server: &Server, client: &Client, values: &mut Values) {
    for number in 0..CUSTOMERS {
        let entry = ["demo", "second"][number % 2];
        let body = values.customer();
        let key = values.word();
        let made = client.header("Idempotency-Key", &key).create(entry, &body, &[], &[]).await.expect(200);
        let id = made.id();
        let body = |values: &mut Values| {
            let mut changed = values.customer();
            changed["email"] = body["email"].clone();
            changed["customerNumber"] = body["customerNumber"].clone();
            // Only password hashing takes long here.
            changed.as_object_mut().unwrap().remove("customerPsw");
            changed
        };
        let sent = body(values);
        let flag = match number % 6 {
            1 => &[("mergeExisting", "1")][..],
            2 => &[("replaceExisting", "1")],
            3 => &[("forceCustomerCreation", "true")],
            _ => &[],
        };
        let answer = match number % 6 {
            4 => client.header("Idempotency-Key", &values.word()).put(&path(id), &sent).await,
            5 => client.post(&format!("/api/Customer/match/{entry}"), &sent).await,
            _ => client.create(entry, &sent, flag, &[]).await,
        };
        answer.expect(200);
        let changed = json!({"lastname": values.word(), "phone": values.phone(), "city": null});
        client.put(&path(id), &changed).await.expect(200);
        if number % 8 == 6 {
            client.delete(&path(id)).await.expect(200);
        }
        if number % 8 == 7 {
            client.delete(&format!("{}?erase=true", path(id))).await.expect(200);
        }
        read(client, id).await;
        client.get(&format!("{}/history", path(id))).await.expect(200);
    }
    client.get("/api/Query/customers/demo").await.expect(200);
    for file in ["csv/demo", "xlsx/demo", "csv/org/1"] {
        client.get(&format!("/api/Export/customers/{file}")).await.expect(200);
    }
    let columns = format!("additional-{},{}:{}", values.word(), values.word(), values.word());
    client.get(&format!("/api/Export/customers/csv/demo?columnsExport={columns}")).await.expect_error(400);

    // Refused values must not be found either: they are neither stored nor logged.
    let standing = created(client, "demo", &json!({"email": values.email()})).await;
    let short = values.word()[..9].to_owned();
    values.sent.insert(short.clone());
    let bad = json!({"email": values.word(), "phone": values.word(), "birthday": values.word(), "country": values.word(),
                     "customerPsw": short, "createdAt": values.word(), "company": format!("{}\0", values.word()),
                     (values.word()): values.word(), "timeZone": values.word()});
    client.create("demo", &bad, &[], &[]).await.expect_error(400);
    client.put(&path(standing), &bad).await.expect_error(400);
    let broken = format!("{{\"email\": \"{}", values.email());
    let request =
        client.request(Method::POST, "/api/Customer/single/demo").header("Content-Type", "application/json");
    send(request.body(broken)).await.expect_error(400);
    let number = values.word();
    created(client, "demo", &json!({"customerNumber": number, "email": values.email()})).await;
    client.put(&path(standing), &json!({"customerNumber": number})).await.expect_error(409);
    for filter in ["email(eq)", "search", "company(ct)", "additional-clientId"] {
        let query = format!("/api/Query/customers/demo?{filter}={}", values.word());
        client.get(&query).await.expect(200);
    }
    let broken = format!("/api/Query/customers/demo?balance(gt)={}&{}=x", values.word(), values.word());
    client.get(&broken).await.expect_error(400);
    client.get(&format!("/api/Customer/{}", values.word())).await.expect_error(404);
    client.get(&format!("/api/Query/customers/{}", values.word())).await.expect_error(404);
    client.get(&format!("/api/{}/{}", values.word(), values.word())).await.expect_error(404);
    client.get(&format!("/{}", values.word())).await.expect_error(404);
    server.anonymous().token(&values.word()).get(&path(standing)).await.expect_error(401);
    let guess = json!({"clientId": "nobody", "clientSecret": values.word()});
    server.anonymous().post("/api/v2/Token/serverside", &guess).await.expect_error(400);
}

/// Passes everything that the program wrote to `look`, with a name: data folder, temporary files, logs. Mails in the mail
/// folder are for people to read.
pub(super) fn own_files(site: &Site, mut look: impl FnMut(&str, &[u8])) {
    let files = files_since(site.folder(), SystemTime::UNIX_EPOCH);
    assert!(!files.is_empty());
    let mails = crate::mail::mail_folder(site);
    for file in files
        .iter()
        .filter(|file| !file.starts_with(&mails) || file.extension().is_none_or(|end| end != "eml"))
    {
        if let Ok(bytes) = std::fs::read(file) {
            look(&file.display().to_string(), &bytes);
        }
    }
}

/// Passes everything that PostgreSQL stores for the site to `look`: a dump of the rows, and the files that the cluster
/// wrote since, if this machine may read them; not the databases of other tests.
pub(super) fn postgres_files(site: &Site, since: SystemTime, mut look: impl FnMut(&str, &[u8])) {
    let mut sql = Sql::open(site);
    let tables = sql.texts(
        "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS value FROM pg_tables \
         WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
    );
    assert!(tables.len() > 5, "{tables:?}");
    for table in tables {
        let rows = sql.texts(&format!("SELECT t::text AS value FROM {table} AS t"));
        look(&format!("the rows of {table}"), rows.join("\n").as_bytes());
    }
    sql.run("CHECKPOINT");
    let cluster = PathBuf::from(sql.texts("SELECT current_setting('data_directory') AS value").remove(0));
    let own = "SELECT oid::text AS value FROM pg_database WHERE datname = current_database()";
    let own = cluster.join("base").join(sql.texts(own).remove(0));
    let mut written = files_since(&cluster, since);
    written.retain(|file| !file.starts_with(cluster.join("base")) || file.starts_with(&own));
    println!("{} files of {} were written since", written.len(), cluster.display());
    for file in written {
        if let Ok(bytes) = std::fs::read(&file) {
            look(&file.display().to_string(), &bytes);
        }
    }
}

both!(rules_7_no_file_contains_the_values_of_a_person, |db| async {
    if db == Db::Postgres {
        own_cluster();
    }
    // The clock of file times may be coarse.
    let since = SystemTime::now() - Duration::from_secs(2);
    let site = Site::with_environment(db, &[("CUSTOMARY_LOG", "debug")]);
    let mut server = Server::start_on(&site).await;
    let mut values = Values { rng: seeded(), sent: BTreeSet::new() };
    let plain = "Plainly Visible Traders";
    let arguments = [
        "--legal-name",
        plain,
        "--identifier",
        "clientId",
        "--identifier",
        "firstname+lastname",
        "--identifier",
        "email",
        "--additional",
    ];
    new_entry(&site, "second", &arguments);
    let name = "the loader of this test";
    let token = site.new_token(&["--org", "1", "--all-entries", "--name", name]);
    values.sent.insert(token.rsplit('.').next().expect("a signature").to_owned());
    values.sent.insert("customary-test-master-key-012345".to_owned());
    values.sent.insert("Y3VzdG9tYXJ5LXRlc3QtbWFzdGVyLWtleS0wMTIzNDU".to_owned());
    let client = server.anonymous().token(&token);
    load(&server, &client, &mut values).await;

    let metrics = server.anonymous().get("/metrics").await.expect(200);
    let answer = client.get("/api/Query/customers/demo").await.expect(200);

    let control = plain.to_owned();
    let needles = Needles::new(&values.sent.iter().chain([&control]).cloned().collect());
    let mut leaks = Vec::new();
    let mut controls = Vec::new();
    let mut look = |name: &str, bytes: &[u8]| {
        for value in needles.found_in(bytes) {
            if value == control {
                controls.push(name.to_owned());
            } else {
                leaks.push(format!("{value} in {name}"));
            }
        }
    };
    look("the metrics", metrics.text.as_bytes());
    // While the server runs, with unfinished write-ahead logs; and after it ended.
    own_files(&site, &mut look);
    if db == Db::Postgres {
        postgres_files(&site, since, &mut look);
    }
    assert_eq!(server.terminate().await.code(), Some(0), "{}", server.logs());
    own_files(&site, &mut look);
    assert!(leaks.is_empty(), "{} values are readable: {leaks:#?}", leaks.len());
    // The control: the search finds a value of no person where theirs would be.
    assert!(!controls.is_empty(), "the search did not find an entrypoint's name, so it proves nothing");
    println!("searched for {} values; the control is in {controls:?}", values.sent.len());

    // The logs without personal data still are useful logs.
    let logs = server.logs();
    for expected in [answer.header("X-Request-Id").expect("an id"), "/api/Query/customers/{entry}", name] {
        assert!(logs.contains(expected), "{expected} is not in the logs");
    }
});
