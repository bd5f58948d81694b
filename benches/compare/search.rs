//! Search (goal 5): finds parts of names, e-mails and phone numbers of sealed customers, compared with trigram indexes on
//! plaintext. Also measures other list queries. One connection sends one query after another.

use std::time::Instant;

use crate::Common;
use crate::support::http::Conn;
use crate::support::import::{import_people, import_small, rate};
use crate::support::people::Person;
use crate::support::plain::{Plain, database_size};
use crate::support::postgres::{Postgres, databases};
use crate::support::quiet;
use crate::support::report::{self, Goal};
use crate::support::service::{Service, number_after};
use crate::support::stats::{figure, micros, quantile};

/// Goal 5 is about searches that find at most this many customers.
const FEW: u64 = 100;
/// In the second part the same customers are spread over this many entrypoints.
const ENTRYPOINTS: u64 = 1000;

/// A query, and a value that its answer must contain.
struct Question {
    path: String,
    /// The same query for the plaintext index, if that can answer it.
    piece: Option<String>,
    /// The answer contains this e-mail if it contains every customer found.
    email: String,
}

/// A kind of query, with its measurements.
#[derive(Default)]
struct Kind {
    name: String,
    questions: Vec<Question>,
    hits: Vec<u32>,
    ours_us: Vec<u32>,
    /// The times of the queries that found few.
    few_us: Vec<u32>,
    plain_us: Vec<u32>,
    plain_few_us: Vec<u32>,
    wrong: Vec<String>,
}

pub async fn run(common: &Common, rows: u64, only: Option<&str>, questions: usize) {
    let mut body = format!(
        "{rows} customers; {questions} different queries of each kind, {} times, one after another over one connection. Customary \
         answers over HTTP with a page of 20 and the exact total, and opens and compares every hit. Plain is a trigram index on \
         plaintext names, company, e-mail, phone and number; this process queries it without HTTP for the newest 20 and the \
         total.\n",
        common.rounds
    );
    let mut goals = Vec::new();
    for (name, cluster) in databases(only) {
        let (text, goal) = one_entrypoint(name, cluster.as_ref(), common, rows, questions).await;
        body.push_str(&text);
        goals.push(goal);
        body.push_str(&many_entrypoints(name, cluster.as_ref(), common, rows, questions).await);
    }
    report::save("Search", &body, &goals);
}

/// All customers in one entrypoint.
async fn one_entrypoint(
    name: &str,
    cluster: Option<&Postgres>,
    common: &Common,
    rows: u64,
    questions: usize,
) -> (String, Goal) {
    let preparing = quiet::shared();
    let service = Service::start(cluster, &[]).await;
    let imported = import_people(&service, common.seed, 0..rows).await;
    println!("{name}, one entrypoint: imported at {} rows/s", figure(rate(rows, imported.seconds)));
    let mut plain = Plain::fill(cluster, (0..rows).map(|number| Person::of(common.seed, number)));
    drop(preparing);
    let deep = service.cursor_after(rows / 2).await;
    let mut kinds = kinds("/api/Query/customers/demo", common.seed, rows, questions);
    kinds.push(Kind::of("page after half of all, by cursor", vec![Question::list(&deep)]));
    let quiet = quiet::machine();
    for _ in 0..common.rounds {
        for kind in &mut kinds {
            kind.ask(&service, Some(&mut plain)).await;
        }
    }
    drop(quiet);
    let ours = size(&service);
    let text = format!(
        "\n### {name}, one entrypoint\n\n{} bytes per customer on disk. The plain table and index take {} bytes, for 6 values instead of 25 \
         and without history.\n\n{}",
        figure(ours / rows as f64),
        figure(plain.size() as f64 / rows as f64),
        table(&kinds)
    );
    (text, goal(name, &kinds))
}

