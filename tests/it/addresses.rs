//! `Customer/{id}/addresses`: the list and the flat fields are one storage (rules 11).

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

fn list_path(id: u64) -> String {
    format!("{}/addresses", path(id))
}

fn one_path(id: u64, address: i64) -> String {
    format!("{}/addresses/{address}", path(id))
}

async fn list(client: &Client, id: u64) -> Vec<Value> {
    let answer = client.get(&list_path(id)).await.expect(200);
    let records = answer.json["Records"].as_array().expect("records").clone();
    assert_eq!(answer.json["Summary"]["totalRecords"], records.len(), "{}", answer.text);
    assert_eq!(read(client, id).await.json["Addresses"], json!(records), "the record shows the same list");
    records
}

/// The streets with their ids, marked where they are defaults.
async fn streets(client: &Client, id: u64) -> Vec<String> {
    let mark =
        |address: &Value, name: &str, mark: &'static str| if address[name] == true { mark } else { "" };
    list(client, id)
        .await
        .iter()
        .map(|address| {
            let (billing, shipping) =
                (mark(address, "isDefaultBilling", " b"), mark(address, "isDefaultShipping", " s"));
            format!("{} {}{billing}{shipping}", address["id"], address["address"].as_str().unwrap_or("-"))
        })
        .collect()
}

