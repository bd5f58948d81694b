//! Settings: from the command line or the environment, checked before anything is opened.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use clap::Args;

use crate::mail::{Address, Composer, Folder, SmtpOptions, Templates, Transport};
use crate::store::DatabaseUrl;
use crate::vault::MasterKey;

/// Options of every subcommand.
#[derive(Debug, Clone, Args)]
#[expect(clippy::doc_markdown, reason = "--help prints these texts as they stand")]
pub struct Global {
    /// Folder of the SQLite database and the master key made on first start
    #[arg(long, global = true, env = "CUSTOMARY_DATA_DIR", default_value = "./data", value_name = "FOLDER")]
    pub data_dir: PathBuf,

    /// sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE [default: SQLite in the data folder]
    #[arg(long, global = true, env = "CUSTOMARY_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,

    /// File with the master key: 32 bytes as base64 or hexadecimal
    #[arg(long, global = true, env = "CUSTOMARY_MASTER_KEY_FILE", value_name = "FILE")]
    pub master_key_file: Option<PathBuf>,

    /// The master key itself; set it in the environment, where other users do not see it
    #[arg(long, global = true, env = "CUSTOMARY_MASTER_KEY", value_name = "KEY", hide_env_values = true)]
    pub master_key: Option<String>,

    /// What to log: error, warn, info, debug, or a filter such as customary=debug
    #[arg(long, global = true, env = "CUSTOMARY_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,
}

/// Name of the database file in the data folder.
const DATABASE_FILE: &str = "customary.db";
/// Name of the master key's file in the data folder.
const MASTER_KEY_FILE: &str = "master.key";

/// Name of the folder of mails in the data folder.
const MAIL_FOLDER: &str = "mail";
/// The address that mails come from where nobody receives them.
const MAIL_FROM_DEFAULT: &str = "no-reply@localhost";

/// A sentence for the operator that says what to change.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

impl Global {
    /// Where the records are; makes the data folder where SQLite needs it.
    ///
    /// # Errors
    /// An unknown address, or a folder that cannot be made.
    pub fn database(&self) -> Result<DatabaseUrl, Refusal> {
        let Some(text) = &self.database_url else {
            fs::create_dir_all(&self.data_dir).map_err(|error| {
                Refusal(format!(
                    "the data folder {} cannot be made: {error}; choose another with --data-dir",
                    self.data_dir.display()
                ))
            })?;
            return Ok(DatabaseUrl::Sqlite(self.data_dir.join(DATABASE_FILE)));
        };
        text.parse().map_err(|why| Refusal(format!("--database-url: {why}")))
    }

    /// Whether somebody gave the master key, rather than leaving it to the first start.
    pub fn has_explicit_key(&self) -> bool {
        self.master_key.is_some() || self.master_key_file.is_some()
    }

    /// The master key: given, or — for SQLite only — kept in the data folder and made on first start.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub fn master_key(&self, database: &DatabaseUrl) -> Result<MasterKey, Refusal> {
        if self.master_key.is_some() && self.master_key_file.is_some() {
            return Err(Refusal(
                "both CUSTOMARY_MASTER_KEY and --master-key-file are given; give one".into(),
            ));
        }
        if let Some(text) = &self.master_key {
            return MasterKey::parse(text).map_err(|error| Refusal(format!("CUSTOMARY_MASTER_KEY: {error}")));
        }
        if let Some(path) = &self.master_key_file {
            return read_key(path);
        }
        let DatabaseUrl::Sqlite(database) = database else {
            return Err(Refusal(
                "PostgreSQL needs a master key given explicitly, the same on every instance: make one with \
                 `openssl rand -base64 32` and give it by --master-key-file or CUSTOMARY_MASTER_KEY"
                    .into(),
            ));
        };
        let path = self.data_dir.join(MASTER_KEY_FILE);
        if path.exists() {
            return read_key(&path);
        }
        if database.exists() {
            return Err(Refusal(format!(
                "{} is there but its master key {} is not; put the key back or give it by --master-key-file",
                database.display(),
                path.display()
            )));
        }
        make_key(&self.data_dir, &path)
    }
}

fn read_key(path: &Path) -> Result<MasterKey, Refusal> {
    let text = fs::read_to_string(path)
        .map_err(|error| Refusal(format!("the master key {} cannot be read: {error}", path.display())))?;
    MasterKey::parse(&text).map_err(|error| Refusal(format!("{}: {error}", path.display())))
}