/// The same customers spread over many entrypoints.
async fn many_entrypoints(
    name: &str,
    cluster: Option<&Postgres>,
    common: &Common,
    rows: u64,
    questions: usize,
) -> String {
    let preparing = quiet::shared();
    let service = Service::start(cluster, &[]).await;
    let each = rows / ENTRYPOINTS;
    let settings = service.token_for("settings");
    let part = |first: u64| fill_entrypoints(&service, &settings, common.seed, first, each);
    tokio::join!(part(0), part(1), part(2), part(3));
    println!("{name}, {ENTRYPOINTS} entrypoints: imported");
    drop(preparing);
    let mut small = kinds("/api/Query/customers/e0", common.seed, each, questions);
    let mut all = kinds("/api/Query/customers/org/1", common.seed, rows, questions);
    let quiet = quiet::machine();
    for _ in 0..common.rounds {
        for kind in small.iter_mut().chain(&mut all) {
            kind.ask(&service, None).await;
        }
    }
    drop(quiet);
    format!(
        "\n### {name}, {ENTRYPOINTS} entrypoints\n\n{} bytes per customer on disk. The list of one entrypoint with {each} customers:\n\n{}\n\
         The list of the organisation, with all customers:\n\n{}",
        figure(size(&service) / rows as f64),
        table(&small),
        table(&all)
    )
}

/// Creates every fourth entrypoint from `first` on, and imports its customers.
async fn fill_entrypoints(service: &Service, settings: &str, seed: u64, first: u64, each: u64) {
    for number in (first..ENTRYPOINTS).step_by(4) {
        let body = format!("{{\"entry\": \"e{number}\"}}");
        service.ask_as(settings, "POST", "/api/Paypoint", &body).await;
        let added =
            import_small(service, &format!("e{number}"), seed, number * each..(number + 1) * each).await;
        assert_eq!(added, each, "every row is new");
    }
}

/// The size of the service's database in bytes.
fn size(service: &Service) -> f64 {
    match &service.place.url {
        Some(url) => database_size(url) as f64,
        None => std::fs::metadata(service.place.database_file()).map_or(f64::NAN, |data| data.len() as f64),
    }
}

/// Every kind of query about the first `rows` people of a seed.
fn kinds(list: &str, seed: u64, rows: u64, count: usize) -> Vec<Kind> {
    let mut rng = fastrand::Rng::with_seed(seed ^ 1);
    let mut of = |name: &str, ask: &dyn Fn(&Person) -> Question| {
        let questions = (0..count).map(|_| ask(&Person::of(seed, rng.u64(..rows)))).collect();
        Kind::of(name, questions)
    };
    // The letters before the @ are random, so parts of them are rare. Parts of surnames are not.
    let before_at = |person: &Person| person.email.split('@').next().unwrap_or("").to_owned();
    let tail = |person: &Person, length: usize| {
        let name = before_at(person);
        name[name.len().saturating_sub(length)..].to_owned()
    };
    vec![
        of("search, 3 characters", &|person| Question::search(list, person, &tail(person, 3))),
        of("search, 4 characters", &|person| Question::search(list, person, &tail(person, 4))),
        of("search, 6 characters", &|person| Question::search(list, person, &tail(person, 6))),
        of("search, 8 characters", &|person| Question::search(list, person, &tail(person, 8))),
        of("search, last 7 digits of a phone", &|person| {
            Question::search(list, person, &person.phone[person.phone.len() - 7..])
        }),
        of("search, surname", &|person| {
            Question::search(list, person, &person.lastname.to_ascii_lowercase())
        }),
        of("email(eq)", &|person| Question::filter(list, person, "email(eq)", &person.email)),
        of("customerNumber(eq)", &|person| {
            Question::filter(list, person, "customerNumber(eq)", &person.customer_number)
        }),
        of("lastname(ct), 5 characters, newest 20", &|person| {
            Question::filter(list, person, "lastname(ct)", &person.lastname[..person.lastname.len().min(5)])
        }),
        Kind::of("newest 20", vec![Question::list(&format!("{list}?limitRecord=20"))]),
    ]
}

impl Question {
    fn search(list: &str, person: &Person, piece: &str) -> Question {
        let path = format!("{list}?limitRecord=20&search={piece}");
        Question { path, piece: Some(piece.to_owned()), email: person.email.clone() }
    }

    fn filter(list: &str, person: &Person, filter: &str, value: &str) -> Question {
        Question {
            path: format!("{list}?limitRecord=20&{filter}={value}"),
            piece: None,
            email: person.email.clone(),
        }
    }

    fn list(path: &str) -> Question {
        Question { path: path.to_owned(), piece: None, email: String::new() }
    }
}

