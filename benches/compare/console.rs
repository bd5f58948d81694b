//! Pages of the console on a million customers and on a thousand, beside the same questions to the API. One connection sends one
//! request after another; a page and its question to the API take turns.

use std::time::Instant;

use crate::Common;
use crate::support::http::{Conn, request};
use crate::support::import::import_people;
use crate::support::people::Person;
use crate::support::postgres::{Postgres, databases};
use crate::support::process;
use crate::support::quiet;
use crate::support::report::{self, Goal};
use crate::support::service::{Service, number_after};
use crate::support::stats::{figure, micros, quantile};

const FEW: u64 = 1_000;
/// The maximum number of rows in a file, so that the client does not hold all of them.
const FILE_ROWS: usize = 1_000_000;
const LIST: &str = "/console/at/demo/customers";
const API: &str = "/api/Query/customers/demo?limitRecord=20&totalUpTo=1000";
const EMAIL: &str = "owner@staff.example";
const PASSWORD: &str = "tulip carbon harbour 94";
/// No page may be longer.
const BYTES_MAX: usize = 100_000;
const P95_MAX_MS: f64 = 100.0;

/// A page, and the question to the API that it asks.
struct Question {
    page: Vec<u8>,
    api: Vec<u8>,
    /// A text that the page must contain.
    says: String,
}

/// A kind of page, with its measurements.
#[derive(Default)]
struct Kind {
    name: &'static str,
    bytes: usize,
    found: Vec<u32>,
    page_us: Vec<u32>,
    api_us: Vec<u32>,
    wrong: Vec<String>,
}

/// A member of staff who is signed in.
struct Member {
    cookies: String,
    csrf: String,
}

/// A store with its measurements.
struct Lane {
    customers: u64,
    kinds: Vec<Kind>,
}

pub async fn run(common: &Common, rows: u64, only: Option<&str>, questions: usize) {
    let mut body = format!(
        "{rows} and {FEW} customers; {questions} different requests of each kind, {} times, one after another over one connection. \
         Each page is followed by the question to the API that it asks. Pages are sent as they are, without compression. A list has \
         20 customers unless it says so. Live: what the script asks for while somebody types.\n",
        common.rounds
    );
    let mut goals = Vec::new();
    for (name, cluster) in databases(only) {
        let few = measure(cluster.as_ref(), common, FEW, questions).await;
        let many = measure(cluster.as_ref(), common, rows, questions).await;
        body.push_str(&format!("\n### {name}\n\n{}", table(&many, &few)));
        goals.push(goal(name, &many));
    }
    report::save("Console", &body, &goals);
}

async fn measure(cluster: Option<&Postgres>, common: &Common, rows: u64, count: usize) -> Lane {
    let preparing = quiet::shared();
    let service = Service::start(cluster, &[]).await;
    for first in (0..rows).step_by(FILE_ROWS) {
        import_people(&service, common.seed, first..rows.min(first + FILE_ROWS as u64)).await;
    }
    let member = Member::sign_in(&service).await;
    let ids = ids(&service).await;
    drop(preparing);
    println!("{rows} customers are there");
    let _quiet = quiet::machine();
    let mut kinds = Vec::new();
    for (name, questions) in questions(&service, &member, &ids, common.seed, rows, count) {
        let began = Instant::now();
        let mut kind = Kind { name, ..Kind::default() };
        for _ in 0..common.rounds {
            kind.ask(&service, &questions).await;
        }
        kind.page_us.sort_unstable();
        kind.api_us.sort_unstable();
        kind.found.sort_unstable();
        println!(
            "  {name:44} p50 {:>7} ms, p95 {:>7} ms, API p50 {:>7} ms, {:>6} bytes, {} s, wrong {}",
            figure(kind.ms(0.5)),
            figure(kind.ms(0.95)),
            figure(quantile(&kind.api_us, 0.5) / 1000.0),
            kind.bytes,
            figure(began.elapsed().as_secs_f64()),
            kind.wrong.len()
        );
        kinds.push(kind);
    }
    Lane { customers: rows, kinds }
}