/// Makes a key file that only its owner reads, durable before it is used.
fn make_key(folder: &Path, path: &Path) -> Result<MasterKey, Refusal> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let refused =
        |error: std::io::Error| Refusal(format!("the master key {} cannot be made: {error}", path.display()));
    let text = MasterKey::generate().map_err(|error| Refusal(error.to_string()))?;
    fs::create_dir_all(folder).map_err(refused)?;
    // Written whole under another name first: a first start that is killed leaves no half a key.
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    let mut file =
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(refused)?;
    writeln!(file, "{}", text.as_str()).and_then(|()| file.sync_all()).map_err(refused)?;
    // Two first starts at once: whoever links first has made the key for both.
    let linked = fs::hard_link(&draft, path);
    let _ = fs::remove_file(&draft);
    if linked.is_err() && !path.exists() {
        return Err(refused(linked.err().unwrap_or_else(|| std::io::Error::other("no link"))));
    }
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(refused)?;
    read_key(path)
}

/// Options of `serve`.
#[derive(Debug, Clone, Args)]
#[expect(clippy::doc_markdown, reason = "--help prints these texts as they stand")]
pub struct Serve {
    /// Address to listen on
    #[arg(long, env = "CUSTOMARY_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,

    /// Address under which clients reach the service, for links [default: http://LISTEN]
    #[arg(long, env = "CUSTOMARY_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,

    /// How long idempotency keys are kept, up to 30d
    #[arg(long, env = "CUSTOMARY_IDEMPOTENCY_TTL", default_value = "24h", value_name = "DURATION", value_parser = idempotency_ttl)]
    pub idempotency_ttl: std::time::Duration,

    /// How long the links of invitations and consent mails hold
    #[arg(long, env = "CUSTOMARY_LINK_TTL", default_value = "7d", value_name = "DURATION", value_parser = link_ttl)]
    pub link_ttl: std::time::Duration,

    /// The mail server: smtps://USER:PASSWORD@HOST:PORT for TLS, smtp://… for STARTTLS, smtp://…?tls=none for neither
    /// [default: none; mails are put into --mail-dir]
    #[arg(long, env = "CUSTOMARY_SMTP_URL", value_name = "URL", hide_env_values = true)]
    pub smtp_url: Option<String>,

    /// A certificate that the mail server's is signed by, as PEM, beside those that the system trusts
    #[arg(long, env = "CUSTOMARY_SMTP_CA_FILE", value_name = "FILE")]
    pub smtp_ca_file: Option<PathBuf>,

    /// How long the mail server may take for one answer, and a tenth of what it may take for a whole message
    #[arg(long, env = "CUSTOMARY_SMTP_TIMEOUT", default_value = "1m", value_name = "DURATION", value_parser = short_time)]
    pub smtp_timeout: std::time::Duration,

    /// How many connections to the mail server send at once
    #[arg(long, env = "CUSTOMARY_SMTP_CONNECTIONS", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub smtp_connections: u8,

    /// The address that mails come from [default: no-reply@localhost without a mail server]
    #[arg(long, env = "CUSTOMARY_MAIL_FROM", value_name = "ADDRESS")]
    pub mail_from: Option<String>,

    /// Folder that mails are put into as .eml files where there is no mail server [default: mail in the data folder]
    #[arg(long, env = "CUSTOMARY_MAIL_DIR", value_name = "FOLDER")]
    pub mail_dir: Option<PathBuf>,

    /// Folder with templates of mails that replace the built-in ones of the same name
    #[arg(long, env = "CUSTOMARY_MAIL_TEMPLATES", value_name = "FOLDER")]
    pub mail_templates: Option<PathBuf>,

    /// How long to wait before a mail is tried again; twice as long each time, up to 2h
    #[arg(long, env = "CUSTOMARY_MAIL_RETRY", default_value = "30s", value_name = "DURATION", value_parser = short_time)]
    pub mail_retry: std::time::Duration,

    /// How long imports and their reports are kept after their end
    #[arg(long, env = "CUSTOMARY_IMPORT_RETENTION", default_value = "30d", value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub import_retention: std::time::Duration,

    /// The most bytes of an imported file
    #[arg(long, env = "CUSTOMARY_IMPORT_MAX_BYTES", default_value_t = 4 << 30, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub import_max_bytes: u64,

