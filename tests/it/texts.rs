//! Texts as people send them: invisible characters, spellings of addresses and numbers, names, line breaks, countries.

use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

/// The ids of the customers that a query of the list finds, oldest first.
async fn found(client: &Client, entry: &str, query: &[(&str, &str)]) -> Vec<u64> {
    let query: Vec<String> = query
        .iter()
        .map(|(name, value)| {
            format!("{name}={}", form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>())
        })
        .collect();
    let list = client.get(&format!("/api/Query/customers/{entry}?{}", query.join("&"))).await.expect(200);
    let mut ids: Vec<u64> = list.json["Records"]
        .as_array()
        .expect("records")
        .iter()
        .map(|record| record["customerId"].as_u64().expect("an id"))
        .collect();
    ids.sort_unstable();
    ids
}

/// Asserts that a create matches a stored customer.
async fn matches(client: &Client, entry: &str, body: Value, id: u64) {
    let answer = client.create(entry, &body, &[], &[]).await.expect(200);
    assert_eq!((answer.outcome(), answer.id()), ("matched", id), "{body}: {}", answer.text);
}

both!(rules_3_an_address_is_one_customer_however_it_is_typed, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id = created(&client, "demo", &json!({"email": "lea.ost@example.test\u{2060}"})).await;
    assert_eq!(read(&client, id).await.json["Email"], "lea.ost@example.test");
    for typed in [
        "lea.ost@example.test",
        "lea\u{200b}.ost@exam\u{ad}ple.test",
        "\u{feff}lea.ost@example.test\u{200e}",
        "Ｌｅａ．Ｏｓｔ＠ｅｘａｍｐｌｅ．ｔｅｓｔ",
        "lea.ost@example\u{3002}test",
        "lea.ost@example.test\n",
        "LEA\u{200d}.OST@EXAMPLE.TEST",
    ] {
        matches(&client, "demo", json!({"email": typed}), id).await;
        assert_eq!(found(&client, "demo", &[("email", typed)]).await, [id], "{typed:?}");
        assert_eq!(found(&client, "demo", &[("search", typed.trim())]).await, [id], "{typed:?}");
    }
    assert_eq!(total(&client, "demo").await, 1);
    // What is still no address after that is refused.
    for bad in
        ["lea ost@example.test", "lea\u{0}ost@example.test", "lea.ost@exam ple.test", "\u{200b}@example.test"]
    {
        let answer = client.create("demo", &json!({"email": bad}), &[], &[]).await;
        assert_eq!(places(answer.expect_error(400)), set(["/email"]), "{bad:?}");
    }
});

both!(rules_3_a_domain_is_one_name_in_either_spelling, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id = created(&client, "demo", &json!({"email": "Post@Käse-Hütte.example"})).await;
    assert_eq!(read(&client, id).await.json["Email"], "Post@Käse-Hütte.example", "as the person typed it");
    for typed in [
        "post@xn--kse-htte-0za8v.example",
        "POST@KÄSE-HÜTTE.EXAMPLE",
        "post@ka\u{308}se-hu\u{308}tte.example",
    ] {
        matches(&client, "demo", json!({"email": typed}), id).await;
        assert_eq!(found(&client, "demo", &[("email", typed)]).await, [id], "{typed}");
        assert_eq!(found(&client, "demo", &[("email(ct)", typed)]).await, [id], "{typed}");
        assert_eq!(found(&client, "demo", &[("search", typed)]).await, [id], "{typed}");
    }
    for part in ["käse", "xn--kse-htte", "@KÄSE-Hütte"] {
        assert_eq!(found(&client, "demo", &[("email(ct)", part)]).await, [id], "{part}");
    }
    // The other way round: stored by its ASCII form.
    let ascii = created(&client, "demo", &json!({"email": "post@xn--mller-kva.example"})).await;
    matches(&client, "demo", json!({"email": "post@müller.example"}), ascii).await;
    assert_eq!(found(&client, "demo", &[("search", "müller")]).await, [ascii]);
    assert_eq!(found(&client, "demo", &[("email(ct)", "@müller")]).await, [ascii]);
    // Different owners stay two.
    for (one, other) in [
        ("info@großkopf.example", "info@grosskopf.example"),
        ("weiß@post.example", "weiss@post.example"),
        ("kali@βόλος.example", "kali@βόλοσ.example"),
    ] {
        let first = created(&client, "demo", &json!({"email": one})).await;
        let second = created(&client, "demo", &json!({"email": other})).await;
        matches(&client, "demo", json!({"email": one}), first).await;
        matches(&client, "demo", json!({"email": other}), second).await;
        assert_eq!(found(&client, "demo", &[("email", one)]).await, [first]);
        assert_eq!(found(&client, "demo", &[("email", other)]).await, [second]);
    }
    // A change to another spelling changes nobody else, and to another's address is refused.
    client.put(&path(id), &json!({"email": "post@xn--kse-htte-0za8v.example"})).await.expect(200);
    client.put(&path(id), &json!({"email": "post@müller.example"})).await.expect_error(409);
});

