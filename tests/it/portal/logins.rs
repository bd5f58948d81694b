//! Changes of the login over the API: the owner is told by mail, and sessions and links end.

use super::*;

/// The recipients and subjects of the mails after the first ones.
async fn told(server: &Server, client: &Client, before: usize) -> Vec<(String, String)> {
    until_all_sent(client, "demo").await;
    let mut all: Vec<(String, String)> = mails(server.site())[before..]
        .iter()
        .map(|mail| (mail.header("To").to_owned(), mail.header("Subject").to_owned()))
        .collect();
    all.sort();
    all
}

async fn so_far(server: &Server, client: &Client) -> usize {
    until_all_sent(client, "demo").await;
    if mail_folder(server.site()).exists() { mails(server.site()).len() } else { 0 }
}

both!(rules_2_the_owner_is_told_of_another_login_and_signed_out, |db| async {
    let server = start(db).await;
    let client = server.client();
    let id = with_account(&client).await;
    let mut email = EMAIL.to_owned();
    let import = async |row: &str| {
        let (header, values) = row.split_once('\n').expect("a header");
        let file = format!("customerNumber,{header}\nACC-9,{values}\n");
        let request = client.request(reqwest::Method::POST, "/api/Import/customersForm/demo?mergeExisting=1");
        let done = send(request.header("Content-Type", "text/csv").body(file)).await.expect(200);
        assert_eq!(done.data()["merged"], 1, "{}", done.text);
    };
    client.put(&path(id), &json!({"customerNumber": "ACC-9"})).await.expect(200);

    for way in ["put", "merge", "import"] {
        for (field, value, subject) in [
            ("customerPsw", "seven lamps of stone", "Your password at demo was changed"),
            ("customerUsername", "ada-", "Your username at demo was changed"),
            ("email", "@example.test", "Your e-mail address at demo was changed"),
        ] {
            let value = match field {
                "customerPsw" => format!("{value} {way}"),
                "customerUsername" => format!("{value}{way}"),
                _ => format!("{way}{value}"),
            };
            let mut browser = Browser::new(&server, "demo");
            let status = client.put(&path(id), &json!({"customerPsw": PASSWORD})).await.status;
            assert_eq!(status, 200);
            browser.sign_in(&email, PASSWORD).await.expect(303);
            Browser::new(&server, "demo").submit("/portal/demo/forgot-password", &[("login", &email)]).await;
            let link = newest_link(&server, &client, "demo").await;
            Browser::new(&server, "demo").get(&link).await.expect(200);
            let before = so_far(&server, &client).await;
            match way {
                "put" => drop(client.put(&path(id), &json!({ field: value })).await.expect(200)),
                "merge" => {
                    let body = json!({"customerNumber": "ACC-9", field: value});
                    drop(client.create("demo", &body, &[("mergeExisting", "1")], &[]).await.expect(200));
                }
                _ => import(&format!("{field}\n{value}")).await,
            }
            assert_eq!(
                told(&server, &client, before).await,
                [(email.clone(), subject.to_owned())],
                "{field} by {way} goes to the address before"
            );
            assert!(!browser.is_in().await, "{field} by {way} ends the session");
            let page = Browser::new(&server, "demo").get(&link).await;
            assert_ne!(page.status, 200, "{field} by {way} ends the link");
            if field == "email" {
                email = value;
            }
        }
    }

    // No change, no mail; another case of the address is the same address.
    let before = so_far(&server, &client).await;
    let same = json!({"email": email.to_uppercase(), "customerUsername": "ada-import", "city": "Bath"});
    client.put(&path(id), &same).await.expect(200);
    assert_eq!(told(&server, &client, before).await, []);
    // Each of two changes is told to the address before it.
    client.put(&path(id), &json!({"email": "b@example.test"})).await.expect(200);
    client.put(&path(id), &json!({"email": "c@example.test"})).await.expect(200);
    let to: Vec<String> = told(&server, &client, before).await.into_iter().map(|(to, _)| to).collect();
    assert_eq!(to, [email.to_uppercase(), "b@example.test".to_owned()]);
    // Who has no account and no invitation has no login that somebody could take.
    let prospect = created(&client, "demo", &json!({"email": "prospect@example.test"})).await;
    let before = so_far(&server, &client).await;
    client.put(&path(prospect), &json!({"email": "p@example.test"})).await.expect(200);
    assert_eq!(told(&server, &client, before).await, []);
    invite(&client, prospect).await.expect(200);
    let before = so_far(&server, &client).await;
    client.put(&path(prospect), &json!({"email": "q@example.test"})).await.expect(200);
    let expected = ("p@example.test".to_owned(), "Your e-mail address at demo was changed".to_owned());
    assert_eq!(told(&server, &client, before).await, [expected]);
});

both!(rules_2_the_mails_about_a_login_are_in_the_language_of_the_store, |db| async {
    let server = start(db).await;
    let site = server.site();
    new_entry(site, "boutique", &["--language", "fr", "--store-name", "Chez Ada"]);
    let client = server.client();
    let body = json!({"email": EMAIL, "customerUsername": "ada", "customerPsw": PASSWORD});
    let id = created(&client, "boutique", &body).await;
    let change =
        json!({"email": "eve@example.test", "customerUsername": "eve", "customerPsw": OTHER_PASSWORD});
    client.put(&path(id), &change).await.expect(200);
    until_all_sent(&client, "boutique").await;
    let mails = mails(site);
    for said in [
        "L’adresse e-mail de votre compte",
        "L’identifiant de votre compte",
        "Le mot de passe de votre compte",
    ] {
        assert!(
            mails.iter().any(|mail| mail.text.contains(said) && mail.html.contains(said)),
            "{said}: {mails:?}"
        );
    }
    assert_eq!(mails.len(), 3);
    for mail in &mails {
        assert_eq!(mail.header("To"), EMAIL, "the new address may be a stranger's");
        assert!(!format!("{mail:?}").contains("eve@"), "{mail:?}");
    }
});

both!(rules_10_the_sign_in_page_repeats_no_card_number, |db| async {
    let server = start(db).await;
    for login in ["4111 1111 1111 1111", "4111111111111111"] {
        let page = Browser::new(&server, "demo").sign_in(login, PASSWORD).await;
        assert!(!page.text.contains("4111"), "{}", page.text);
    }
    let page = Browser::new(&server, "demo").sign_in("nobody@example.test", PASSWORD).await;
    assert!(page.text.contains("nobody@example.test"), "{}", page.text);
});
