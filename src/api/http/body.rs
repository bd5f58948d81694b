//! Reads bodies, query parameters and headers of requests.

use std::borrow::Cow;
use std::time::Duration;

use std::collections::BTreeSet;
use std::str::FromStr;

use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::http::header::{
    CONTENT_ENCODING, CONTENT_TYPE, EntityTag, Header as _, IF_MATCH, IfMatch, IfNoneMatch,
};
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::{Stream, StreamExt as _};
use percent_encoding::percent_decode_str;
use strum::VariantNames;
use tokio::time::timeout;

use super::error::{Error, unless_any};
use crate::domain::decide::command::Precondition;
use crate::domain::kernel::card::{self, CardData};
use crate::domain::kernel::members::{LONE_SURROGATE, MEMBERS_MAX, Members, is_lone_surrogate};
use crate::domain::kernel::problem::{PROBLEMS_MAX, Problem};
use crate::domain::kernel::text::hint;

/// The maximum size of a JSON body, in bytes (rules 6).
pub(crate) const JSON_BYTES_MAX: usize = 1024 * 1024;
/// How many more bytes the service reads and drops, so that the client sees the 413 (rules 6).
const DISCARD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A body of more bytes is parsed outside the threads that answer requests: it would take milliseconds there (rules 6).
const SMALL_BYTES_MAX: usize = 32 * 1024;
/// The maximum length of an idempotency key, in characters (rules 4).
const KEY_CHARS_MAX: usize = 255;
/// The header with an idempotency key, as errors name it.
pub(super) const KEY_HEADER: &str = "Idempotency-Key";

/// Reads a JSON body of a request that belongs to no entrypoint.
///
/// # Errors
/// 413, 415; 400 for raw card data.
pub(crate) async fn json(request: &HttpRequest, payload: Payload) -> Result<Bytes, Error> {
    let (body, found) = json_with_cards(request, payload).await?;
    unless_any(found.into_iter().map(|found| found.problem).collect(), Ok(body))
}

/// Reads a JSON body, and finds the card data in it. The caller refuses that, as far as the entrypoint does.
///
/// # Errors
/// 413, 415.
pub(super) async fn json_with_cards(
    request: &HttpRequest,
    payload: Payload,
) -> Result<(Bytes, Vec<CardData>), Error> {
    let body = json_up_to(request, payload, JSON_BYTES_MAX).await?;
    let found = parsed(&body, |body| Ok(card::in_json(body))).await?;
    Ok((body, found))
}

/// Reads a JSON body of at most some bytes, whatever is in it.
///
/// # Errors
/// 413, 415.
pub(crate) async fn json_up_to(
    request: &HttpRequest,
    payload: Payload,
    bytes_max: usize,
) -> Result<Bytes, Error> {
    let accepted = is_json(request);
    // A client that is still sending would not see a refusal, so read the body first.
    let body = read(payload, bytes_max).await?;
    let nothing_sent = body.is_empty() && request.headers().get(CONTENT_TYPE).is_none();
    if !accepted && !nothing_sent {
        return Err(Error::UnsupportedMediaType("application/json in UTF-8, not compressed"));
    }
    Ok(body)
}

/// Reads and drops the body of a request that needs none.
pub(crate) async fn none(payload: Payload) -> Result<(), Error> {
    read(payload, JSON_BYTES_MAX).await.map(drop)
}

/// Reads and drops the rest of a refused body, so that the client sees the answer.
pub(crate) async fn discard(payload: impl Stream<Item = Result<Bytes, PayloadError>> + Unpin) {
    discard_without_pause(payload, Duration::MAX).await;
}

/// As [`discard`], but stops once the client has sent nothing for `pause`.
pub(crate) async fn discard_without_pause(
    mut payload: impl Stream<Item = Result<Bytes, PayloadError>> + Unpin,
    pause: Duration,
) {
    let mut length = 0_usize;
    while let Ok(Some(Ok(chunk))) = timeout(pause, payload.next()).await {
        length += chunk.len();
        if length > DISCARD_BYTES_MAX {
            return;
        }
    }
}

async fn read(mut payload: Payload, bytes_max: usize) -> Result<Bytes, Error> {
    let mut body = BytesMut::new();
    let mut length = 0_usize;
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| broken(&error, "the body ended early"))?;
        length += chunk.len();
        if length <= bytes_max {
            body.extend_from_slice(&chunk);
        } else if length > bytes_max + DISCARD_BYTES_MAX {
            break;
        }
    }
    if length > bytes_max { Err(Error::TooLarge(bytes_max)) } else { Ok(body.freeze()) }
}

