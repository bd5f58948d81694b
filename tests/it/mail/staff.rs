//! Mails to members of staff: their links come by mail too, where there is a mail server.

use reqwest::Method;
use serde_json::{Value, json};

use super::server::MailServer;
use super::*;
use crate::console::office::{owner, send as send_form};
use crate::portal::browser::Browser;

fn bea(role: &str) -> Value {
    json!({"name": "Bea Low", "email": "bea.low@example.test", "role": role})
}

async fn status(link: &str) -> u16 {
    reqwest::get(link).await.unwrap().status().as_u16()
}

both!(rules_25_links_of_staff_come_by_mail, |db| async move {
    let mails = MailServer::start("none", false).await;
    let server = Server::start_on(&mails.site(db)).await;
    let client = master(&server);
    let mut olga = owner(&server).await;
    let arrived = async |number: usize| {
        let is_there = async || mails.mails_to("bea.low@example.test") >= number;
        until("the mail arrives", is_there).await;
        let all = mails.mails();
        assert_eq!(all.len(), number, "{all:?}");
        Message::read(all.last().unwrap()["message"].as_str().unwrap())
    };
    let keyed = client.header("idempotencyKey", "once");
    let made = keyed.post("/api/Staff", &bea("agent")).await.expect(200);
    assert_eq!(made.data()["isMailed"], true, "{}", made.text);
    let first = arrived(1).await;
    assert_eq!(first.header("From"), "Demo <shop@pay.example>");
    assert_eq!(first.header("Subject"), "Your access to the console of Demo");
    assert!(first.text.contains("Hello Bea Low,"), "{}", first.text);
    let link = first.link().expect("a link");
    assert_eq!(made.data()["link"], link);
    assert_eq!(status(&link).await, 200);
    // A repeat mails nothing again.
    assert_eq!(keyed.post("/api/Staff", &bea("agent")).await.expect(200).json, made.json);

    // Another link, and one that the member asks for, in the language of the page.
    let place = format!("/api/Staff/{}/invite", made.data()["memberId"].as_str().unwrap());
    let again = client.send(Method::POST, &place, None, &[]).await.expect(200);
    let second = arrived(2).await.link().expect("a link");
    assert_eq!(again.data()["link"], second);
    assert_eq!(status(&link).await, 404);
    let mut browser = Browser::new(&server, "demo");
    browser.headers.push(("accept-language", "fr".into()));
    let forgot = [("email", "Bea.Low@example.test")];
    browser.submit("/console/forgot", &forgot).await.expect(200).says("un lien est en route");
    let third = arrived(3).await;
    assert!(third.text.contains("Pour choisir votre mot de passe"), "{}", third.text);
    assert_eq!(status(&third.link().expect("a link")).await, 200);

    // The page says that a mail is on its way.
    let staff = format!("/console/staff/{}", made.data()["memberId"].as_str().unwrap());
    let page = send_form(&mut olga, &staff, &format!("{staff}/link"), &[]).await.expect(200);
    page.says("also sends it by mail to bea.low@example.test");
    let fourth = arrived(4).await.link().expect("a link");

    // With a password it is a reset.
    let person = [("password", "tulip-carbon-94"), ("passwordAgain", "tulip-carbon-94")];
    let path = &fourth[fourth.find("/console/").unwrap()..];
    assert_eq!(browser.submit(path, &person).await.location(), "/console");
    let printed = server.site().cli(&["staff", "reset", made.data()["memberId"].as_str().unwrap()]).success();
    let fifth = arrived(5).await;
    assert_eq!(fifth.header("Subject"), "A new password for the console of Demo");
    let token = |link: &str| link.rsplit('/').next().unwrap().to_owned();
    assert_eq!(token(&fifth.link().expect("a link")), token(printed.trim()));
    // The outbox of an entrypoint has none of them.
    assert_eq!(outbox(&client, "demo").await, Vec::<Value>::new());
});

both!(rules_25_without_a_mail_server_the_page_says_so, |db| async move {
    let server = Server::start(db).await;
    let client = master(&server);
    let mut olga = owner(&server).await;
    let made = client.post("/api/Staff", &bea("viewer")).await.expect(200);
    assert_eq!(made.data()["isMailed"], false, "{}", made.text);
    // As any other mail it lies in the folder.
    until("the mail is written", async || !messages(server.site()).is_empty()).await;
    assert_eq!(messages(server.site())[0].link().as_deref(), made.data()["link"].as_str());
    let staff = format!("/console/staff/{}", made.data()["memberId"].as_str().unwrap());
    let page = send_form(&mut olga, &staff, &format!("{staff}/link"), &[]).await.expect(200);
    let page = page.says("no mail server is set").says("Write a mail with it");
    assert!(!page.text.contains("also sends it by mail"), "{}", page.text);
});