both!(rules_11_the_flat_fields_are_the_defaults_of_the_list, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let body = json!({
        "customerNumber": "A-1", "address": "9 Elm Row", "city": "Oakton", "zip": "22124", "country": "US",
        "shippingAddress": "12 Oak Lane", "shippingCity": "Reston", "shippingZip": "20190", "shippingCountry": "US",
    });
    let id = created(&client, "demo", &body).await;
    assert_eq!(streets(&client, id).await, ["1 9 Elm Row b", "2 12 Oak Lane s"]);
    // A new default takes the place of the old one, which stays in the list.
    let new = json!({"address": "1 Side Rd", "name": "Ada Roe", "phone": "(555) 555-0117", "zip": "10001", "country": "USA",
        "isDefaultBilling": true, "note": "ring\ntwice"});
    let before = read(&client, id).await;
    let answer = client
        .send(Method::POST, &list_path(id), Some(&new), &[("If-Match", &etag(&before))])
        .await
        .expect(200);
    assert_eq!(
        answer.data(),
        &json!({"id": 3, "kind": "billing", "name": "Ada Roe", "address": "1 Side Rd", "zip": "10001", "country": "US",
            "phone": "+15555550117", "note": "ring twice", "isDefaultBilling": true, "isDefaultShipping": false})
    );
    let record = read(&client, id).await;
    assert_eq!((etag(&answer), etag(&record) != etag(&before)), (etag(&record), true));
    assert_eq!(
        (&record.json["Address"], &record.json["City"], &record.json["Zip"]),
        (&json!("1 Side Rd"), &json!(null), &json!("10001"))
    );
    assert_eq!(streets(&client, id).await, ["1 9 Elm Row", "2 12 Oak Lane s", "3 1 Side Rd b"]);
    // A flat write changes the default and nothing else of it.
    client.put(&path(id), &json!({"address": "2 Side Rd"})).await.expect(200);
    let third = client.get(&one_path(id, 3)).await.expect(200).json;
    assert_eq!((&third["address"], &third["name"]), (&json!("2 Side Rd"), &json!("Ada Roe")));
    // A write of the list changes the flat fields.
    client.put(&one_path(id, 1), &json!({"isDefaultShipping": true, "city": "Vienna"})).await.expect(200);
    let record = read(&client, id).await.json;
    assert_eq!(
        (&record["ShippingAddress"], &record["ShippingCity"]),
        (&json!("9 Elm Row"), &json!("Vienna"))
    );
    assert_eq!(streets(&client, id).await, ["1 9 Elm Row s", "2 12 Oak Lane", "3 2 Side Rd b"]);
    // Deleting a default promotes nothing and empties the flat fields; its id is used up.
    client.delete(&one_path(id, 3)).await.expect(200);
    assert_eq!(read(&client, id).await.json["Address"], json!(null));
    client.put(&path(id), &json!({"address": "3 Side Rd"})).await.expect(200);
    assert_eq!(streets(&client, id).await, ["1 9 Elm Row s", "2 12 Oak Lane", "4 3 Side Rd b"]);
    for gone in [3, 99, 0] {
        client.get(&one_path(id, gone)).await.expect_error(404);
        client.put(&one_path(id, gone), &json!({"city": "X"})).await.expect_error(404);
        client.delete(&one_path(id, gone)).await.expect_error(404);
    }
    // Emptied flat fields delete the default.
    client.put(&path(id), &json!({"address": null, "city": ""})).await.expect(200);
    assert_eq!(streets(&client, id).await, ["1 9 Elm Row s", "2 12 Oak Lane"]);
    // The history has what changed, address by address.
    let entries = history(&client, id).await;
    let fields = |entry: &Value| {
        let changes = entry["changes"].as_array().unwrap();
        changes.iter().map(|change| change["field"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(fields(&entries[0]).contains(&"addresses.4.address".to_owned()), "{}", entries[0]);
    assert!(fields(&entries[3]).contains(&"addresses.1.city".to_owned()), "{}", entries[3]);
});

both!(rules_11_bodies_take_whole_lists, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let list_of = json!([
        {"address": "9 Elm Row", "isDefaultBilling": true, "isDefaultShipping": true, "company": "Roe"},
        {"address": "1 Side Rd", "kind": "shipping"},
    ]);
    let id = created(&client, "demo", &json!({"customerNumber": "A-1", "addresses": list_of})).await;
    assert_eq!(streets(&client, id).await, ["3 9 Elm Row b s", "4 1 Side Rd"]);
    let record = read(&client, id).await;
    assert_eq!(
        (&record.json["Address"], &record.json["ShippingAddress"]),
        (&json!("9 Elm Row"), &json!("9 Elm Row"))
    );
    // What a record shows can be sent back, with and without ids, and changes nothing.
    let shown = record.json["Addresses"].clone();
    let mut bare = shown.clone();
    bare.as_array_mut()
        .unwrap()
        .iter_mut()
        .for_each(|address| drop(address.as_object_mut().unwrap().remove("id")));
    for same in [shown, bare] {
        client.put(&path(id), &json!({"addresses": same})).await.expect(200);
        assert_eq!(etag(&read(&client, id).await), etag(&record));
    }
    // A flat write to one kind splits a default of both, so that the other keeps its value.
    client.put(&path(id), &json!({"shippingAddress": "12 Oak Lane"})).await.expect(200);
    assert_eq!(streets(&client, id).await, ["3 9 Elm Row b", "4 1 Side Rd", "5 12 Oak Lane s"]);
    // The flat fields of a body are written onto its list.
    let both = json!({"address": "10 Elm Row", "addresses": [{"id": 3, "address": "9 Elm Row", "isDefaultBilling": true}]});
    client.put(&path(id), &both).await.expect(200);
    assert_eq!(streets(&client, id).await, ["3 10 Elm Row b"]);
    client.put(&path(id), &json!({"addresses": []})).await.expect(200);
    assert_eq!(
        (streets(&client, id).await.len(), &read(&client, id).await.json["Address"]),
        (0, &json!(null))
    );
    // A replacement has what was sent and nothing else; a merge keeps a list that it does not name.
    client
        .put(&path(id), &json!({"addresses": [{"address": "1 A St"}, {"address": "2 B St"}]}))
        .await
        .expect(200);
    client
        .create("demo", &json!({"customerNumber": "A-1", "city": "Oakton"}), &[("mergeExisting", "1")], &[])
        .await
        .expect(200);
    assert_eq!(streets(&client, id).await, ["1 - b", "6 1 A St", "7 2 B St"]);
    client
        .create(
            "demo",
            &json!({"customerNumber": "A-1", "address": "3 C St"}),
            &[("replaceExisting", "1")],
            &[],
        )
        .await
        .expect(200);
    assert_eq!(streets(&client, id).await, ["1 3 C St b"]);
    for (body, place) in [
        (json!([{"address": "x"}, {"city": "y"}]), "/addresses/1/address"),
        (json!([{"address": "x", "id": 77}]), "/addresses/0/id"),
        (
            json!([{"address": "x", "isDefaultBilling": true}, {"address": "y", "isDefaultBilling": true}]),
            "/addresses/1/isDefaultBilling",
        ),
        (json!([{"address": "x", "colour": "y"}]), "/addresses/0/colour"),
        (json!([{"address": "x", "zip": "ABC", "country": "US", "isDefaultShipping": true}]), "/shippingZip"),
        (json!([{"address": "***", "city": "Nowhere"}]), "/addresses/0/address"),
        (json!("x"), "/addresses"),
        (json!(vec![json!({"address": "x"}); 51]), "/addresses"),
    ] {
        let answer = client.put(&path(id), &json!({"addresses": body})).await;
        assert_eq!(places(answer.expect_error(400)), set([place]), "{}", answer.text);
    }
});

both!(rules_11_an_address_has_keys_versions_scopes_and_masks_like_a_customer, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id = created(
        &client,
        "demo",
        &json!({"customerNumber": "A-1", "address": "9 Elm Row", "phone": "+15555550117"}),
    )
    .await;
    let body = json!({"address": "1 Side Rd", "address2": "Yard", "city": "Oakton", "phone": "+15555550118"});
    let keyed = [("Idempotency-Key", "address-1")];
    let first = client.send(Method::POST, &list_path(id), Some(&body), &keyed).await.expect(200);
    let again = client.send(Method::POST, &list_path(id), Some(&body), &keyed).await.expect(200);
    assert_eq!((again.replayed(), again.data()), (true, first.data()));
    let other = client.send(Method::POST, &list_path(id), Some(&json!({"address": "y"})), &keyed).await;
    other.expect_error(422);
    assert_eq!(streets(&client, id).await, ["1 9 Elm Row b", "3 1 Side Rd"]);
    let stale = [("If-Match", "\"1-0123456789abcdef\"")];
    for (method, place, body) in [
        (Method::POST, list_path(id), Some(&body)),
        (Method::PUT, one_path(id, 3), Some(&body)),
        (Method::DELETE, one_path(id, 3), None),
    ] {
        client.send(method, &place, body, &stale).await.expect_error(412);
    }
    // Masks stand for what is stored; who sees none may send none, and learns nothing from a write.
    let site = server.site();
    let masked = server.anonymous().token(&token_with(site, &["customers:read", "customers:write"]));
    let seen = masked.get(&one_path(id, 3)).await.expect(200).json;
    assert_eq!(
        (&seen["address"], &seen["address2"], &seen["city"], &seen["phone"]),
        (&json!("***"), &json!("***"), &json!("Oakton"), &json!("+1******0118"))
    );
    masked
        .put(&one_path(id, 3), &json!({"address": "***", "phone": "+1******0118", "city": "Vienna"}))
        .await
        .expect(200);
    let full = client.get(&one_path(id, 3)).await.expect(200).json;
    assert_eq!((&full["address"], &full["city"]), (&json!("1 Side Rd"), &json!("Vienna")));
    masked.put(&one_path(id, 3), &json!({"phone": "+1******0119"})).await.expect_error(400);
    let before = etag(&read(&masked, id).await);
    masked.put(&one_path(id, 3), &json!({"address": "1 Side Rd"})).await.expect(200);
    assert_ne!(etag(&read(&masked, id).await), before, "a guess is not told from a change");
    let entry = &history(&masked, id).await[1];
    assert_eq!(entry["changes"], json!([{"field": "addresses.3.city", "from": null, "to": null}]));
    let blind = server.anonymous().token(&token_with(site, &["customers:write"]));
    blind.get(&list_path(id)).await.expect_error(403);
    blind.put(&one_path(id, 3), &json!({"address": "***"})).await.expect_error(400);
    let answer = blind.post(&list_path(id), &json!({"address": "5 E St"})).await.expect(200);
    assert_eq!((answer.data(), answer.header("ETag")), (&json!({"id": 4}), None));
    let reader = server.anonymous().token(&token_with(site, &["customers:read"]));
    reader.post(&list_path(id), &body).await.expect_error(403);
    // Another organisation sees nothing.
    let org = new_org(site, "Elsewhere");
    new_entry_of(site, org, "elsewhere", &[]);
    let stranger = server.anonymous().token(&site.new_token(&["--org", &org.to_string(), "--all-entries"]));
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        stranger.send(method, &one_path(id, 3), Some(&json!({"city": "x"})), &[]).await.expect_error(404);
    }
    // A customer has at most fifty, and its filter looks at all of them.
    for number in 0..47 {
        client
            .post(&list_path(id), &json!({"address": format!("{number} Long Rd"), "zip": "Z-77"}))
            .await
            .expect(200);
    }
    let refused = client.post(&list_path(id), &json!({"address": "one more"})).await;
    assert_eq!(refused.expect_error(400).json["errors"][0]["code"], "too_many", "{}", refused.text);
    let found = client.get("/api/Query/customers/demo?anyaddress(ct)=46%20long%20rd").await.expect(200);
    assert_eq!(found.json["Records"][0]["customerId"], id, "{}", found.text);
    let none = client.get("/api/Query/customers/demo?anyaddress(nct)=z-77").await.expect(200);
    assert_eq!(none.json["Summary"]["totalRecords"], 0);
    masked.get("/api/Query/customers/demo?anyaddress(ct)=long").await.expect_error(400);
    client.delete(&path(id)).await.expect(200);
    client.post(&list_path(id), &body).await.expect_error(409);
    assert_eq!(list(&client, id).await.len(), 50);
});

