//! Errors that say what to do, and request limits that tell themselves before they refuse.

use reqwest::Method;
use serde_json::json;

use super::*;
use crate::support::*;

both!(rules_6_every_error_has_a_body, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    for (method, path, status) in [
        (Method::GET, "/nowhere", 404),
        (Method::GET, "/swagger-ui/nowhere.js", 404),
        (Method::GET, "/swagger-ui/swagger-ui.css/x", 404),
        (Method::GET, "/swagger-uix", 404),
        (Method::GET, "/openapi.json/", 404),
        (Method::GET, "/health", 404),
        (Method::GET, "/api/Token/", 404),
        (Method::GET, "/api", 404),
        (Method::POST, "/", 405),
        (Method::DELETE, "/swagger-ui/", 405),
        (Method::PATCH, "/openapi.json", 405),
        (Method::OPTIONS, "/api/Token", 405),
    ] {
        let answer = client.send(method.clone(), path, None, &[]).await;
        answer.expect_error(status);
        if status == 404 {
            assert_eq!(answer.json["responseText"], "No such route", "{path}");
        }
    }
    for (method, path) in [
        (Method::GET, "/portal"),
        (Method::GET, "/portal/"),
        (Method::GET, "/portal/nowhere"),
        (Method::GET, "/portal/demo/nowhere"),
        (Method::GET, "/portal/demo//"),
        (Method::PUT, "/portal/demo/sign-in"),
        (Method::GET, "/portal/demo/sign-out"),
    ] {
        let answer = client.send(method.clone(), path, None, &[]).await.expect(404);
        assert!(answer.text.contains("<h1"), "{method} {path}: {}", answer.text);
    }
});

both!(rules_6_letters_that_are_not_encoded_in_an_address_get_the_one_error_body, |db| async {
    let server = Server::start(db).await;
    for address in [
        "/api/Query/customers/demo?search=müller".as_bytes(),
        "/api/Query/customers/demo?email(ct)=日本".as_bytes(),
        // The same in Latin-1, and not at the end.
        b"/api/Query/customers/demo?search=m\xFCller&limitRecord=5",
        "/openapi.json?ä".as_bytes(),
        "/portal/bücher".as_bytes(),
    ] {
        for method in ["GET", "HEAD", "POST"] {
            let request =
                [method.as_bytes(), b" ", address, b" HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"];
            let answer = raw(&server, request.concat()).await;
            let place = String::from_utf8_lossy(address);
            assert!(answer.starts_with("HTTP/1.1 400 "), "{method} {place}: {answer}");
            assert_eq!(header(&answer, "Content-Type"), Some("application/json"), "{method} {place}");
            assert_eq!(header(&answer, "X-Content-Type-Options"), Some("nosniff"), "{method} {place}");
            let (_, body) = answer.split_once("\r\n\r\n").unwrap();
            let body: serde_json::Value =
                serde_json::from_str(body).unwrap_or_else(|_| panic!("{method} {place}: {body}"));
            assert_eq!(body["responseText"], "No HTTP request", "{method} {place}");
            assert_eq!(header(&answer, "X-Request-Id"), body["requestId"].as_str(), "{method} {place}");
            let advice = body["responseData"]["todoAction"].as_str().unwrap();
            assert!(advice.contains("percent-encoded"), "{advice}");
        }
    }
    // Encoded, they are letters.
    let id =
        created(&master(&server), "demo", &json!({"email": "ada@example.test", "lastname": "Müller"})).await;
    let found = master(&server).get("/api/Query/customers/demo?search=m%C3%BCller").await.expect(200);
    assert_eq!(found.json["Records"][0]["customerId"], id);
});