both!(rules_2_a_text_loses_what_nobody_sees, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let body = json!({
        "customerNumber": "N\u{200b}-7\u{feff}", "firstname": "Lé\u{ad}a", "lastname": "\u{202a}Ost\u{202c}", "city": "\u{200b}\u{3164}",
        "company": "👩\u{200d}👧 \u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}", "labels": ["VI\u{200d}P", "VIP"],
        "additionalFields": {"no\u{2060}te": "\u{2066}x\u{2069}", "none": "\u{200e}"}, "birthday": "\u{200e}1985-04-12",
        "createdAt": "\u{200e}2020-01-02 03:04:05",
    });
    let id = created(&client, "demo", &body).await;
    let record = read(&client, id).await.json;
    assert_eq!(record["customerNumber"], "N-7");
    assert_eq!((&record["Firstname"], &record["Lastname"]), (&json!("Léa"), &json!("Ost")));
    assert_eq!(record["City"], Value::Null, "what looks empty is empty");
    assert_eq!(record["Company"], body["company"], "emoji and Persian keep their joiners");
    assert_eq!(record["Labels"], json!(["VIP"]));
    assert_eq!(record["AdditionalFields"], json!({"note": "x"}));
    assert_eq!(record["Birthday"], "1985-04-12");
    matches(&client, "demo", json!({"customerNumber": "\u{2060}N-7"}), id).await;
    assert_eq!(found(&client, "demo", &[("lastname", "O\u{200b}st")]).await, [id]);
    assert_eq!(found(&client, "demo", &[("label", "V\u{ad}IP")]).await, [id]);
});

both!(rules_2_line_breaks_and_tabs_are_white_space, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let body = json!({
        "customerNumber": "N-1", "address": "Hof 7\r\nHinterhaus\n", "address1": "3. Stock,\nlinks", "shippingAddress": "a\u{2028}b",
        "shippingAddress1": "a\u{85}b", "company": "Ost\r\nund West", "fullname": "Lea\tOst", "city": "Bad \n Orb", "labels": ["two\nlines"],
        "additionalFields": {"note": "a\n\nb\tc"},
    });
    let id = created(&client, "demo", &body).await;
    let record = read(&client, id).await.json;
    for (key, wanted) in [
        ("Address", "Hof 7, Hinterhaus"),
        ("Address1", "3. Stock, links"),
        ("ShippingAddress", "a, b"),
        ("ShippingAddress1", "a, b"),
        ("Company", "Ost und West"),
        ("Fullname", "Lea Ost"),
        ("City", "Bad Orb"),
    ] {
        assert_eq!(record[key], wanted, "{key}");
    }
    assert_eq!(record["Labels"], json!(["two lines"]));
    assert_eq!(record["AdditionalFields"], json!({"note": "a b c"}));
    assert_eq!(found(&client, "demo", &[("city", "Bad\nOrb")]).await, [id]);
});

both!(rules_2_a_number_with_letters_or_a_fraction_is_no_phone, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    new_entry(server.site(), "it", &["--country", "IT"]);
    for (phone, seen) in [
        ("3287654321.0", "decimal point"),
        ("393287654321.50", "decimal point"),
        ("3287654321,0", "decimal point"),
        ("3.93288E+11", "exponent"),
        ("3,93288E11", "exponent"),
        ("06 698 12345 Nonna", "letters"),
        ("0669812345 o 0669812346", "letters"),
        ("+1 800 GOFEDEX", "letters"),
    ] {
        let answer = client.create("it", &json!({"customerNumber": "P", "phone": phone}), &[], &[]).await;
        assert_eq!(places(answer.expect_error(400)), set(["/phone"]), "{phone}");
        let message = answer.json["errors"][0]["message"].as_str().expect("a message");
        assert!(message.contains(seen), "{phone}: {message}");
        assert!(
            !answer.text.contains("Nonna")
                && !answer.text.contains("GOFEDEX")
                && !answer.text.contains("3287654321")
        );
    }
    for (number, (phone, stored)) in [
        ("06 698 12345 poste 12", "+390669812345 x12"),
        ("06 698 12345 Ext. 12", "+390669812345 x12"),
        ("06 698 12345 #12", "+390669812345 x12"),
        ("328.765.4321", "+393287654321"),
        ("０６ ６９８ １２３４５", "+390669812345"),
        ("06 698\u{200b} 12345\t", "+390669812345"),
    ]
    .into_iter()
    .enumerate()
    {
        let id =
            created(&client, "it", &json!({"customerNumber": format!("P-{number}"), "phone": phone})).await;
        assert_eq!(read(&client, id).await.json["Phone"], stored, "{phone}");
    }
});

