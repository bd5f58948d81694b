//! Talks to the operator's payment provider over HTTP (rules 20, docs/reference/provider.md). Requests and answers are signed as
//! Standard Webhooks 1.0.0 says; what is not signed is not believed.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ureq::http::{HeaderMap, Response};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use crate::clock;
use crate::domain::entrypoints::Entrypoint;
use crate::domain::kernel::time::Micros;
use crate::domain::provider::ProviderCall;
use crate::domain::provider::answer::Report;
use crate::domain::provider::saga::Next;
use crate::domain::provider::wire::{ANSWER_BYTES_MAX, read};
use crate::domain::transactions::dialects::signature::Claim;
use crate::vault::{is_signed, signature};

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The operator's payment provider.
pub struct HttpProvider {
    agent: Agent,
    base: String,
    /// The first one signs; an answer may be signed with any of them, so that they can be changed.
    keys: Vec<Vec<u8>>,
    timeout: Duration,
}

impl std::fmt::Debug for HttpProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpProvider").field("base", &self.base).finish_non_exhaustive()
    }
}

impl HttpProvider {
    /// A provider at an address without a slash at the end. `keys` prove both sides; there is at least one.
    pub fn new(base: String, keys: Vec<Vec<u8>>, timeout: Duration) -> HttpProvider {
        let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            // A redirect would take the request, with its signature, to somebody else.
            .max_redirects(0)
            .proxy(None)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(timeout))
            .user_agent("customary")
            .build();
        HttpProvider { agent: config.new_agent(), base, keys, timeout }
    }

    /// The longest time that [`HttpProvider::ask`] takes: a question, and the call once more.
    pub fn patience(&self) -> Duration {
        self.timeout * 2
    }

    /// Does what is due of a call: sends it, or asks what became of it and sends it again if the provider never saw it. It
    /// blocks the thread.
    pub fn ask(&self, call: &ProviderCall, entrypoint: &Entrypoint) -> Report {
        if call.next() == Next::Send {
            return self.send(call, entrypoint, true);
        }
        let shown = call.id.show(entrypoint.id);
        let (at, id) = (clock::now(), format!("get:{shown}"));
        let mut request = self.agent.get(format!("{}/charges/{shown}", self.base));
        for (name, value) in self.signed(&id, at, "") {
            request = request.header(name, value);
        }
        let report = match request.call() {
            Ok(answer) => self.read(answer, (call, &shown), &id, false),
            Err(error) => nothing(&error),
        };
        match report {
            Report::NeverSeen if call.may_be_sent_again(clock::now()) => self.send(call, entrypoint, false),
            report => report,
        }
    }

    fn send(&self, call: &ProviderCall, entrypoint: &Entrypoint, first: bool) -> Report {
        let Some(body) = call.body(entrypoint) else {
            // Without its content the first send is impossible, and any later one too.
            let error = "erased".to_owned();
            return if first { Report::Refused { error, message: None } } else { Report::NeverSeen };
        };
        let shown = call.id.show(entrypoint.id);
        let mut request = self
            .agent
            .post(format!("{}{}", self.base, call.path()))
            .header("Content-Type", "application/json")
            .header("Idempotency-Key", &shown);
        for (name, value) in self.signed(&shown, clock::now(), &body) {
            request = request.header(name, value);
        }
        match request.send(&body) {
            // Only a question is answered by "never seen".
            Ok(answer) => match self.read(answer, (call, &shown), &shown, first) {
                Report::NeverSeen => Report::Nothing,
                report => report,
            },
            Err(error) => nothing(&error),
        }
    }

    /// The headers that prove a request.
    fn signed(&self, id: &str, at: Micros, body: &str) -> [(&'static str, String); 3] {
        let at = at.secs().to_string();
        let before = format!("{id}.{at}.");
        let tags = self.keys.iter().map(|key| signature(key, &[before.as_bytes(), body.as_bytes()]));
        let tags: Vec<String> = tags.map(|tag| format!("v1,{}", STANDARD.encode(tag))).collect();
        [("webhook-id", id.to_owned()), ("webhook-timestamp", at), ("webhook-signature", tags.join(" "))]
    }

    fn read(
        &self,
        mut answer: Response<Body>,
        (call, shown): (&ProviderCall, &str),
        id: &str,
        first: bool,
    ) -> Report {
        let status = answer.status().as_u16();
        let claim = claim(answer.headers(), id);
        let body = match answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec() {
            Ok(body) => body,
            Err(error) => return nothing(&error),
        };
        if claim.is_some_and(|claim| self.proves(&claim, &body)) {
            let report = read(call, shown, status, &body, first);
            if report == Report::Nothing && status != 409 {
                tracing::warn!(
                    status,
                    call = shown,
                    "the payment provider's answer says nothing about this call"
                );
            }
            return report;
        }
        tracing::warn!(status, "the payment provider's answer is not signed by it, and was not believed");
        Report::Nothing
    }

    /// Whether a message is the provider's, and was signed within the last minutes.
    pub fn proves(&self, claim: &Claim, body: &[u8]) -> bool {
        let parts = [claim.before.as_bytes(), body];
        // Every key is tried, so that the time tells nothing of which one it was.
        let is_signed =
            self.keys.iter().fold(false, |known, key| is_signed(key, &parts, &claim.tags) | known);
        is_signed && claim.is_timely(clock::now())
    }
}

/// The signatures in the headers of the answer to the request with an id; `None` if it answers something else.
fn claim(headers: &HeaderMap, id: &str) -> Option<Claim> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let sent = text("webhook-id").filter(|sent| *sent == id)?;
    Claim::of_standard(sent, text("webhook-timestamp")?, text("webhook-signature")?)
}

fn nothing(error: &ureq::Error) -> Report {
    // The error names the address, which is the operator's own, and no value.
    tracing::warn!(%error, "the payment provider did not answer");
    Report::Nothing
}