both!(rules_2_an_address_with_broken_utf_8_is_refused, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let document = client.get("/openapi.json").await.expect(200).json;
    let mut asked = 0;
    // Each parameter of each path: a lone byte, a broken sequence, half of a surrogate pair.
    for (path, item) in addresses(&document) {
        if !path.starts_with("/api/") {
            continue;
        }
        for method in ["get", "post", "put", "delete"] {
            if !item[method].is_object() || item[method]["security"].as_array().is_some_and(Vec::is_empty) {
                continue;
            }
            for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                let broken = ["%FF", "x%C3", "%ED%A0%80", "%e2%82"][asked % 4];
                let usual = |part: &str| match part {
                    "{customerId}" => id.to_string(),
                    "{entry}" => "demo".to_owned(),
                    "{format}" => "csv".to_owned(),
                    _ => part.trim_matches(['{', '}']).to_owned(),
                };
                let parts = path
                    .split('/')
                    .map(|part| if part == format!("{{{name}}}") { broken.to_owned() } else { usual(part) });
                let place = parts.collect::<Vec<_>>().join("/");
                let answer = client.send(method.to_uppercase().parse().unwrap(), &place, None, &[]).await;
                answer.expect_error(400);
                assert!(places(&answer).contains(&format!("?{name}")), "{method} {place}: {}", answer.text);
                assert!(!answer.text.contains('\u{fffd}'), "{}", answer.text);
                asked += 1;
            }
        }
    }
    assert!(asked > 40, "{asked}");
    // So are parameters of a query, by name and value.
    for (query, name) in [
        ("search=%FF", "?search"),
        ("company(eq)=a%C3+b", "?company(eq)"),
        ("limitRecord=%FF", "?limitRecord"),
        ("search=a&%FF=1", "?query"),
        ("nothing%20here=%80", "?nothing here"),
    ] {
        let answer = client.get(&format!("/api/Query/customers/demo?{query}")).await;
        answer.expect_error(400);
        assert!(places(&answer).contains(name), "{query}: {}", answer.text);
    }
    // What is well encoded is taken as it is, also the character for what cannot be shown.
    client
        .send(Method::PUT, &format!("/api/Customer/{id}/references/shop/%EF%BF%BD%C3%BC"), None, &[])
        .await
        .expect(200);
    client.get("/api/Query/customers/demo?search=m%C3%BC+x").await.expect(200);
    let listed = client.get(&format!("/api/Customer/{id}/references")).await.expect(200);
    assert_eq!(listed.json["Records"], json!([{"system": "shop", "externalId": "\u{fffd}\u{fc}"}]));
});

both!(rules_6_no_route_and_no_record_differ, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    for (path, what) in [
        ("/api/Customer/999999", "customer"),
        ("/api/Customer/x/history", "customer"),
        ("/api/Query/customers/nowhere", "entrypoint"),
        ("/api/Query/customers/org/77", "organisation"),
        ("/api/Import/jobs/demo/77", "entrypoint or import"),
        ("/api/Import/jobs/nowhere/77", "entrypoint or import"),
        ("/api/Customer/invite/demo/77/report", "entrypoint or invitation"),
    ] {
        let answer = client.get(path).await;
        answer.expect_error(404);
        assert_eq!(answer.json["responseText"], format!("No such {what}"), "{path}");
        assert_eq!(answer.json["responseCode"], 3001, "{path}");
    }
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let of = |rest: &str| format!("/api/Customer/{id}/{rest}");
    for (method, path, body, what) in [
        (Method::GET, of("addresses/7"), None, "customer or address"),
        (Method::PUT, of("addresses/7"), Some(json!({"city": "Graz"})), "customer or address"),
        (Method::DELETE, of("addresses/x"), None, "customer or address"),
        (Method::PUT, of("comments/7"), Some(json!({"text": "Called."})), "customer or comment"),
        (Method::DELETE, of("comments/7"), None, "customer or comment"),
        (Method::PUT, of("methods/1-7"), Some(json!({"brand": "visa"})), "customer or method"),
        (
            Method::PUT,
            "/api/Paypoint/labels/demo/none".into(),
            Some(json!({"to": "some"})),
            "entrypoint or label",
        ),
        (
            Method::PUT,
            "/api/Paypoint/labels/nowhere/none".into(),
            Some(json!({"to": "some"})),
            "entrypoint or label",
        ),
        (Method::GET, "/api/Customer/labels/demo/77".into(), None, "entrypoint or change of labels"),
        (Method::GET, "/api/Customer/labels/demo/77/report".into(), None, "entrypoint or change of labels"),
    ] {
        let answer = client.send(method.clone(), &path, body.as_ref(), &[]).await;
        answer.expect_error(404);
        assert_eq!(answer.json["responseText"], format!("No such {what}"), "{method} {path}");
    }
    let answer = client.get("/api/Customers/1").await;
    answer.expect_error(404);
    assert_eq!(answer.json["responseText"], "No such route");
    assert_eq!(answer.json["responseCode"], 404);
});