both!(rules_8_a_phone_is_found_by_the_text_that_made_it, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    new_entry(server.site(), "us", &["--country", "US"]);
    for (number, (country, typed)) in [
        ("GB", "0113 496 0999"),
        ("GB", "0044 113 496 0998"),
        ("DE", "030 / 90 18 20"),
        ("FR", "01 23 45 67 89"),
        ("IT", "06 698 12345"),
        ("HU", "06 1 234 5678"),
        ("RU", "8 (495) 123-45-67"),
        ("AU", "(02) 5550 1234"),
        ("JP", "03-1234-5678"),
        // A search takes each word by itself, so none of the numbers may have all groups of digits of another.
        ("BR", "(21) 99876-5432"),
        ("US", "(555) 555-0117"),
        ("US", "011 44 113 496 0997"),
        ("ES", "+34 912 34 56 78"),
        ("GB", "+44 (0)113 496 0996"),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({"customerNumber": format!("P-{number}"), "country": country, "phone": typed});
        let id = created(&client, "us", &body).await;
        for name in ["search", "phone", "phone(ct)"] {
            assert_eq!(found(&client, "us", &[(name, typed)]).await, [id], "{name}={typed}");
        }
        let negated = found(&client, "us", &[("phone(ne)", typed)]).await;
        assert!(!negated.contains(&id) && negated.len() == number, "phone(ne)={typed}: {negated:?}");
    }
});

both!(rules_8_people_are_found_by_every_name_and_spelling, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let shop = json!({"fullname": "Ostwind Segel GmbH", "firstname": "Frédérique", "lastname": "D\u{2019}Æther", "company": "Ostwind"});
    let id = created(&client, "demo", &shop).await;
    for text in
        ["ostwind segel", "frederique d'aether", "Frédérique D\u{2bc}Æther", "segel aether", "D`AETHER"]
    {
        assert_eq!(found(&client, "demo", &[("search", text)]).await, [id], "{text}");
    }
    for text in ["segel gmbh", "frédérique d\u{2019}æther"] {
        assert_eq!(found(&client, "demo", &[("name(ct)", text)]).await, [id], "{text}");
        assert_eq!(found(&client, "demo", &[("name(nct)", text)]).await, Vec::<u64>::new(), "{text}");
    }
    let names = [
        ("Øyvind", "oyvind"),
        ("Œdipe", "oedipe"),
        ("Łucja", "lucja"),
        ("Đurđa", "durda"),
        ("Weiß", "weiss"),
        ("weiss-kopf", "WEIẞ"),
    ];
    for (number, (stored, typed)) in names.into_iter().enumerate() {
        let made =
            created(&client, "demo", &json!({"customerNumber": format!("S-{number}"), "lastname": stored}))
                .await;
        assert!(found(&client, "demo", &[("search", typed)]).await.contains(&made), "{typed}");
    }
    // The matcher takes apostrophes as one, and letters as they are.
    new_entry(server.site(), "names", &["--identifier", "firstname+lastname"]);
    let name = |first: &str, last: &str| json!({"firstname": first, "lastname": last});
    let sean = created(&client, "names", &name("Se\u{e1}n", "O\u{2019}Dea")).await;
    for last in ["O'Dea", "o`dea", "O\u{2bc}DEA", "O\u{b4}Dea"] {
        matches(&client, "names", name("se\u{e1}n", last), sean).await;
    }
    for (first, last) in [("Sean", "O'Dea"), ("Se\u{e1}n", "ODea"), ("Sæan", "O'Dea")] {
        created(&client, "names", &name(first, last)).await;
    }
});

both!(rules_2_countries_have_the_names_that_people_use, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    for (number, (typed, code)) in [
        ("Vietnam", "VN"),
        ("U.A.E.", "AE"),
        ("Wales", "GB"),
        ("Ivory Coast", "CI"),
        ("Burma", "MM"),
        ("Hong Kong SAR China", "HK"),
        ("Kosovo", "XK"),
        ("xk", "XK"),
        ("Kingdom of Norway", "NO"),
        ("St. Lucia", "LC"),
    ]
    .into_iter()
    .enumerate()
    {
        let body =
            json!({"customerNumber": format!("C-{number}"), "country": typed, "shippingCountry": typed});
        let record = read(&client, created(&client, "demo", &body).await).await.json;
        assert_eq!((&record["Country"], &record["ShippingCountry"]), (&json!(code), &json!(code)), "{typed}");
        assert!(!found(&client, "demo", &[("country", typed)]).await.is_empty(), "{typed}");
    }
});

both!(rules_2_an_address_is_no_username_of_another_in_any_spelling, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let spellings = ["zz@bücher.example", "zz@xn--bcher-kva.example", "ZZ@BÜCHER.example"];
    for (number, username) in spellings.iter().enumerate() {
        let name = username.replacen(['z', 'Z'], &number.to_string(), 1);
        let own = json!({"customerNumber": format!("U-{number}"), "customerUsername": name});
        created(&client, "demo", &own).await;
        for address in spellings {
            let address = address.replacen(['z', 'Z'], &number.to_string(), 1);
            let other = json!({"customerNumber": format!("A-{address}"), "email": address});
            let refused = client.post("/api/Customer/single/demo", &other).await;
            refused.expect_error(409);
        }
    }
});