/// Why a body could not be read: the client was too slow, or the body is broken.
pub(crate) fn broken(error: &PayloadError, message: &str) -> Error {
    match error {
        PayloadError::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => Error::Timeout,
        PayloadError::EncodingCorrupted => Error::invalid(Problem::field(
            &[],
            "broken_body",
            "a chunk of the body, or a trailer behind it, is broken (RFC 9112, 7.1)",
        )),
        _ => Error::invalid(Problem::field(&[], "broken_body", message)),
    }
}

/// Whether a body may be parsed on a thread that answers requests.
pub(crate) fn is_small(body: &Bytes) -> bool {
    body.len() <= SMALL_BYTES_MAX
}

/// What `parse` makes of a body; a large body is parsed on a blocking thread.
///
/// # Errors
/// Those of `parse`.
pub(crate) async fn parsed<T: Send + 'static>(
    body: &Bytes,
    parse: impl FnOnce(&Bytes) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    if is_small(body) {
        return parse(body);
    }
    let body = body.clone();
    let gone = |_| Error::Internal("the blocking threads have stopped".into());
    actix_web::web::block(move || parse(&body)).await.map_err(gone)?
}

fn is_json(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let plain = headers
        .get(CONTENT_ENCODING)
        .is_none_or(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let json = essence == "application/json"
        || (essence.starts_with("application/")
            && (essence.ends_with("+json") || essence == "application/*+json"));
    let utf8 = parts.all(|part| match part.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    plain && json && utf8
}

/// The members of a JSON object.
///
/// # Errors
/// 400 if the body is not a JSON object, or has too many members.
pub(crate) fn members(body: &Bytes) -> Result<Members<'_>, Error> {
    let broken = |code, message: String| Error::invalid(Problem::field(&[], code, message));
    let text =
        std::str::from_utf8(body).map_err(|_| broken("invalid_json", "the body is not UTF-8".into()))?;
    if text.trim().is_empty() {
        return Err(broken("invalid_json", "the body is empty; send a JSON object".into()));
    }
    let members: Members<'_> = serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => broken("wrong_type", "the body must be a JSON object".into()),
        _ => broken("invalid_json", no_json(&error)),
    })?;
    members.check().map_err(|(code, message)| broken(code, format!("the body {message}")))?;
    Ok(members)
}

/// The members of a body that may be left out: none in an empty one.
///
/// # Errors
/// As [`members`].
pub(crate) fn members_if_any(body: &Bytes) -> Result<Members<'_>, Error> {
    static NONE: Bytes = Bytes::from_static(b"{}");
    members(if body.is_empty() { &NONE } else { body })
}

/// Why a body is no JSON, and where.
pub(crate) fn no_json(error: &serde_json::Error) -> String {
    let why = if is_lone_surrogate(error) { LONE_SURROGATE } else { "" };
    format!("the body is no JSON{why} (line {}, column {})", error.line(), error.column())
}

/// What is wrong with a percent-encoded text that is no UTF-8.
pub(super) const NO_UTF8: &str = "is not UTF-8 once its percent-encoding is undone; `%C3%BC` is `ü`";

/// Whether a percent-encoded text is UTF-8.
pub(super) fn is_utf8(encoded: &str) -> bool {
    percent_decode_str(encoded).decode_utf8().is_ok()
}

/// The names of parameters of a query with bytes that are no UTF-8; `query` if the name itself has them.
fn broken_parameters(query: &str) -> Vec<Problem> {
    let name_of = |pair: &str| {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name).replace('+', " ");
        percent_decode_str(&name).decode_utf8().map_or_else(|_| "query".to_owned(), Cow::into_owned)
    };
    let broken = query.split('&').filter(|pair| !is_utf8(pair)).take(PROBLEMS_MAX);
    broken.map(|pair| Problem::parameter(name_of(pair), "invalid_value", NO_UTF8)).collect()
}

/// The query parameters of a request. A handler reads parameters by name; every other parameter is a problem.
#[derive(Debug)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    known: Vec<&'static str>,
    problems: Vec<Problem>,
}

impl Params {
    /// The parameters in the query of a request.
    pub(crate) fn of(request: &HttpRequest) -> Params {
        let mut sent = form_urlencoded::parse(request.query_string().as_bytes()).into_owned();
        let pairs = sent.by_ref().take(MEMBERS_MAX).collect();
        let mut problems = broken_parameters(request.query_string());
        if sent.next().is_some() {
            let message = format!("has more than {MEMBERS_MAX} parameters");
            problems.push(Problem::parameter("query", "too_many", message));
        }
        Params { pairs, known: Vec::new(), problems }
    }

