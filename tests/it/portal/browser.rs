//! The part of a browser that the portal needs: cookies, the forms of a page, and redirects that the test inspects.

use std::collections::BTreeMap;

use reqwest::Method;
use reqwest::redirect::Policy;

use crate::harness::Server;

/// A browser on one entrypoint's portal.
#[derive(Clone)]
pub struct Browser {
    http: reqwest::Client,
    base: String,
    pub entry: String,
    pub cookies: BTreeMap<String, String>,
    pub headers: Vec<(&'static str, String)>,
}

/// A page as it was answered.
#[derive(Debug, Clone)]
pub struct Page {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Page {
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "the page was: {}\n{:?}", self.text, self.headers);
        self
    }

    /// The target of a redirect.
    #[track_caller]
    pub fn location(&self) -> &str {
        assert_eq!(self.status, 303, "the page was: {}", self.text);
        self.headers["location"].to_str().unwrap()
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.text.contains(text), "{text:?} is not on the page: {}", self.text);
        self
    }

    /// The value of a hidden or visible field of the page's form.
    pub fn field(&self, name: &str) -> Option<String> {
        let at = self.text.find(&format!("name=\"{name}\""))?;
        let tag = &self.text[at..at + self.text[at..].find('>')?];
        let value = &tag[tag.find("value=\"")? + 7..];
        Some(value[..value.find('"')?].to_owned())
    }

    /// The token of the page's last form, which is the one in the main part.
    pub fn csrf(&self) -> String {
        let at =
            self.text.rfind("name=\"csrf\" value=\"").unwrap_or_else(|| panic!("no form in {}", self.text));
        let value = &self.text[at + 19..];
        value[..value.find('"').unwrap()].to_owned()
    }
}

impl Browser {
    pub fn new(server: &Server, entry: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        Self {
            http,
            base: server.base(),
            entry: entry.to_owned(),
            cookies: BTreeMap::new(),
            headers: Vec::new(),
        }
    }

    /// The path of a page of this entrypoint.
    pub fn page(&self, page: &str) -> String {
        format!("/portal/{}{page}", self.entry)
    }

    pub async fn get(&mut self, path: &str) -> Page {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Page {
        self.send(Method::POST, path, Some(form)).await
    }

    async fn send(&mut self, method: Method, path: &str, form: Option<&[(&str, &str)]>) -> Page {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        if let Some(form) = form {
            request = request.form(form);
        }
        let response = request.send().await.unwrap();
        let headers = response.headers().clone();
        for cookie in headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Page { status: response.status().as_u16(), headers, text: response.text().await.unwrap() }
    }

    /// Opens a page and sends its form with these fields.
    pub async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let csrf = self.get(path).await.csrf();
        let mut form = vec![("csrf", csrf.as_str())];
        form.extend(fields);
        self.post(path, &form).await
    }

    pub async fn sign_in(&mut self, login: &str, password: &str) -> Page {
        let page = self.page("/sign-in");
        self.submit(&page, &[("login", login), ("password", password)]).await
    }

    /// Whether the customer's own record is visible.
    pub async fn is_in(&mut self) -> bool {
        let page = self.page("/record");
        self.get(&page).await.status == 200
    }
}