both!(rules_1_a_refusal_names_the_scope_and_a_command_that_works, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    new_entry(site, "shop_2", &[]);
    let id = created(&master(&server), "demo", &json!({"email": "ada@example.test"})).await;
    let customer = path(id);
    let two = ["--org", "1", "--entry", "demo", "--entry", "shop_2"];
    let body = json!({"entry": "another"});
    for (place, method, path, body, lacking, kept) in [
        (&two[..], Method::DELETE, customer.as_str(), None, "customers:delete", "customers:read"),
        (&two, Method::GET, "/api/Export/customers/csv/demo", None, "customers:export", "customers:write"),
        (&two[..4], Method::GET, "/api/Token", None, "tokens", "pii:read"),
        (&two, Method::POST, "/api/Paypoint", Some(&body), "access to all entrypoints", "settings"),
    ] {
        let poor = server.anonymous().token(&token_of(site, place, &[kept]));
        let answer = poor.send(method.clone(), path, body, &[]).await;
        answer.expect_error(403);
        let explanation = answer.json["responseData"]["explanation"].as_str().unwrap();
        assert!(explanation.contains(lacking), "{explanation}");
        let advice = answer.json["responseData"]["todoAction"].as_str().unwrap();
        let (_, command) =
            advice.split_once("customary ").unwrap_or_else(|| panic!("no command in {advice}"));
        assert!(command.contains(kept), "the token keeps what it had: {command}");
        assert_eq!(command.contains("--all-entries"), path == "/api/Paypoint", "{command}");
        let words: Vec<&str> = command.split(' ').collect();
        let rich = server.anonymous().token(&site.cli(&words).success());
        rich.send(method, path, body, &[]).await.expect(200);
    }
});

both!(rules_6_a_limited_token_reads_what_is_left, |db| async {
    let server = Server::start(db).await;
    let token = server.site().new_token(&["--org", "1", "--all-entries", "--requests-per-minute", "3"]);
    let client = server.anonymous().token(&token);
    let left = |answer: &Answer| {
        assert_eq!(answer.header("RateLimit-Policy"), Some("\"minute\";q=3;w=60"), "{}", answer.text);
        let state = answer.header("RateLimit").expect("a state").to_owned();
        let numbers = state.strip_prefix("\"minute\";r=").and_then(|rest| rest.split_once(";t="));
        let (requests, seconds) = numbers.unwrap_or_else(|| panic!("{state}"));
        (requests.parse::<u32>().unwrap(), seconds.parse::<u64>().unwrap())
    };
    let first = client.get("/api/Query/customers/demo").await.expect(200);
    assert_eq!(left(&first), (2, 20));
    // An error tells too, and a token that was fetched with this one has the same limit.
    assert_eq!(left(&client.get("/api/Customer/77").await.expect(404)), (1, 40));
    let credentials = json!({"clientId": jti(&token), "clientSecret": token});
    let fetched = server.anonymous().post("/api/v2/Token/serverside", &credentials).await.expect(200);
    let fetched = server.anonymous().token(fetched.json["access_token"].as_str().unwrap());
    assert_eq!(left(&fetched.get("/api/Query/customers/demo").await.expect(200)).0, 0);
    let refused = client.get("/api/Query/customers/demo").await;
    refused.expect_error(429);
    let (requests, seconds) = left(&refused);
    assert_eq!(requests, 0);
    assert_eq!(refused.header("Retry-After"), Some(seconds.to_string().as_str()));
    assert!((1..=20).contains(&seconds), "{seconds}");
    let unlimited = server.client().get("/api/Query/customers/demo").await.expect(200);
    assert_eq!((unlimited.header("RateLimit"), unlimited.header("RateLimit-Policy")), (None, None));
});