/// The ids of some customers.
async fn ids(service: &Service) -> Vec<u64> {
    let page = service.ask("GET", "/api/Query/customers/demo?limitRecord=500", "").await;
    let records = page["Records"].as_array().expect("records");
    records.iter().filter_map(|record| record["customerId"].as_u64()).collect()
}

impl Member {
    /// Invites an owner, who chooses a password and so signs in.
    async fn sign_in(service: &Service) -> Member {
        let arguments =
            ["staff", "invite", "--org", "1", "--email", EMAIL, "--name", "Sam Staff", "--role", "owner"];
        let printed = process::output(&mut service.place.command(&arguments));
        let at = printed.find("/console/welcome/").expect("a link");
        let link = printed[at..].split_whitespace().next().expect("a link").to_owned();
        let mut member = Member { cookies: String::new(), csrf: String::new() };
        member.open(service, &member.get(&link)).await;
        let form = [("password", PASSWORD), ("passwordAgain", PASSWORD)];
        member.open(service, &member.post(&link, &form, "")).await;
        member.open(service, &member.get(LIST)).await;
        member
    }

    /// Sends a request, and keeps cookies and the token of forms.
    async fn open(&mut self, service: &Service, request: &[u8]) {
        let mut conn = Conn::open(service.address).await.expect("it listens");
        let answer = conn.send(request).await.expect("an answer");
        assert!(answer.status == 200 || answer.status == 303, "{} {}", answer.status, answer.body);
        for line in answer.head.lines() {
            let Some((name, value)) = line.split_once(": ") else { continue };
            if name.eq_ignore_ascii_case("set-cookie") {
                let cookie = value.split(';').next().unwrap_or_default();
                let name = cookie.split('=').next().unwrap_or_default();
                let kept = self.cookies.split("; ").filter(|known| !known.is_empty());
                let kept = kept.filter(|known| known.split('=').next() != Some(name));
                self.cookies = kept.chain([cookie]).collect::<Vec<_>>().join("; ");
            }
        }
        if let Some((_, rest)) = answer.body.rsplit_once("name=\"csrf\" value=\"") {
            rest.split('"').next().unwrap_or_default().clone_into(&mut self.csrf);
        }
    }

    fn get(&self, path: &str) -> Vec<u8> {
        request("GET", path, &format!("cookie: {}\r\n", self.cookies), "")
    }

    fn post(&self, path: &str, form: &[(&str, &str)], headers: &str) -> Vec<u8> {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("csrf", &self.csrf).extend_pairs(form);
        let body = body.finish();
        format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncookie: {}\r\n{headers}\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            self.cookies,
            body.len()
        )
        .into_bytes()
    }
}

