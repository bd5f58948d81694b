//! Columns of files for single addresses (rules 11, Files): they mean the same in an export and in an import.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

async fn import(client: &Client, target: &str, file: &str) -> Value {
    let request = client.request(Method::POST, &format!("/api/Import/customersForm/{target}"));
    let request = request.header("Content-Type", "text/csv").body(file.to_owned());
    send(request).await.expect(200).data().clone()
}

async fn export(client: &Client, entry: &str, columns: &str) -> String {
    let query = if columns.is_empty() { String::new() } else { format!("?columnsExport={columns}") };
    client.get(&format!("/api/Export/customers/csv/{entry}{query}")).await.expect(200).text
}

/// The addresses of the customer with a number: street or city, with `b` and `s` for the defaults.
async fn places(client: &Client, number: &str) -> Vec<String> {
    let list = client.get(&format!("/api/Query/customers/demo?customerNumber={number}")).await.expect(200);
    let all = list.json["Records"][0]["Addresses"].as_array().expect("addresses").clone();
    let mark = |address: &Value, name: &str, mark| if address[name] == true { mark } else { "" };
    let show = |address: &Value| {
        let text = address["address"].as_str().or(address["city"].as_str()).unwrap_or("-").to_owned();
        text + mark(address, "isDefaultBilling", " b") + mark(address, "isDefaultShipping", " s")
    };
    all.iter().map(show).collect()
}

both!(rules_11_numbered_addresses_go_out_and_in_as_they_are, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    // As a platform brings them: the further addresses are the second and the third one.
    let brought = "customerNumber,address,city,shippingAddress,address-2-address,address-2-city,address-3-address\r\n\
        T-1,4 Ash Way,Oakton,8 Bay Road,15 Cedar Hill,Reston,16 Dale End\r\nT-2,,,,17 Elm Row,,\r\n";
    import(&client, "demo", brought).await;
    let newest_last = |text: &str| {
        let mut lines: Vec<&str> = text.lines().collect();
        lines[1..].sort_unstable();
        lines.join("\r\n") + "\r\n"
    };
    let columns = brought.lines().next().unwrap();
    assert_eq!(newest_last(&export(&client, "demo", columns).await), brought);

    for (number, addresses) in [
        // Of both kinds, with what no flat field has.
        (
            "T-3",
            json!([{"address": "1 Both Row", "company": "Roe", "isDefaultBilling": true, "isDefaultShipping": true},
            {"address": "2 Near", "state": "VA"}, {"address": "2 Near"}]),
        ),
        // A default without a street; another one with a kind of its own and a phone.
        (
            "T-4",
            json!([{"city": "Oakton", "kind": "other", "isDefaultBilling": true},
            {"address": "3 Ship", "phone": "+12025550117", "isDefaultShipping": true, "kind": "other"}]),
        ),
        // None is a default; one is also another's default.
        (
            "T-5",
            json!([{"address": "5 Plain Row", "note": "ring twice"}, {"address": "6 Plain Row", "kind": "shipping"}]),
        ),
        (
            "T-6",
            json!([{"address": "7 Same", "isDefaultBilling": true}, {"address": "7 Same"}, {"address": "7 Same", "isDefaultShipping": true}]),
        ),
    ] {
        let body = json!({"customerNumber": number, "addresses": addresses});
        client.create("demo", &body, &[], &[]).await.expect(200);
    }
    let all = "customerNumber,Address,City,State,ShippingAddress,ShippingCity,address-1-address,address-1-company,address-1-kind,\
        address-1-isDefaultBilling,address-1-isDefaultShipping,address-2-address,address-2-state,address-2-note,address-2-kind,\
        address-2-isDefaultBilling,address-3-address,address-3-state,address-3-kind,address-4-address,address-billing-phone,\
        address-shipping-phone,address-shipping-kind";
    let sets = [
        all,
        &format!("{all},Addresses"),
        "customerNumber,address-1-address,address-1-city",
        "customerNumber,address-2-address,address-3-address",
        "customerNumber,City,address-1-address,address-1-isDefaultShipping,address-2-address",
        "customerNumber,City,address-billing-company,address-billing-kind,Address,address-2-city,address-2-address,address-3-address",
        "",
    ];
    let before = client.list("demo").await;
    let view = "customerNumber,Address,City,State,ShippingAddress,ShippingCity,Addresses";
    let whole = export(&client, "demo", view).await;
    for (index, columns) in sets.into_iter().enumerate() {
        let file = export(&client, "demo", columns).await;
        assert!(file.contains("7 Same"), "{file}");
        let copy = format!("copy{index}");
        new_entry(server.site(), &copy, &[]);
        for query in ["", "?mergeExisting=1&again=true"] {
            let done = import(&client, &format!("{copy}{query}"), &file).await;
            assert_eq!(done["rejected"], 0, "{columns}: {done}");
            assert_eq!(export(&client, &copy, columns).await, file, "{columns}{query}");
        }
        // Merged into the same customers, it changes nothing.
        let done = import(&client, "demo?mergeExisting=1&again=true", &file).await;
        assert_eq!((&done["merged"], &done["rejected"]), (&json!(6), &json!(0)), "{columns}: {done}");
        assert_eq!(client.list("demo").await, before, "{columns}");
    }
    assert_eq!(export(&client, "copy1", view).await, whole);
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_11_the_first_numbered_address_is_the_default_one, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let file = "customerNumber,address,address-1-address,address-1-company,address-1-isDefaultBilling,address-2-address,\
        address-2-isDefaultBilling,address-2-isDefaultShipping\n\
        F-1,,1 First,Roe,,2 Second,,\n\
        F-2,,1 First,,,2 Second,yes,\n\
        F-3,,1 First,,no,2 Second,,yes\n\
        F-4,1 First,1 First,,,2 Second,,\n\
        F-5,1 First,9 Other,,,2 Second,,\n";
    let done = import(&client, "demo", file).await;
    assert_eq!((&done["added"], &done["rejected"]), (&json!(4), &json!(1)), "{done}");
    let note = "Error on line 6: address-1-address: is the default billing address, like address";
    assert!(done["errors"][0].as_str().is_some_and(|text| text.starts_with(note)), "{done}");
    assert_eq!(places(&client, "F-1").await, ["1 First b", "2 Second"]);
    assert_eq!(places(&client, "F-2").await, ["1 First", "2 Second b"]);
    assert_eq!(places(&client, "F-3").await, ["1 First", "2 Second s"]);
    assert_eq!(places(&client, "F-4").await, ["1 First b", "2 Second"]);
    let list = client.get("/api/Query/customers/demo?customerNumber=F-1").await.expect(200);
    assert_eq!(list.json["Records"][0]["Addresses"][0]["company"], "Roe");

    // A merge writes onto the default, and adds the others; `false` takes no default away.
    let merge = "customerNumber,address-1-city,address-2-address,address-2-isDefaultBilling\n\
        F-1,Oakton,3 Third,no\nF-4,,1 First,no\n";
    let done = import(&client, "demo?mergeExisting=1", merge).await;
    assert_eq!(done["rejected"], 0, "{done}");
    assert_eq!(places(&client, "F-1").await, ["1 First b", "2 Second", "3 Third"]);
    assert_eq!(places(&client, "F-4").await, ["1 First b", "2 Second"]);
    let row = export(&client, "demo", "customerNumber,Address,City,address-1-city,address-3-address").await;
    assert!(row.contains("F-1,1 First,Oakton,Oakton,3 Third"), "{row}");
});