both!(rules_11_nothing_of_an_erased_customer_remains, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let body = json!({"customerNumber": "A-1", "references": [{"system": "stripe", "externalId": "cus_Zq1"}],
        "addresses": [{"address": "77 Zebra Crossing", "name": "Zenobia", "isDefaultBilling": true}, {"address": "78 Zebra Crossing"}]});
    let id = created(&client, "demo", &body).await;
    let keyed = client.header("Idempotency-Key", "zebra");
    keyed.put(&one_path(id, 4), &json!({"note": "Zanzibar"})).await.expect(200);
    let added = client.header("Idempotency-Key", "third");
    let third = json!({"address": "79 Zebra Crossing"});
    let first = added.post(&list_path(id), &third).await.expect(200);
    client.delete(&format!("{}?erase=true", path(id))).await.expect(200);
    assert_eq!(streets(&client, id).await, Vec::<String>::new());
    client.get("/api/Customer/byReference/demo/stripe/cus_Zq1").await.expect_error(404);
    let text = read(&client, id).await.text + &json!(history(&client, id).await).to_string();
    for word in ["Zebra", "Zenobia", "cus_Zq1", "Zanzibar"] {
        assert!(!text.contains(word), "{word} in {text}");
    }
    // A repeated request tells the id of the address, and nothing else.
    let again = keyed.put(&one_path(id, 4), &json!({"note": "Zanzibar"})).await.expect(200);
    assert_eq!((again.replayed(), &again.data()["id"]), (true, &json!(4)), "{}", again.text);
    let again = added.post(&list_path(id), &third).await.expect(200);
    assert_eq!((again.replayed(), &again.data()["id"]), (true, &first.data()["id"]), "{}", again.text);
    assert!(!again.text.contains("Zebra") && first.data()["id"] != json!(0), "{}", again.text);
    server.site().cli(&["doctor", "--deep"]).success();
});

