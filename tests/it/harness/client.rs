//! The HTTP client of the tests: paths from the root, a token, JSON both ways, and helpers for what every test reads
//! from an answer.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    headers: Vec<(String, String)>,
}

impl Client {
    /// A client without a token.
    pub fn new(base: impl Into<String>) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(30))
            // Shorter than the server's keep-alive.
            .pool_idle_timeout(Duration::from_secs(30))
            .build()
            .unwrap();
        Self { http, base: base.into(), headers: Vec::new() }
    }

    /// The same client with this token instead of its own.
    pub fn token(&self, token: &str) -> Self {
        self.without("requestToken").header("requestToken", token)
    }

    /// The same client with one more header on every request.
    pub fn header(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    pub fn without(&self, name: &str) -> Self {
        let mut client = self.clone();
        client.headers.retain(|(header, _)| !header.eq_ignore_ascii_case(name));
        client
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    /// For requests that the methods below cannot express: a raw body, a form, another media type.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request
    }

    /// Sends a request. Any status is an `Answer`; an error is one of the connection.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> reqwest::Result<Answer> {
        let mut request = self.request(method, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        Answer::read(request.send().await?).await
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        self.try_send(method.clone(), path, body, headers)
            .await
            .unwrap_or_else(|error| panic!("{method} {path} was not answered: {error:?}"))
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, &[]).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some(body), &[]).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, Some(body), &[]).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None, &[]).await
    }

    pub async fn create(
        &self,
        entry: &str,
        body: &Value,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request =
            self.request(Method::POST, &format!("/api/Customer/single/{entry}")).query(query).json(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = async { Answer::read(request.send().await?).await }.await;
        answer.unwrap_or_else(|error| panic!("a create in {entry} was not answered: {error:?}"))
    }

    /// Every live record of an entrypoint, page by page.
    pub async fn list(&self, entry: &str) -> Vec<Value> {
        let mut records = Vec::new();
        loop {
            let from = records.len();
            let page =
                self.get(&format!("/api/Query/customers/{entry}?fromRecord={from}&limitRecord=500")).await;
            let page = page.expect(200);
            let total = page.json["Summary"]["totalRecords"].as_u64().expect("a total");
            let rows = page.json["Records"].as_array().expect("records");
            records.extend(rows.iter().cloned());
            if records.len() as u64 == total {
                return records;
            }
            assert!(!rows.is_empty(), "a page is empty after {from} of {total} records");
        }
    }
}

/// Status, headers and body of a complete answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// `Null` where the body is not JSON.
    pub json: Value,
}

impl Answer {
    pub async fn read(response: reqwest::Response) -> reqwest::Result<Self> {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await?;
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Self { status, headers, text, json })
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "the answer was: {}", self.text);
        self
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn data(&self) -> &Value {
        &self.json["responseData"]
    }

    /// The customer's id, from a create's envelope or a bare record.
    #[track_caller]
    pub fn id(&self) -> u64 {
        let id = self.data()["customerId"].as_u64().or(self.json["customerId"].as_u64());
        id.unwrap_or_else(|| panic!("no customerId in {}", self.text))
    }

    #[track_caller]
    pub fn outcome(&self) -> &str {
        self.data()["outcome"].as_str().unwrap_or_else(|| panic!("no outcome in {}", self.text))
    }

    /// The fields on which the match was made, sorted; empty where the member is null.
    pub fn matched_on(&self) -> Vec<&str> {
        let mut fields: Vec<_> =
            self.data()["matchedOn"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        fields.sort_unstable();
        fields
    }

    pub fn replayed(&self) -> bool {
        self.header("Idempotent-Replayed") == Some("true")
    }

    /// Asserts the status and the one error body of rules 6.
    #[track_caller]
    pub fn expect_error(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "the answer was: {}", self.text);
        assert_eq!(self.header("content-type"), Some("application/json"), "{}", self.text);
        let body = &self.json;
        assert_eq!(body["isSuccess"], false, "{}", self.text);
        assert!(body["responseCode"].is_i64(), "{}", self.text);
        assert!(body["responseText"].as_str().is_some_and(|text| !text.is_empty()), "{}", self.text);
        assert_eq!(body["message"], body["responseText"], "{}", self.text);
        assert!(body["responseData"]["explanation"].is_string(), "{}", self.text);
        assert!(body["responseData"]["todoAction"].is_string(), "{}", self.text);
        for error in body["errors"].as_array().unwrap_or_else(|| panic!("no errors in {}", self.text)) {
            assert!(error["code"].is_string() && error["message"].is_string(), "{error}");
        }
        assert!(body["requestId"].is_string(), "{}", self.text);
        assert_eq!(self.header("X-Request-Id"), body["requestId"].as_str(), "{}", self.text);
        self
    }
}