/// Every kind of page about the first `rows` people of a seed.
fn questions(
    service: &Service,
    member: &Member,
    ids: &[u64],
    seed: u64,
    rows: u64,
    count: usize,
) -> Vec<(&'static str, Vec<Question>)> {
    let mut rng = fastrand::Rng::with_seed(seed ^ 2);
    let people: Vec<Person> = (0..count).map(|_| Person::of(seed, rng.u64(..rows))).collect();
    let same = |page: &[u8], query: &str, says: &str| -> Vec<Question> {
        let api = service.get(&match query.split_once("limitRecord=") {
            Some(_) => format!("{}{query}", API.replace("limitRecord=20&", "")),
            None => format!("{API}{query}"),
        });
        (0..count)
            .map(|_| Question { page: page.to_vec(), api: api.clone(), says: says.to_owned() })
            .collect()
    };
    let form = |form: &[(&str, &str)]| member.post(LIST, form, "");
    let live = |text: &str| member.post(LIST, &[("search", text)], "x-part: list\r\n");
    let api = |text: &str| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("search", text).append_pair("sortBy", "desc(createdDate)");
        service.get(&format!("{API}&{}", query.finish()))
    };
    let searched = |text: &dyn Fn(&Person) -> String, is_live: bool| -> Vec<Question> {
        let of = |person: &Person| {
            let text = text(person);
            let page = if is_live { live(&text) } else { form(&[("search", &text)]) };
            Question { page, api: api(&text), says: "data-row".to_owned() }
        };
        people.iter().map(of).collect()
    };
    let surname = |person: &Person| person.lastname.to_ascii_lowercase();
    let whole = |person: &Person| format!("{} {}", person.firstname, person.lastname);
    let opened = |page: &dyn Fn(u64) -> (String, String), says: &str| -> Vec<Question> {
        let some = ids.iter().cycle().take(count);
        let of = |id: &u64| {
            let (page, api) = page(*id);
            Question { page: member.get(&page), api: service.get(&api), says: says.to_owned() }
        };
        some.map(of).collect()
    };
    let sorted = |sort: &str, says: &str| {
        let query = format!("&sortBy={sort}");
        // An order that needs every customer is not asked for in a long list.
        let is_slow = rows > 3_000 && says == "note warn";
        same(&form(&[("sort", sort)]), if is_slow { "&sortBy=desc(createdDate)" } else { &query }, says)
    };
    let by_name = if rows > 3_000 { "note warn" } else { "data-row" };
    let mut all = vec![
        ("list", same(&member.get(LIST), "&sortBy=desc(createdDate)", "data-row")),
        (
            "list of 100",
            same(&form(&[("size", "100")]), "&limitRecord=100&sortBy=desc(createdDate)", "data-row"),
        ),
        ("search, first name (frequent)", searched(&|person| person.firstname.clone(), false)),
        ("search, surname", searched(&surname, false)),
        ("search, both names (rare)", searched(&whole, false)),
        ("search, e-mail", searched(&|person| person.email.clone(), false)),
        ("search, domain of e-mail (a tenth of all)", searched(&|person| domain(person).to_owned(), false)),
        (
            "search, last 7 digits of a phone",
            searched(&|person| person.phone[person.phone.len() - 7..].to_owned(), false),
        ),
        (
            "search, both names and one letter",
            searched(&|person| format!("{} {}", whole(person), "a"), false),
        ),
        (
            "live, first 3 letters of a surname",
            searched(&|person| surname(person).chars().take(3).collect(), true),
        ),
        (
            "live, first 5 letters of a surname",
            searched(&|person| surname(person).chars().take(5).collect(), true),
        ),
        ("live, first 2 letters of a surname", {
            let text = |person: &Person| surname(person).chars().take(2).collect::<String>();
            let of = |person: &Person| Question {
                page: live(&text(person)),
                api: service.get(&format!("{API}&sortBy=desc(createdDate)")),
                says: "data-row".to_owned(),
            };
            people.iter().map(of).collect()
        }),
    ];
    let filtered = |name: &str, value: &str, query: &str| {
        same(&form(&[(name, value)]), &format!("&{query}&sortBy=desc(createdDate)"), "data-row")
    };
    all.extend([
        ("label (a third of all)", filtered("label", "wholesale", "label=wholesale")),
        ("status (all)", filtered("status", "1", "status=1")),
        ("stage (all)", filtered("stage", "Prospect", "lifecycle=Prospect")),
        ("country (all)", filtered("country", "US", "country=US")),
        ("created from a day", filtered("createdFrom", "2024-09-01", "createdDate(ge)=2024-09-01")),
        ("stage (nobody)", same(&form(&[("stage", "Churned")]), "&lifecycle=Churned", "class=\"empty\"")),
        ("order by creation, oldest first", sorted("asc(createdDate)", "data-row")),
        ("order by total spent", sorted("desc(totalSpent)", "data-row")),
        ("order by name", sorted("asc(name)", by_name)),
        ("order by name, of a surname", {
            let of = |person: &Person| Question {
                page: form(&[("search", &surname(person)), ("sort", "asc(name)")]),
                api: service.get(&format!("{API}&sortBy=asc(name)&search={}", surname(person))),
                says: "data-row".to_owned(),
            };
            people.iter().map(of).collect()
        }),
        ("customer", opened(&|id| (format!("{LIST}/{id}"), format!("/api/Customer/{id}/details")), "<h1")),
        (
            "overview",
            opened(
                &|_| ("/console/at/demo".to_owned(), "/api/Statistic/customers/demo".to_owned()),
                "class=\"figure",
            ),
        ),
    ]);
    all
}