impl Kind {
    fn of(name: &str, mut questions: Vec<Question>) -> Kind {
        if questions.len() == 1 {
            // Repeat the only query 100 times.
            let path = questions[0].path.clone();
            questions.extend((1..100).map(|_| Question::list(&path)));
        }
        Kind { name: name.to_owned(), questions, ..Kind::default() }
    }

    /// Sends each query once to the service, and then to the plaintext index.
    async fn ask(&mut self, service: &Service, mut plain: Option<&mut Plain>) {
        let began = Instant::now();
        let mut conn = Conn::open(service.address).await.expect("it listens");
        for question in &self.questions {
            let request = service.get(&question.path);
            let sent_at = Instant::now();
            let answer = conn.send(&request).await.expect("an answer");
            let took = micros(sent_at);
            if answer.status != 200 {
                self.wrong.push(format!("{} {}", answer.status, answer.body));
                continue;
            }
            let total = number_after(answer.body, "\"totalRecords\":").unwrap_or(0);
            if total == 0 || total <= 20 && !answer.body.contains(&question.email) {
                self.wrong.push(format!("{} finds {total}, not {}", question.path, question.email));
            }
            self.hits.push(u32::try_from(total).unwrap_or(u32::MAX));
            self.ours_us.push(took);
            if total <= FEW {
                self.few_us.push(took);
            }
            if let (Some(plain), Some(piece)) = (plain.as_deref_mut(), &question.piece) {
                let asked_at = Instant::now();
                let (count, _) = plain.search(piece, &question.email);
                let took = micros(asked_at);
                self.plain_us.push(took);
                if count <= FEW {
                    self.plain_few_us.push(took);
                }
                if count != total {
                    self.wrong.push(format!("{piece}: {total} found, {count} in the plain index"));
                }
            }
        }
        println!("  {:40} {:>8} s", self.name, figure(began.elapsed().as_secs_f64()));
    }
}

fn table(kinds: &[Kind]) -> String {
    let rows: Vec<_> = kinds
        .iter()
        .map(|kind| {
            let (hits, ours, plain) = (sorted(&kind.hits), sorted(&kind.ours_us), sorted(&kind.plain_us));
            let ms = |list: &[u32]| [0.5, 0.99].map(|part| figure(quantile(list, part) / 1000.0));
            let found = [kind.name.clone(), figure(quantile(&hits, 0.5))];
            let wrong = kind.wrong.len().to_string();
            found.into_iter().chain(ms(&ours)).chain(ms(&plain)).chain([wrong]).collect()
        })
        .collect();
    let mut text = report::table(
        &["query", "found (median)", "p50 ms", "p99 ms", "plain p50 ms", "plain p99 ms", "wrong"],
        &rows,
    );
    for kind in kinds {
        text.push_str(&report::errors(&kind.name, &kind.wrong, 2));
    }
    text
}

fn sorted<'a>(list: impl IntoIterator<Item = &'a u32>) -> Vec<u32> {
    let mut sorted: Vec<u32> = list.into_iter().copied().collect();
    sorted.sort_unstable();
    sorted
}

/// Goal 5: the searches of all kinds that found few customers.
fn goal(name: &str, kinds: &[Kind]) -> Goal {
    let searches = || kinds.iter().filter(|kind| kind.name.starts_with("search"));
    let ours = sorted(searches().flat_map(|kind| &kind.few_us));
    let plain = sorted(searches().flat_map(|kind| &kind.plain_few_us));
    let ms = |list: &[u32], part: f64| quantile(list, part) / 1000.0;
    let wrong: usize = kinds.iter().map(|kind| kind.wrong.len()).sum();
    Goal {
        name: format!("5 search that finds at most {FEW}, {name}"),
        figure: format!(
            "p50 {} ms, p99 {} ms; plain p50 {} ms, p99 {} ms",
            figure(ms(&ours, 0.5)),
            figure(ms(&ours, 0.99)),
            figure(ms(&plain, 0.5)),
            figure(ms(&plain, 0.99))
        ),
        wanted: "p99 ≤ 10 ms, no slower than plain",
        is_met: ms(&ours, 0.99) <= 10.0 && ms(&ours, 0.99) <= ms(&plain, 0.99) && wrong == 0,
    }
}