fleets!(rules_11_parallel_changes_leave_one_default, |fleet| async {
    let client = fleet.client(0);
    let id = created(&client, "demo", &json!({"customerNumber": "A-1", "address": "0 Elm Row"})).await;
    let adds = fleet
        .race(64, |number, client| async move {
            let body = json!({"address": format!("{number} Elm Row"), "isDefaultBilling": number % 2 == 0, "isDefaultShipping": true});
            client.post(&list_path(id), &body).await.status
        })
        .await;
    assert_eq!(adds.iter().filter(|status| **status == 200).count(), 49, "{adds:?}");
    assert!(adds.iter().all(|status| [200, 400].contains(status)), "{adds:?}");
    let found = list(&client, id).await;
    let record = read(&client, id).await.json;
    for (name, flat) in [("isDefaultBilling", "Address"), ("isDefaultShipping", "ShippingAddress")] {
        let defaults: Vec<&Value> = found.iter().filter(|address| address[name] == true).collect();
        assert_eq!((defaults.len(), &defaults[0]["address"]), (1, &record[flat]), "{name}");
    }
    let mut ids: Vec<i64> = found.iter().map(|address| address["id"].as_i64().unwrap()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 50);
});

/// Imports a file and waits for its end; the answer.
async fn import(client: &Client, query: &str, file: &str) -> Answer {
    let request = client.request(Method::POST, &format!("/api/Import/customersForm/{query}"));
    send(request.header("Content-Type", "text/csv").body(file.to_owned())).await.expect(200)
}

