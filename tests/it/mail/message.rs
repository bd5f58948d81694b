//! A parsed mail: headers, text and HTML.

/// A message: its headers, its text and its HTML.
#[derive(Debug, Clone)]
pub struct Message {
    pub headers: Vec<(String, String)>,
    pub text: String,
    pub html: String,
}

impl Message {
    /// Reads a message with two parts, text and HTML.
    #[track_caller]
    pub fn read(message: &str) -> Self {
        let message = message.replace("\r\n", "\n");
        let (head, body) = message.split_once("\n\n").expect("a head and a body");
        let headers = headers(head);
        let kind = value(&headers, "Content-Type").expect("a content type");
        assert!(kind.starts_with("multipart/alternative"), "{kind}");
        let boundary =
            kind.split("boundary=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a boundary");
        let parts: Vec<(String, String)> = body
            .split(&format!("--{boundary}"))
            .filter_map(|part| part.strip_prefix('\n'))
            .map(|part| {
                let (head, body) = part.split_once("\n\n").expect("a part's head");
                let own = self::headers(head);
                (value(&own, "Content-Type").expect("a type").to_owned(), decoded(&own, body))
            })
            .collect();
        let of = |kind: &str| {
            let found = parts.iter().find(|(own, _)| own.starts_with(kind));
            found.unwrap_or_else(|| panic!("no {kind} in {message}")).1.clone()
        };
        Self { text: of("text/plain"), html: of("text/html"), headers }
    }

    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        value(&self.headers, name).unwrap_or_else(|| panic!("no {name} in {:?}", self.headers))
    }

    pub fn to(&self) -> &str {
        self.header("To")
    }

    /// The first URL of a page in the text that carries a token, if there is one.
    pub fn link(&self) -> Option<String> {
        let pages = ["/set-password/", "/consent/", "/console/welcome/"];
        self.text
            .split_whitespace()
            .find(|word| pages.iter().any(|page| word.contains(page)))
            .map(str::to_owned)
    }
}

fn headers(head: &str) -> Vec<(String, String)> {
    head.replace("\n ", " ")
        .replace("\n\t", " ")
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn value<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn decoded(headers: &[(String, String)], body: &str) -> String {
    match value(headers, "Content-Transfer-Encoding") {
        Some("quoted-printable") => quoted_printable(body),
        Some("7bit" | "8bit") | None => body.to_owned(),
        Some(other) => panic!("{other} is not expected here"),
    }
}

fn quoted_printable(body: &str) -> String {
    let body = body.replace("=\n", "");
    let mut bytes = Vec::with_capacity(body.len());
    let mut rest = body.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'=' {
            let digits = std::str::from_utf8(&tail[..2]).expect("digits");
            bytes.push(u8::from_str_radix(digits, 16).expect("hexadecimal digits"));
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}