    /// A parameter that may occur once.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        let mut values = self.pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone());
        let first = values.next();
        if values.next().is_some() {
            self.refuse(name, "duplicate_parameter", "stands in the query twice");
        }
        first
    }

    /// An integer within a range.
    pub(crate) fn integer(&mut self, name: &'static str, min: i64, max: i64) -> Option<i64> {
        let text = self.text(name)?;
        match text.parse::<i64>() {
            Ok(number) if (min..=max).contains(&number) => Some(number),
            _ => {
                self.refuse(name, "invalid_value", format!("must be an integer from {min} to {max}"));
                None
            }
        }
    }

    /// One of the words of an enum.
    pub(crate) fn word<T: FromStr + VariantNames>(&mut self, name: &'static str) -> Option<T> {
        let word = self.text(name)?.parse().ok();
        if word.is_none() {
            self.refuse(name, "invalid_value", format!("must be one of {}", T::VARIANTS.join(", ")));
        }
        word
    }

    /// `true` or `false`; absent is false.
    pub(crate) fn flag(&mut self, name: &'static str) -> bool {
        self.one_of(name, "false", "true")
    }

    /// `1` or `0`; absent is 0.
    pub(crate) fn bit(&mut self, name: &'static str) -> bool {
        self.one_of(name, "0", "1")
    }

    fn one_of(&mut self, name: &'static str, no: &str, yes: &str) -> bool {
        match self.text(name) {
            Some(text) if text == yes => true,
            Some(text) if text != no => {
                self.refuse(name, "invalid_value", format!("must be {yes} or {no}"));
                false
            }
            _ => false,
        }
    }

    /// Adds problems that were found before.
    pub(crate) fn add(&mut self, problems: Vec<Problem>) {
        self.problems.extend(problems);
    }

    /// Adds a problem with a parameter.
    pub(crate) fn refuse(&mut self, name: impl Into<String>, code: &'static str, message: impl Into<String>) {
        self.problems.push(Problem::parameter(name, code, message));
    }

    /// All problems, including parameters that the handler did not read.
    pub(crate) fn problems(mut self) -> Vec<Problem> {
        let names = self.pairs.iter().map(|(name, _)| name);
        let unknown: BTreeSet<_> = names.filter(|name| !self.known.contains(&name.as_str())).collect();
        for name in unknown {
            let is_listed = self.problems.len() < PROBLEMS_MAX;
            let hint = if is_listed { hint(name, self.known.iter().copied()) } else { String::new() };
            let message = format!("is no parameter of this route{hint}");
            self.problems.push(Problem::parameter(name.clone(), "unknown_parameter", message));
        }
        self.problems
    }

    /// Refuses the request if there is any problem.
    ///
    /// # Errors
    /// 400.
    pub(crate) fn done(self) -> Result<(), Error> {
        unless_any(self.problems(), Ok(()))
    }

    /// All parameters that were not read by name, and the problems so far.
    pub(crate) fn rest(self) -> (Vec<(String, String)>, Vec<Problem>) {
        (self.pairs, self.problems)
    }
}

/// The idempotency key of a request (rules 4).
///
/// # Errors
/// 400 for two different keys or an invalid key.
pub(super) fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, Error> {
    let refuse = |code, message: &str| Err(Error::invalid(Problem::header(KEY_HEADER, code, message)));
    let mut found: Option<String> = None;
    for name in ["idempotencykey", "idempotency-key"] {
        for value in request.headers().get_all(name) {
            let printable = value.as_bytes().iter().all(|byte| (0x20..0x7f).contains(byte));
            let Some(text) = value.to_str().ok().filter(|_| printable) else {
                return refuse("invalid_key", "must be printable ASCII");
            };
            let text = text.trim();
            let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
            if text.is_empty() || text.len() > KEY_CHARS_MAX {
                return refuse("invalid_key", "must have 1 to 255 characters");
            }
            match &found {
                Some(other) if other != text => return refuse("two_keys", "two different keys were sent"),
                _ => found = Some(text.to_owned()),
            }
        }
    }
    Ok(found)
}

/// `If-Match` as a list of versions. A header that cannot be parsed matches no version.
pub(crate) fn precondition(request: &HttpRequest) -> Precondition {
    if !request.headers().contains_key(IF_MATCH) {
        return Precondition::None;
    }
    match IfMatch::parse(request) {
        Ok(IfMatch::Any) => Precondition::None,
        Ok(IfMatch::Items(tags)) => Precondition::Versions(tags.iter().filter_map(version_of).collect()),
        Err(_) => Precondition::Versions(Vec::new()),
    }
}

/// The version in one of our strong ETags: `"12-0123456789abcdef"`.
fn version_of(tag: &EntityTag) -> Option<i64> {
    let (version, rest) = tag.tag().split_once('-')?;
    (!tag.weak && rest.len() == 16).then(|| version.parse().ok())?
}

/// Whether `If-None-Match` names this ETag.
pub(crate) fn is_fresh(request: &HttpRequest, etag: &str) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.tag() == etag.trim_matches('"')),
        Err(_) => false,
    }
}
