//! An import that a running server does, through its API.

use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use customary::api::JobOut;
use customary::config::ConfigError;
use customary::jobs::StopSignal;
use indicatif::ProgressBar;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::http::Response;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::typestate::{WithBody, WithoutBody};
use ureq::{Agent, Body, RequestBuilder, SendBody};

use super::files::Pieces;
use super::report::show;
use super::{End, Import, Report, system};

const TOKEN_HEADER: &str = "requestToken";
/// How often to check the job.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How many times to retry when the server does not answer.
const RETRIES_MAX: u32 = 20;
/// The wait before a retry.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Statuses that may pass: too many requests, a proxy without a server behind it, a database that is unreachable.
const MAY_PASS: [u16; 4] = [429, 502, 503, 504];
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(5);
/// The maximum size of a JSON answer, in bytes.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

pub(super) fn run(server: &str, import: &Import, interrupt: &StopSignal) -> Result<Report, End> {
    // The server checks the options too, but only after the upload.
    import.options()?;
    let api = Api::new(server, import)?;
    let mut job = api.begin(import, interrupt)?;
    let repeated = job.repeated;
    let path = format!("/api/Import/jobs/{}/{}", import.entry, job.job_id);
    let bar = import.work_bar();
    let mut is_cancelled = false;
    while !job.state.is_over() {
        show(&job, &bar);
        if interrupt.is_asked() && !is_cancelled {
            is_cancelled = true;
            bar.suspend(|| import.note("stopping after the current rows; press Ctrl-C again to end at once"));
            api.insist(|| api.post(&format!("{path}/cancel")).send_empty())?;
        } else {
            thread::sleep(LOOK_EVERY);
        }
        job = read(api.insist(|| api.get(&path).call())?)?;
    }
    drop(bar);
    job.repeated = repeated;
    let rejected = import.rejected_file(&job, |file| {
        let answer = api.insist(|| api.get(&format!("{path}/rejected.csv")).call())?;
        io::copy(&mut answer.into_body().into_reader(), file)
            .map_err(|error| system(&error, "the download of the rejected rows failed"))?;
        Ok(())
    });
    Ok(Report { job, rejected })
}

struct Api {
    agent: Agent,
    base: String,
    token: String,
}

/// The body of an error answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerRefusal {
    response_text: String,
    #[serde(default)]
    errors: Vec<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    line: Option<u64>,
    parameter: Option<String>,
    header: Option<String>,
    message: String,
}

impl Problem {
    fn text(self) -> String {
        let line = self.line.map(|line| format!("line {line}"));
        match line.or(self.parameter).or(self.header) {
            Some(place) => format!("{place}: {}", self.message),
            None => self.message,
        }
    }
}