    /// The most commands of one write transaction; 1 writes each request on its own
    #[arg(long, env = "CUSTOMARY_BATCH_MAX", default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub batch_max: u16,

    /// Threads that write on PostgreSQL (SQLite has one)
    #[arg(long, env = "CUSTOMARY_WRITERS", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=3))]
    pub writers: u8,

    /// Threads that read, each with its own connection [default: 2 a core]
    #[arg(long, env = "CUSTOMARY_READERS", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub readers: Option<u8>,

    /// Threads that answer requests [default: 1 a core]
    #[arg(long, env = "CUSTOMARY_WORKERS", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub workers: Option<u8>,
}

const LINK_TTL_MAX_SECS: u64 = 90 * 24 * 3600;
const TTL_MAX_SECS: u64 = 30 * 24 * 3600;

fn link_ttl(text: &str) -> Result<std::time::Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if (1..=LINK_TTL_MAX_SECS).contains(&duration.as_secs()) {
        Ok(duration)
    } else {
        Err("must be from 1s to 90d".into())
    }
}

const SHORT_MAX_SECS: u64 = 3600;

fn short_time(text: &str) -> Result<std::time::Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration.as_millis() >= 1 && duration.as_secs() <= SHORT_MAX_SECS {
        Ok(duration)
    } else {
        Err("must be from 1ms to 1h".into())
    }
}

fn idempotency_ttl(text: &str) -> Result<std::time::Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if (1..=TTL_MAX_SECS).contains(&duration.as_secs()) {
        Ok(duration)
    } else {
        Err("must be from 1s to 30d".into())
    }
}

impl Serve {
    /// Refuses a configuration that would expose keys or make wrong links.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub fn check(&self, global: &Global) -> Result<(), Refusal> {
        if !self.listen.ip().is_loopback() && !global.has_explicit_key() {
            return Err(Refusal(format!(
                "{} is reachable from outside, and the master key would lie beside the data; make one with \
                 `openssl rand -base64 32` and give it by --master-key-file or CUSTOMARY_MASTER_KEY, or listen on 127.0.0.1",
                self.listen
            )));
        }
        if let Some(url) = &self.public_url
            && !(url.starts_with("http://") || url.starts_with("https://"))
        {
            return Err(Refusal(format!("--public-url {url} must start with http:// or https://")));
        }
        Ok(())
    }

    /// Where mails go and how they look.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub fn mailer(&self, global: &Global) -> Result<(Composer, Transport), Refusal> {
        let templates = match &self.mail_templates {
            Some(folder) => {
                Templates::of_folder(folder).map_err(|why| Refusal(format!("--mail-templates: {why}")))?
            }
            None => Templates::built_in().map_err(Refusal)?,
        };
        let from = match (&self.mail_from, &self.smtp_url) {
            (Some(from), _) => from.as_str(),
            (None, None) => MAIL_FROM_DEFAULT,
            (None, Some(_)) => {
                return Err(Refusal("--smtp-url needs --mail-from, the address that mails come from".into()));
            }
        };
        let from = Address::from_str(from)
            .map_err(|_| Refusal(format!("--mail-from {from} is no address such as shop@example.com")))?;
        let transport = match &self.smtp_url {
            Some(url) => {
                let certificates = self.smtp_ca_file.as_ref().map(fs::read).transpose();
                let certificates =
                    certificates.map_err(|error| Refusal(format!("--smtp-ca-file: {error}")))?;
                let timeout = self.smtp_timeout;
                let options = SmtpOptions::parse(url, from.domain(), certificates.as_deref(), timeout);
                let connections = usize::from(self.smtp_connections);
                Transport::Smtp(options.map_err(|why| Refusal(format!("--smtp-url {why}")))?, connections)
            }
            None => {
                let path = self.mail_dir.clone().unwrap_or_else(|| global.data_dir.join(MAIL_FOLDER));
                let folder = Folder::open(&path).map_err(|error| {
                    Refusal(format!(
                        "the folder of mails {} cannot be made: {error}; choose another with --mail-dir",
                        path.display()
                    ))
                })?;
                Transport::Folder(folder)
            }
        };
        Ok((Composer::new(templates, from, self.base_url()), transport))
    }

    /// The address that links are built from.
    pub fn base_url(&self) -> String {
        match &self.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", self.listen),
        }
    }
}