fn domain(person: &Person) -> &str {
    person.email.split('@').nth(1).unwrap_or_default()
}

impl Kind {
    /// Sends each request once, and its question to the API after it.
    async fn ask(&mut self, service: &Service, questions: &[Question]) {
        let mut conn = Conn::open(service.address).await.expect("it listens");
        for question in questions {
            let began = Instant::now();
            let answer = conn.send(&question.page).await.expect("an answer");
            self.page_us.push(micros(began));
            self.bytes = self.bytes.max(answer.body.len());
            if answer.status != 200 || !answer.body.contains(&question.says) {
                self.wrong.push(format!("{}, without {}", answer.status, question.says));
            }
            let began = Instant::now();
            let answer = conn.send(&question.api).await.expect("an answer");
            self.api_us.push(micros(began));
            if answer.status != 200 {
                self.wrong.push(format!("API: {} {}", answer.status, answer.body));
            }
            let found = number_after(answer.body, "\"totalRecords\":").unwrap_or(0);
            self.found.push(u32::try_from(found).unwrap_or(u32::MAX));
        }
    }

    fn ms(&self, part: f64) -> f64 {
        quantile(&self.page_us, part) / 1000.0
    }
}

fn table(many: &Lane, few: &Lane) -> String {
    let rows: Vec<_> = many
        .kinds
        .iter()
        .zip(&few.kinds)
        .map(|(kind, small)| {
            let api = |part: f64| quantile(&kind.api_us, part) / 1000.0;
            vec![
                kind.name.to_owned(),
                figure(quantile(&kind.found, 0.5)),
                figure(kind.bytes as f64),
                figure(kind.ms(0.5)),
                figure(kind.ms(0.95)),
                figure(kind.ms(0.99)),
                figure(api(0.5)),
                figure(api(0.95)),
                figure(kind.ms(0.5) / api(0.5)),
                figure(small.ms(0.95)),
                figure(kind.ms(0.5) / small.ms(0.5)),
                (kind.wrong.len() + small.wrong.len()).to_string(),
            ]
        })
        .collect();
    let few_head = format!("p95 ms of {}", few.customers);
    let head = [
        "page",
        "counted (median)",
        "bytes at most",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "API p50 ms",
        "API p95 ms",
        "page / API",
        &few_head,
        "many / few",
        "wrong",
    ];
    let mut text = report::table(&head, &rows);
    for kind in many.kinds.iter().chain(&few.kinds) {
        text.push_str(&report::errors(kind.name, &kind.wrong, 1));
    }
    text
}

fn goal(name: &str, lane: &Lane) -> Goal {
    let slowest = lane.kinds.iter().max_by(|one, other| one.ms(0.95).total_cmp(&other.ms(0.95)));
    let longest = lane.kinds.iter().max_by_key(|kind| kind.bytes);
    let (Some(slowest), Some(longest)) = (slowest, longest) else { panic!("no pages") };
    let wrong: usize = lane.kinds.iter().map(|kind| kind.wrong.len()).sum();
    Goal {
        name: format!("console on {}, {name}", figure(lane.customers as f64)),
        figure: format!(
            "slowest page ({}) p95 {} ms; longest ({}) {} bytes",
            slowest.name,
            figure(slowest.ms(0.95)),
            longest.name,
            figure(longest.bytes as f64)
        ),
        wanted: "p95 ≤ 100 ms, ≤ 100 kB",
        is_met: slowest.ms(0.95) <= P95_MAX_MS && longest.bytes <= BYTES_MAX && wrong == 0,
    }
}
