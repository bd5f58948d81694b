//! A real mail server whose behaviour tests control: `tests/sdk/mail_server.py`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tempfile::TempDir;

use super::*;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/mail_server.py");

/// The credentials of the service.
pub const LOGIN: &str = "shop:oak & elm";

pub struct MailServer {
    child: Child,
    input: ChildStdin,
    reports: Arc<Mutex<Vec<Value>>>,
    folder: TempDir,
    security: &'static str,
    login: bool,
}

impl MailServer {
    /// Starts a server that accepts every mail.
    pub async fn start(security: &'static str, login: bool) -> Self {
        let folder = TempDir::with_prefix("customary-mail-").unwrap();
        let mut command = Command::new(python());
        command.arg(PROGRAM).arg(folder.path()).args(["--security", security]);
        if login {
            command.args(["--login", LOGIN]);
        }
        command.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("Python runs");
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let reports = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&reports);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                sink.lock().unwrap().push(serde_json::from_str(&line).expect("JSON"));
            }
        });
        let server = Self { child, input, reports, folder, security, login };
        until("the mail server listens", async || server.port().is_some()).await;
        server
    }

    fn reports(&self, what: &str) -> Vec<Value> {
        let reports = self.reports.lock().unwrap();
        reports.iter().filter_map(|line| line.get(what).cloned()).collect()
    }

    fn port(&self) -> Option<u64> {
        self.reports("port").first().and_then(Value::as_u64)
    }

    /// The settings with which the service uses this server, with delays short enough for a test.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let login = if self.login { "shop:oak%20%26%20elm@" } else { "" };
        let port = self.port().expect("it listens");
        let url = match self.security {
            "tls" => format!("smtps://{login}127.0.0.1:{port}"),
            "starttls" => format!("smtp://{login}127.0.0.1:{port}"),
            _ => format!("smtp://{login}127.0.0.1:{port}?tls=none"),
        };
        let authority = self.folder.path().join("ca.pem");
        vec![
            ("CUSTOMARY_SMTP_URL", url),
            ("CUSTOMARY_SMTP_CA_FILE", authority.to_str().unwrap().to_owned()),
            ("CUSTOMARY_MAIL_FROM", "shop@pay.example".into()),
            ("CUSTOMARY_SMTP_TIMEOUT", "300ms".into()),
            ("CUSTOMARY_MAIL_RETRY", "100ms".into()),
        ]
    }

    /// A site that sends its mails through this server.
    pub fn site(&self, db: Db) -> Arc<Site> {
        let environment = self.environment();
        let environment: Vec<(&str, &str)> =
            environment.iter().map(|(name, value)| (*name, &**value)).collect();
        Site::with_environment(db, &environment)
    }

    /// Changes the server's behaviour from now on.
    pub async fn set_mode(&mut self, command: &str) {
        let before = self.reports("did").len();
        writeln!(self.input, "{command}").unwrap();
        let server = &*self;
        until("the mail server confirms the command", async || server.reports("did").len() > before).await;
    }

    /// How often a client ran into a mode.
    pub fn reached(&self, mode: &str) -> usize {
        self.reports("reached").iter().filter(|reached| *reached == mode).count()
    }

    /// Every mail that the server accepted.
    pub fn mails(&self) -> Vec<Value> {
        self.reports("mail")
    }

    /// How many mails to an address the server accepted.
    pub fn mails_to(&self, address: &str) -> usize {
        self.mails().iter().filter(|mail| mail["to"][0] == address).count()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
