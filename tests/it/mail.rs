//! Mails to customers: single and bulk invitations, consent, the outbox, and real mail servers.

mod bulk;
mod content;
mod invitations;
mod lifecycle;
mod message;
mod server;
mod smtp;
mod staff;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

pub use self::message::Message;
use crate::harness::*;
use crate::support::*;

/// The time limit for background work; longer in the long form of `bulk`.
fn patience() -> Duration {
    Duration::from_secs(60 + setting("INVITES", 0) / 20)
}

/// The folder into which the first instance of a site writes its mails.
pub fn mail_folder(site: &Site) -> PathBuf {
    site.folder().join("data-0/mail")
}

/// The mails in a site's folder, oldest first.
pub fn messages(site: &Site) -> Vec<Message> {
    let mut names: Vec<PathBuf> = fs::read_dir(mail_folder(site))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "eml"))
        .collect();
    names.sort();
    let mut messages: Vec<Message> =
        names.iter().map(|path| Message::read(&fs::read_to_string(path).unwrap())).collect();
    messages.sort_by_key(|message| message.header("Date").to_owned());
    messages
}

/// Polls until the condition holds, and fails after `patience()`.
pub async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    wait_until(what, patience(), is_so).await;
}

/// The mails of an entrypoint as the outbox shows them, newest first.
pub async fn outbox(client: &Client, entry: &str) -> Vec<serde_json::Value> {
    let answer = client.get(&format!("/api/Mail/outbox/{entry}?limitRecord=1000")).await.expect(200);
    answer.json["Records"].as_array().expect("records").clone()
}

/// How many mails of an entrypoint are in a state.
pub async fn count_of(client: &Client, entry: &str, state: &str) -> u64 {
    let answer =
        client.get(&format!("/api/Mail/outbox/{entry}?state={state}&limitRecord=1")).await.expect(200);
    answer.json["Summary"]["totalRecords"].as_u64().expect("a total")
}

/// Waits until no mail is under way any more.
pub async fn until_all_sent(client: &Client, entry: &str) {
    until("every mail is sent or has failed", async || {
        let mut waiting = 0;
        for state in ["queued", "sending", "handingOver"] {
            waiting += count_of(client, entry, state).await;
        }
        waiting == 0
    })
    .await;
}

pub async fn invite(client: &Client, id: u64) -> Answer {
    client.send(reqwest::Method::POST, &format!("{}/invite", path(id)), None, &[]).await
}

/// The code of the first problem of an answer.
pub fn code(answer: &Answer) -> &str {
    answer.json["errors"][0]["code"].as_str().unwrap_or_else(|| panic!("no code in {}", answer.text))
}