impl Api {
    fn new(server: &str, import: &Import) -> Result<Api, End> {
        let base = base_of(server)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            // Send the token only to the server that the user named.
            .max_redirects(0)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(ANSWER_TIMEOUT))
            .build();
        let token = import.token.clone().unwrap_or_default();
        Ok(Api { agent: config.new_agent(), base, token })
    }

    fn get(&self, path: &str) -> RequestBuilder<WithoutBody> {
        self.agent.get(format!("{}{path}", self.base)).header(TOKEN_HEADER, &self.token)
    }

    fn post(&self, path: &str) -> RequestBuilder<WithBody> {
        self.agent.post(format!("{}{path}", self.base)).header(TOKEN_HEADER, &self.token)
    }

    /// Sends the file and returns its job. Sending it again after a failure leads to the same job.
    fn begin(&self, import: &Import, interrupt: &StopSignal) -> Result<JobOut, End> {
        let (file, bytes) = import.open(interrupt)?;
        let bar = import.upload_bar(bytes);
        let mut body = Upload { file, bar: &bar, piece: Cursor::default() };
        let request = self
            .post(&format!("/api/Import/{}Form/{}", <&str>::from(import.kind()), import.entry))
            .query("async", "true")
            .query_pairs(import.parameters())
            .header("Content-Type", "text/csv");
        match request.send(SendBody::from_reader(&mut body)) {
            _ if interrupt.is_asked() => Err(End::Interrupted),
            Ok(answer) if answer.status().is_success() => read(answer),
            Ok(answer) => Err(refused(answer)),
            Err(error) => Err(ConfigError(format!("{}: the upload failed: {error}", self.base)).into()),
        }
    }

    /// Asks until there is an answer. A server continues its imports after a restart, so the wait is worth it.
    fn insist(&self, ask: impl Fn() -> Result<Response<Body>, ureq::Error>) -> Result<Response<Body>, End> {
        let mut retries = 0;
        loop {
            let why = match ask() {
                Ok(answer) if answer.status().is_success() => return Ok(answer),
                Ok(answer) if !MAY_PASS.contains(&answer.status().as_u16()) => return Err(refused(answer)),
                Ok(answer) => format!("status {}", answer.status()),
                Err(error) => error.to_string(),
            };
            retries += 1;
            if retries > RETRIES_MAX {
                let why = format!(
                    "{}: {why}; the server may still be importing; run the same command to find out",
                    self.base
                );
                return Err(ConfigError(why).into());
            }
            thread::sleep(RETRY_AFTER);
        }
    }
}

/// The address of a server without the paths that people paste with it: of the API and of Swagger UI.
fn base_of(server: &str) -> Result<String, End> {
    let server = server.trim().trim_end_matches('/');
    if !(server.starts_with("http://") || server.starts_with("https://")) {
        let why = format!("--server {server} must start with http:// or https://");
        return Err(ConfigError(why).into());
    }
    let ends = ["/api/v2", "/api", "/swagger-ui/index.html", "/swagger-ui"];
    Ok(ends
        .iter()
        .find_map(|end| server.strip_suffix(end))
        .unwrap_or(server)
        .trim_end_matches('/')
        .to_owned())
}

/// The file as a request body.
struct Upload<'a> {
    file: Pieces,
    bar: &'a ProgressBar,
    piece: Cursor<Vec<u8>>,
}

impl Read for Upload<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut read = self.piece.read(buffer)?;
        if read == 0 {
            // An error aborts the request, so the server never takes a partial upload for the whole file.
            let next = self.file.next().map_err(|end| io::Error::other(end.to_string()))?;
            self.piece = Cursor::new(next);
            read = self.piece.read(buffer)?;
        }
        self.bar.inc(u64::try_from(read).unwrap_or(0));
        Ok(read)
    }
}

fn read<T: DeserializeOwned>(answer: Response<Body>) -> Result<T, End> {
    let body = answer.into_body().into_with_config().limit(ANSWER_BYTES_MAX).reader();
    serde_json::from_reader(body)
        .map_err(|error| ConfigError(format!("the answer is not from a Customary server: {error}")).into())
}

/// Turns a refusal into messages.
fn refused(answer: Response<Body>) -> End {
    let status = answer.status();
    match read::<ServerRefusal>(answer) {
        Ok(refused) => {
            let problems = refused.errors.into_iter().map(Problem::text);
            let hint = match status.as_u16() {
                401 | 403 => Some(
                    "the token must be valid, see this entrypoint, and have the scopes customers:import and pii:read",
                ),
                404 => Some(
                    "--entry must name an entrypoint that the token sees, and --server must be the address that the \
                     service prints when it starts, without a path",
                ),
                _ => None,
            };
            let hint = hint.map(str::to_owned);
            let first = std::iter::once(format!("{status}: {}", refused.response_text));
            End::Refused(first.chain(problems).chain(hint).collect())
        }
        Err(_) => End::Refused(vec![format!(
            "the server answered with status {status}, and not as Customary does; --server must be the address that \
             the service prints when it starts, without a path"
        )]),
    }
}
