//! Requests for files, and what the service refuses.

use serde_json::json;

use super::*;
use crate::support::*;

both!(contract_9_1_columns_are_chosen_renamed_and_refused, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    create_nasty(&client, "demo").await;
    let chosen =
        table(&client, &format!("{CSV}?columnsExport=EMAIL:mail,%20createdDate,username,additional-a+key:k"))
            .await;
    assert_eq!(chosen.headings, ["mail", "createdDate", "username", "k"]);
    assert_eq!(chosen.rows[0], ["ada.roe@example.test", "2020-01-02T03:04:05.678901Z", "ada", "'@x"]);
    let default = client.get(CSV).await.expect(200).text;
    assert_eq!(client.get(&format!("{CSV}?columnsExport=")).await.expect(200).text, default);
    for (columns, expected) in [
        ("Emial", "did you mean Email?"),
        ("qqqq", "additional-<name>"),
        ("customerPsw", "is no column"),
        ("Email,", "is no column"),
        ("Email:1st", "no heading"),
        ("Email:x%20y", "no heading"),
        ("Email:x,Phone:X", "heads two columns"),
    ] {
        for path in [CSV, XLSX, "/api/Query/customers/demo?exportFormat=csv"] {
            let and = if path.contains('?') { '&' } else { '?' };
            let answer = client.get(&format!("{path}{and}columnsExport={columns}")).await;
            assert_eq!(places(answer.expect_error(400)), set(["?columnsExport"]), "{}", answer.text);
            assert!(answer.text.contains(expected), "{columns}: {}", answer.text);
        }
    }
});

both!(contract_6_3_exports_take_the_filters_of_lists_in_all_forms, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    create_nasty(&client, "demo").await;
    let wanted = table(&client, &format!("{CSV}?email(ct)=ada&status=85")).await;
    assert_eq!(wanted.column("Email"), ["ada.roe@example.test"]);
    for query in [
        "parameters%5Bemail%28ct%29%5D=ada&parameters[status]=85",
        "parameters=%7B%22email(ct)%22%3A%22ada%22%2C%22status(in)%22%3A%2285%22%7D",
        "search=ada+msc",
        "customerId(le)=1",
    ] {
        assert_eq!(table(&client, &format!("{CSV}?{query}")).await, wanted, "{query}");
    }
    let mails = async |query: &str| {
        let table = table(&client, &format!("{CSV}?{query}")).await;
        table.column("Email").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let all = mails("").await;
    assert_eq!(all[0], "ada.roe@example.test", "oldest first");
    for query in ["limitRecord=0", "limitRecord=-1", "limitRecord=5000000000", "sortBy=asc(customerId)"] {
        assert_eq!(mails(query).await, all, "{query}");
    }
    let newest: Vec<_> = all.iter().rev().cloned().collect();
    assert_eq!(mails("sortBy=desc(customerId)").await, newest);
    assert_eq!(mails("fromRecord=2&limitRecord=3").await, all[2..5]);
    assert_eq!(mails("fromRecord=900").await.len(), 0);
    assert_eq!(mails("firstname=nobody").await.len(), 0);
    for (query, place) in [
        ("emial(ct)=x", "?emial(ct)"),
        ("email(gt)=x", "?email(gt)"),
        ("sortBy=up(email)", "?sortBy"),
        ("limitRecord=x", "?limitRecord"),
        ("fromRecord=-1", "?fromRecord"),
        ("pageIdentifier=x", "?pageIdentifier"),
        ("exportFormat=csv", "?exportFormat"),
        ("columnsExport=Email&columnsExport=Phone", "?columnsExport"),
    ] {
        let answer = client.get(&format!("{CSV}?{query}")).await;
        assert_eq!(places(answer.expect_error(400)), set([place]), "{query}: {}", answer.text);
    }
});

both!(contract_9_1_only_csv_and_xlsx_are_formats, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    for path in ["/api/Export/customers/pdf/demo", "/api/Export/customers/CSV/org/1"] {
        let answer = client.get(&format!("{path}?columnsExport=qqqq")).await;
        assert_eq!(places(answer.expect_error(400)), set(["?format", "?columnsExport"]), "{}", answer.text);
        assert!(answer.text.contains("must be csv or xlsx"), "{}", answer.text);
    }
    // What the token may not see is checked before the query.
    client.get("/api/Export/customers/pdf/nowhere").await.expect_error(404);
});

both!(contract_6_4_a_list_answers_with_a_file_on_request, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    create_nasty(&client, "demo").await;
    // More records than one page of a list.
    for number in 0..20 {
        created(&client, "demo", &json!({"customerNumber": format!("more-{number}")})).await;
    }
    for query in ["", "&email(ct)=example&sortBy=desc(email)", "&limitRecord=2&columnsExport=Email:m,entry"] {
        for (list, export) in [("demo", "demo"), ("org/1", "org/1")] {
            let as_list = format!("/api/Query/customers/{list}?exportFormat=csv{query}");
            let as_export = format!("/api/Export/customers/csv/{export}?{}", query.trim_start_matches('&'));
            let wanted = client.get(&as_export).await.expect(200).text;
            assert_eq!(client.get(&as_list).await.expect(200).text, wanted, "{as_list}");
        }
    }
    assert_eq!(table(&client, "/api/Query/customers/demo?exportFormat=csv").await.rows.len(), 27);
    let book = workbook(&server, &client, "/api/Query/customers/demo?exportFormat=xlsx").await;
    assert_eq!(book["rows"].as_array().unwrap().len(), 28);
    for (query, place, expected) in [
        ("exportFormat=pdf", "?exportFormat", "csv or xlsx"),
        ("columnsExport=Email", "?columnsExport", "exportFormat"),
        ("exportFormat=&columnsExport=Email", "?columnsExport", "exportFormat"),
        ("exportFormat=csv&pageIdentifier=x", "?pageIdentifier", "no pages"),
    ] {
        let answer = client.get(&format!("/api/Query/customers/demo?{query}")).await;
        assert_eq!(places(answer.expect_error(400)), set([place]), "{query}: {}", answer.text);
        assert!(answer.text.contains(expected), "{query}: {}", answer.text);
    }
});

both!(rules_1_an_export_needs_its_scope, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    let client = |scopes: &[&str]| server.anonymous().token(&token_with(site, scopes));
    let (reader, exporter) = (client(&["customers:read", "pii:read"]), client(&["customers:export"]));
    let both = client(&["customers:read", "customers:export"]);
    let list = "/api/Query/customers/demo?exportFormat=csv";
    let refused = reader.get(list).await;
    assert!(refused.expect_error(403).text.contains("customers:export"), "{}", refused.text);
    reader.get("/api/Query/customers/org/1?exportFormat=xlsx").await.expect_error(403);
    reader.get("/api/Query/customers/nowhere?exportFormat=csv").await.expect_error(403);
    reader.get(CSV).await.expect_error(403);
    reader.get("/api/Query/customers/demo?exportFormat=").await.expect(200);
    exporter.get(CSV).await.expect(200);
    assert!(exporter.get(list).await.expect_error(403).text.contains("customers:read"));
    both.get(list).await.expect(200);
    server.anonymous().get(CSV).await.expect_error(401);
});