both!(rules_11_files_bring_addresses_and_references_in_and_out, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    new_entry(server.site(), "copy", &[]);
    let file = "customerNumber,address,city,shippingAddress,reference-shop,Reference-Stripe,address-2-address,address-2-kind,address-3-address,\
        address-3-isDefaultBilling,address-shipping-company,address-shipping-phone\n\
        B-1,1 Elm,Oakton,2 Oak,7;8,cus_9,5 Five St,other,,,Bea Ltd,+15555550133\n\
        B-3,,,,A:b,,9 Nine,,10 Ten,yes,,\n";
    import(&client, "demo", file).await;
    let bea = client.get("/api/Customer/byReference/demo/shop/8").await.expect(200);
    assert_eq!(streets(&client, bea.id()).await, ["1 1 Elm b", "2 2 Oak s", "3 5 Five St"]);
    let shipping = client.get(&one_path(bea.id(), 2)).await.expect(200).json;
    assert_eq!((&shipping["company"], &shipping["phone"]), (&json!("Bea Ltd"), &json!("+15555550133")));
    let cy = client.get("/api/Customer/byReference/demo/shop/A:b").await.expect(200);
    assert_eq!(
        (streets(&client, cy.id()).await, &cy.json["Address"]),
        (vec!["3 9 Nine".to_owned(), "4 10 Ten b".to_owned()], &json!("10 Ten"))
    );
    // An export goes in and out without a difference, and merging it changes nothing.
    let exported = client.get("/api/Export/customers/csv/demo").await.expect(200).text;
    import(&client, "copy", &exported).await;
    assert_eq!(client.get("/api/Export/customers/csv/copy").await.expect(200).text, exported);
    for again in [file, &exported] {
        import(&client, "demo?mergeExisting=1&again=true", again).await;
        assert_eq!(etag(&read(&client, bea.id()).await), etag(&bea));
    }
    // Columns merge into what a customer has: addresses are added, and of references those of the system are replaced.
    import(
        &client,
        "demo?mergeExisting=1",
        "customerNumber,reference-shop,address-2-address\nB-1,9,6 Six St\n",
    )
    .await;
    let references =
        client.get(&format!("{}/references", path(bea.id()))).await.expect(200).json["Records"].clone();
    assert_eq!(
        references,
        json!([{"system": "shop", "externalId": "9"}, {"system": "stripe", "externalId": "cus_9"}])
    );
    assert_eq!(streets(&client, bea.id()).await, ["1 1 Elm b", "2 2 Oak s", "3 5 Five St", "4 6 Six St"]);
    let columns = "columnsExport=customerNumber,reference-shop,address-3-address,address-9-city";
    let chosen = client.get(&format!("/api/Export/customers/csv/demo?{columns}")).await.expect(200).text;
    assert_eq!(
        chosen,
        "customerNumber,reference-shop,address-3-address,address-9-city\r\nB-1,9,6 Six St,\r\nB-3,A:b,,\r\n"
    );
    // Bad cells are named by their columns.
    for (header, cell, note) in [
        ("address-2-city", "Oakton", "address-2-address: every address has a street"),
        (
            "address-2-kind,address-2-address",
            "castle,x",
            "address-2-kind: must be one of billing, shipping, other",
        ),
        (
            "address-2-isDefaultBilling,address-2-address",
            "maybe,x",
            "address-2-isDefaultBilling: must be true or false",
        ),
        ("Addresses", "[1]", "addresses: must be an address, not a number"),
        ("Addresses", "x", "addresses: must be a JSON array of addresses"),
        ("References", "nocolon", "references: each must have the form system:externalId"),
        ("References", "shop:7;nocolon", "references: each must have the form system:externalId"),
        ("References", "[7]", "references: must be a JSON array of strings"),
        ("reference-shop", "[7]", "reference-shop: must be a JSON array of strings"),
        ("address-shipping-phone,shippingAddress", "12,x", "address-shipping-phone: must start with +"),
    ] {
        let answer =
            import(&client, "demo?dryRun=true", &format!("customerNumber,{header}\nX-1,{cell}\n")).await;
        assert!(answer.text.contains(note), "{header}: {}", answer.text);
    }
    // A reference of another customer stands in the way.
    let taken =
        import(&client, "demo?forceCustomerCreation=true", "customerNumber,reference-shop\nX-2,9\n").await;
    assert!(taken.text.contains("reference-shop"), "{}", taken.text);
});
