//! The customer portal: signing in, links, the customer's own record, and defence against attacks.
//! `tests/sdk/portal_walk.py` goes through it with a real browser.

mod attacks;
pub(crate) mod browser;
mod guessing;
mod links;
mod logins;
mod pay;
mod record;
mod sessions;

use std::fs;
use std::sync::Arc;

use serde_json::{Value, json};

use self::browser::{Browser, Page};
use crate::harness::*;
use crate::mail::{Message, invite, mail_folder, until_all_sent};
use crate::support::*;

const EMAIL: &str = "ada.roe@example.test";
const PASSWORD: &str = "tulip-carbon-94";
const OTHER_PASSWORD: &str = "walnut harbour 61";

/// A site whose delays after failed sign-ins are negligible.
fn site(db: Db) -> Arc<Site> {
    site_with(db, &[])
}

fn site_with(db: Db, environment: &[(&str, &str)]) -> Arc<Site> {
    let mut all = vec![("CUSTOMARY_LOGIN_WAIT", "5ms")];
    all.extend(environment);
    Site::with_environment(db, &all)
}

async fn start(db: Db) -> Server {
    Server::start_on(&site(db)).await
}

/// A customer of the demo entrypoint who can sign in.
async fn with_account(client: &Client) -> u64 {
    let body = json!({"email": EMAIL, "customerUsername": "ada", "customerPsw": PASSWORD, "firstname": "Ada",
        "lastname": "Roe", "phone": "+15555550117", "city": "Bath"});
    client.create("demo", &body, &[], &[]).await.expect(200).id()
}

async fn status_of(client: &Client, id: u64) -> Value {
    client.get(&path(id)).await.expect(200).json["customerStatus"].clone()
}

/// The mails so far, in the order of writing: their dates are only exact to the second.
fn mails(site: &Site) -> Vec<Message> {
    let files = fs::read_dir(mail_folder(site)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "eml")).collect();
    files.sort_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
    files.iter().map(|path| Message::read(&fs::read_to_string(path).unwrap())).collect()
}

/// The link in the newest mail that has one, as a path.
async fn newest_link(server: &Server, client: &Client, entry: &str) -> String {
    until_all_sent(client, entry).await;
    let link = mails(server.site()).iter().rev().find_map(Message::link).expect("a mail with a link");
    link.strip_prefix(&server.base()).unwrap_or_else(|| panic!("{link} leads elsewhere")).to_owned()
}
