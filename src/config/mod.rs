//! Settings from the command line and the environment. They are checked before the service opens anything.

mod listen;
mod mail;
mod provider;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use url::{Host, Url};

pub use self::listen::Listen;
pub use self::mail::MailOptions;
pub use self::provider::ProviderOptions;

use crate::store::DatabaseUrl;
use crate::vault::MasterKey;

/// Options of every subcommand.
#[derive(Debug, Clone, Args)]
#[expect(clippy::doc_markdown, reason = "--help prints these texts as they stand")]
pub struct Global {
    /// Folder for the SQLite database and for the master key that the first start creates
    #[arg(long, global = true, env = "CUSTOMARY_DATA_DIR", default_value = "./data", value_name = "FOLDER")]
    pub data_dir: PathBuf,

    /// Database: sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE [default: SQLite in the data folder]
    #[arg(long, global = true, env = "CUSTOMARY_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,

    /// File with the master key: 32 bytes as base64 or hexadecimal
    #[arg(long, global = true, env = "CUSTOMARY_MASTER_KEY_FILE", value_name = "FILE")]
    pub master_key_file: Option<PathBuf>,

    /// The master key itself; set it in the environment, where other users cannot see it
    #[arg(long, global = true, env = "CUSTOMARY_MASTER_KEY", value_name = "KEY", hide_env_values = true)]
    pub master_key: Option<String>,

    /// What to log: error, warn, info, debug, or a filter such as customary=debug
    #[arg(long, global = true, env = "CUSTOMARY_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,
}

const DATABASE_FILE: &str = "customary.db";
const MASTER_KEY_FILE: &str = "master.key";
/// Beside the master key from the moment when a first start makes that key until the database is complete.
const FIRST_START_FILE: &str = "master.key.first-start";
const FIRST_TOKEN_FILE: &str = "first-token";
/// The link that makes the first owner, in the data folder.
const OWNER_LINK_FILE: &str = "first-owner";
/// The permissions of everybody but the owner.
const OTHERS: u32 = 0o077;
/// Only its owner can remove a file of such a folder.
const STICKY: u32 = 0o1000;
/// Permissions with which a key is no secret: everybody may read or change it, or the group may change it. A group may
/// read it, because that is how systems hand secrets to a service that does not own them.
const OPEN: u32 = 0o027;

/// A wrong setting: a message that tells the operator what to change.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

impl Global {
    /// The database to use.
    ///
    /// # Errors
    /// The URL is not one of a supported database, or leads to another machine without encryption.
    pub fn database(&self) -> Result<DatabaseUrl, ConfigError> {
        let Some(text) = &self.database_url else {
            return Ok(DatabaseUrl::Sqlite(self.data_dir.join(DATABASE_FILE)));
        };
        let url: DatabaseUrl = text.parse().map_err(|why| ConfigError(format!("--database-url: {why}")))?;
        let environment = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        url.encrypted(environment("PGHOST").as_deref(), environment("PGSSLMODE").as_deref())
            .map_err(|why| ConfigError(format!("--database-url: {why}")))
    }

    /// Makes what the first start of the service needs: the data folder for the default database. Nobody but its owner
    /// can read what is in it: a folder that is there already is taken from other users.
    ///
    /// # Errors
    /// The folder cannot be created.
    pub fn make_folder(&self) -> Result<(), ConfigError> {
        if self.database_url.is_some() {
            let secrets = [MASTER_KEY_FILE, FIRST_TOKEN_FILE, OWNER_LINK_FILE, mail::MAIL_FOLDER];
            if secrets.iter().any(|name| self.data_dir.join(name).exists()) {
                close_folder(&self.data_dir);
            }
            return Ok(());
        }
        make_private_folder(&self.data_dir).map_err(|error| {
            ConfigError(format!(
                "cannot create the data folder {}: {error}; choose another with --data-dir",
                self.data_dir.display()
            ))
        })?;
        close_folder(&self.data_dir);
        Ok(())
    }

    /// Refuses to go on without a database, as every subcommand but `serve` does: in the wrong folder it would work on a
    /// new one. An empty PostgreSQL database shows only once it is open.
    ///
    /// # Errors
    /// There is no file where the SQLite database should be.
    pub fn require_database(&self, database: &DatabaseUrl) -> Result<(), ConfigError> {
        match database {
            // The store has a better message for a database that was lost.
            DatabaseUrl::Sqlite(path) if !path.exists() && self.may_begin() && !has_log(path) => {
                Err(ConfigError(format!(
                    "{} does not exist; --data-dir or --database-url names another place, and `customary serve` makes a new \
                 database",
                    path.display()
                )))
            }
            DatabaseUrl::Sqlite(_) | DatabaseUrl::Postgres(_) => Ok(()),
        }
    }

    /// Takes the database file from other users of this machine, if an earlier version left it to them. SQLite gives the
    /// files beside it the same permissions.
    pub fn close_to_others(&self, database: &DatabaseUrl) {
        use std::os::unix::fs::PermissionsExt as _;
        let DatabaseUrl::Sqlite(path) = database else { return };
        let Ok(metadata) = fs::metadata(path) else { return };
        let mode = metadata.permissions().mode();
        if mode & OTHERS == 0 {
            return;
        }
        // A file of another owner stays as that owner wants it.
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(mode & !OTHERS));
    }

    /// Keeps the first token in a file that only its owner can read, where standard output is no terminal: logs are read by
    /// many and kept for long. Returns its path.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep_first_token(&self, token: &str) -> Result<PathBuf, ConfigError> {
        let why = "make a token with `customary token create` instead";
        self.keep_secret(FIRST_TOKEN_FILE, token, ("the first token", why))
    }

    /// As [`Global::keep_first_token`], for the link that makes the first owner.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep_owner_link(&self, link: &str) -> Result<PathBuf, ConfigError> {
        let why = "invite an owner with `customary staff invite --role owner` instead";
        self.keep_secret(OWNER_LINK_FILE, link, ("the link of the first owner", why))
    }

    fn keep_secret(&self, file: &str, text: &str, (what, why): (&str, &str)) -> Result<PathBuf, ConfigError> {
        let path = self.data_dir.join(file);
        let refused = |error: std::io::Error| {
            ConfigError(format!("cannot write {what} to {}: {error}; {why}", path.display()))
        };
        make_private_folder(&self.data_dir).map_err(refused)?;
        write_private(&path, text).map_err(refused)?;
        Ok(fs::canonicalize(&path).unwrap_or(path))
    }

    /// Whether the operator gave a master key. Without one, the first start creates it.
    pub fn has_explicit_key(&self) -> bool {
        self.master_key.is_some() || self.master_key_file.is_some()
    }

    /// The master key that the operator gave. On SQLite only, without one: the key in the data folder, which the first
    /// start creates: only `serve` calls this while there is no database.
    ///
    /// # Errors
    /// There is no usable key; the message says what to change.
    pub fn master_key(&self, database: &DatabaseUrl) -> Result<MasterKey, ConfigError> {
        if self.master_key.is_some() && self.master_key_file.is_some() {
            return Err(ConfigError(
                "both CUSTOMARY_MASTER_KEY and --master-key-file are set; set only one of them".into(),
            ));
        }
        if let Some(text) = &self.master_key {
            return MasterKey::parse(text)
                .map_err(|error| ConfigError(format!("CUSTOMARY_MASTER_KEY: {error}")));
        }
        if let Some(path) = &self.master_key_file {
            return read_key(path);
        }
        let DatabaseUrl::Sqlite(database) = database else {
            return Err(ConfigError(
                "PostgreSQL needs an explicit master key, the same on every instance: make one with \
                 `openssl rand -base64 32` and set --master-key-file or CUSTOMARY_MASTER_KEY"
                    .into(),
            ));
        };
        let path = self.data_dir.join(MASTER_KEY_FILE);
        if path.exists() {
            return read_key(&path);
        }
        if database.exists() {
            return Err(ConfigError(format!(
                "{} exists, but its master key {} does not; put the key back or name its file with --master-key-file",
                database.display(),
                path.display()
            )));
        }
        let mark = self.data_dir.join(FIRST_START_FILE);
        fs::write(&mark, "")
            .map_err(|error| ConfigError(format!("cannot write {}: {error}", mark.display())))?;
        make_key(&self.data_dir, &path)
    }

    /// Whether an empty database may be filled, as at a first start. It may not if the data folder holds the master key of
    /// an earlier database: that database was moved, removed or emptied. Ask before [`Global::master_key`], which makes
    /// a missing key.
    pub fn may_begin(&self) -> bool {
        // In this order: another first start removes its mark once the database is complete.
        self.has_explicit_key()
            || !self.data_dir.join(MASTER_KEY_FILE).exists()
            || self.data_dir.join(FIRST_START_FILE).exists()
    }

    /// Records that the database is complete: from now on the master key in the data folder belongs to it.
    pub fn has_begun(&self) {
        let _ = fs::remove_file(self.data_dir.join(FIRST_START_FILE));
    }
}

/// Whether the write-ahead log of a SQLite database is there.
fn has_log(database: &Path) -> bool {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    Path::new(&name).exists()
}

/// Creates a folder that only its owner can read, with the folders above it.
fn make_private_folder(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Takes a folder from other users, as far as its owner is this one. A folder in which everybody may make files of their
/// own, such as /tmp, stays as it is.
fn close_folder(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let Ok(metadata) = fs::metadata(path) else { return };
    let mode = metadata.permissions().mode();
    if mode & OTHERS == 0 {
        return;
    }
    let folder = path.display();
    let before = format!("{:04o}", mode & 0o7777);
    let is_shared = mode & STICKY != 0;
    let closed = !is_shared && fs::set_permissions(path, fs::Permissions::from_mode(mode & !OTHERS)).is_ok();
    if closed {
        tracing::info!(%folder, before, "took the data folder from other users of this machine (mode 0700)");
    } else {
        tracing::warn!(
            %folder, mode = before,
            "other users of this machine can open the data folder: give it mode 0700 or choose another with --data-dir"
        );
    }
}

/// Writes a draft that only its owner can read, beside the file that it is to become; returns its path. A killed start may
/// have left one: in a container, every start has the same process id.
fn write_draft(path: &Path, text: &str) -> std::io::Result<PathBuf> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    let _ = fs::remove_file(&draft);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let done = writeln!(file, "{text}").and_then(|()| file.sync_all());
    if done.is_err() {
        let _ = fs::remove_file(&draft);
    }
    done.map(|()| draft)
}

/// Writes a file that only its owner can read, in place of an earlier one.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let draft = write_draft(path, text)?;
    let done = fs::rename(&draft, path);
    if done.is_err() {
        let _ = fs::remove_file(&draft);
    }
    done
}

fn read_key(path: &Path) -> Result<MasterKey, ConfigError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
    if path.is_file() && mode & OPEN != 0 {
        return Err(ConfigError(format!(
            "other users of this machine can read or change the master key {} (mode {:04o}); take it from them with \
             `chmod 600 {}`",
            path.display(),
            mode & 0o7777,
            path.display()
        )));
    }
    let text = fs::read_to_string(path)
        .map_err(|error| ConfigError(format!("cannot read the master key {}: {error}", path.display())))?;
    MasterKey::parse(&text).map_err(|error| ConfigError(format!("{}: {error}", path.display())))
}

/// Creates a key file that only its owner can read. The file is durable before this returns.
fn make_key(folder: &Path, path: &Path) -> Result<MasterKey, ConfigError> {
    let refused = |error: std::io::Error| {
        ConfigError(format!("cannot create the master key {}: {error}", path.display()))
    };
    let text = MasterKey::generate().map_err(|error| ConfigError(error.to_string()))?;
    fs::create_dir_all(folder).map_err(refused)?;
    // Write the whole file under another name first, so that a killed start leaves no partial key.
    let draft = write_draft(path, text.as_str()).map_err(refused)?;
    // When two first starts race, both use the key of the one that links first.
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
    /// Address to listen on; any address other than loopback requires --master-key-file or CUSTOMARY_MASTER_KEY
    #[arg(long, env = "CUSTOMARY_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT")]
    pub listen: Listen,

    /// URL at which clients reach the service, for links [default: http://LISTEN]
    #[arg(long, env = "CUSTOMARY_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,

    /// Other sites whose scripts may use the API (CORS), such as https://shop.example; repeatable, * for all [default: none]
    #[arg(long, env = "CUSTOMARY_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',', value_parser = origin)]
    pub allow_origin: Vec<String>,

    /// How long the service keeps idempotency keys, from 1s to 30d
    #[arg(long, env = "CUSTOMARY_IDEMPOTENCY_TTL", default_value = "24h", value_name = "DURATION", value_parser = within("1s", "30d"))]
    pub idempotency_ttl: Duration,

    /// How long links in invitations and consent mails stay valid, from 1s to 90d
    #[arg(long, env = "CUSTOMARY_LINK_TTL", default_value = "7d", value_name = "DURATION", value_parser = within("1s", "90d"))]
    pub link_ttl: Duration,

    /// Mail settings.
    #[command(flatten)]
    pub mail: MailOptions,

    /// Settings of the payment provider.
    #[command(flatten)]
    pub provider: ProviderOptions,

    /// How long a customer stays signed in without activity, from 1s to 30d
    #[arg(long, env = "CUSTOMARY_SESSION_IDLE", default_value = "30m", value_name = "DURATION", value_parser = within("1s", "30d"))]
    pub session_idle: Duration,

    /// How long a customer stays signed in at most, from 1s to 30d
    #[arg(long, env = "CUSTOMARY_SESSION_MAX", default_value = "12h", value_name = "DURATION", value_parser = within("1s", "30d"))]
    pub session_max: Duration,

    /// How long a sign-in waits after five failures, at most 5s; each further failure doubles the wait, up to 8 times this
    #[arg(long, env = "CUSTOMARY_LOGIN_WAIT", default_value = "1s", value_name = "DURATION", value_parser = login_wait)]
    pub login_wait: Duration,

    /// How long the service keeps a finished import and its report
    #[arg(long, env = "CUSTOMARY_IMPORT_RETENTION", default_value = "30d", value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub import_retention: Duration,

    /// Maximum size of an imported file, in bytes
    #[arg(long, env = "CUSTOMARY_IMPORT_MAX_BYTES", default_value_t = 4 << 30, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub import_max_bytes: u64,

    /// How long an idle connection stays open, from 1s to 1h
    #[arg(long, env = "CUSTOMARY_KEEP_ALIVE", default_value = "75s", value_name = "DURATION", value_parser = within("1s", "1h"))]
    pub keep_alive: Duration,

    /// How many client connections the service answers; beyond it a request gets 503, unless it asks for /health
    #[arg(long, env = "CUSTOMARY_MAX_CONNECTIONS", default_value = "8192", value_name = "COUNT", value_parser = connections)]
    pub max_connections: usize,

    /// Another address for /health and /metrics, answered by a thread of its own, however busy the service is
    #[arg(long, env = "CUSTOMARY_HEALTH_LISTEN", value_name = "ADDRESS:PORT")]
    pub health_listen: Option<Listen>,

    /// How long after SIGTERM the service still answers while connections are open; it closes each after its answer; from 0s to 1m
    #[arg(long, env = "CUSTOMARY_DRAIN", default_value = "3s", value_name = "DURATION", value_parser = within("0s", "1m"))]
    pub drain: Duration,

    /// Maximum number of commands in one write transaction, from 1 to 256; with 1, each command has its own
    #[arg(long, env = "CUSTOMARY_BATCH_MAX", default_value_t = 256, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub batch_max: u16,

    /// Number of threads that write to PostgreSQL, from 1 to 3; SQLite has one
    #[arg(long, env = "CUSTOMARY_WRITERS", default_value_t = 2, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..=3))]
    pub writers: u8,

    /// Number of threads that read, from 1 to 64, each with its own connection; half of them serve lists, and half as many and
    /// one more are added for searches, unless this is 1 [default: 2 per core]
    #[arg(long, env = "CUSTOMARY_READERS", value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub readers: Option<u8>,

    /// Memory for recently read records, in megabytes; with 0, every read decrypts its record
    #[arg(long, env = "CUSTOMARY_RECORD_CACHE_MB", default_value_t = 32, value_name = "MB", value_parser = clap::value_parser!(u32).range(0..=1_048_576))]
    pub record_cache_mb: u32,

    /// Number of threads that answer requests, from 1 to 64 [default: 1 per core]
    #[arg(long, env = "CUSTOMARY_WORKERS", value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub workers: Option<u8>,
}

const LOGIN_WAIT_MAX_SECS: u64 = 5;
const CONNECTIONS_MAX: usize = 1_000_000;

fn connections(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=CONNECTIONS_MAX) => Ok(count),
        _ => Err(format!("must be a number from 1 to {CONNECTIONS_MAX}")),
    }
}

/// Parses a duration from `least` to `most`; the error names both.
fn within(least: &'static str, most: &'static str) -> impl Fn(&str) -> Result<Duration, String> + Clone {
    move |text| {
        let read = |text| humantime::parse_duration(text).map_err(|error| error.to_string());
        let duration = read(text)?;
        if (read(least)?..=read(most)?).contains(&duration) {
            Ok(duration)
        } else {
            Err(format!("must be from {least} to {most}"))
        }
    }
}

/// Parses an origin as browsers send it: scheme, host, and port unless it is the scheme's own.
fn origin(text: &str) -> Result<String, String> {
    if text == "*" {
        return Ok(text.to_owned());
    }
    let parsed = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let origin = parsed.map(|url| url.origin().ascii_serialization());
    match origin {
        Some(origin) if origin == text => Ok(origin),
        Some(origin) => Err(format!("must be an origin as browsers send it: {origin}")),
        None => Err("must be an origin such as https://shop.example, or *".into()),
    }
}

fn login_wait(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration.as_secs() <= LOGIN_WAIT_MAX_SECS { Ok(duration) } else { Err("must be at most 5s".into()) }
}

impl Serve {
    /// Refuses a configuration that would expose the master key or break links.
    ///
    /// # Errors
    /// The message says what to change.
    pub fn check(&self, global: &Global) -> Result<(), ConfigError> {
        if !self.listen.is_loopback() && !global.has_explicit_key() {
            return Err(ConfigError(format!(
                "other machines can reach {}, so the service needs a master key that is not stored beside the data; make one \
                 with `openssl rand -base64 32` and set --master-key-file or CUSTOMARY_MASTER_KEY, or listen on 127.0.0.1",
                self.listen
            )));
        }
        if let Some(url) = &self.public_url
            && !((url.starts_with("http://") || url.starts_with("https://")) && Url::parse(url).is_ok())
        {
            return Err(ConfigError(format!("--public-url {url} must start with http:// or https://")));
        }
        Ok(())
    }

    /// The path of the public URL: empty, or `/…` without a slash at the end.
    pub fn base_path(&self) -> String {
        Url::parse(&self.base_url())
            .map_or_else(|_| String::new(), |url| url.path().trim_end_matches('/').into())
    }

    /// Whether cookies are restricted to encrypted connections. They are, unless the public URL is plain HTTP to loopback.
    pub fn is_secure(&self) -> bool {
        match Url::parse(&self.base_url()) {
            Ok(url) if url.scheme() == "http" => match url.host() {
                Some(Host::Domain(name)) => name != "localhost",
                Some(Host::Ipv4(address)) => !address.is_loopback(),
                Some(Host::Ipv6(address)) => !address.is_loopback(),
                None => true,
            },
            _ => true,
        }
    }

    /// The start of every link, without a slash at the end.
    pub fn base_url(&self) -> String {
        match &self.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => self.listen_url(),
        }
    }

    /// The URL on which the service itself listens, without a slash at the end.
    pub fn listen_url(&self) -> String {
        format!("http://{}", self.listen)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        serve: Serve,
    }

    #[test]
    fn cookies_are_secure_unless_everything_is_on_this_machine() {
        for (line, is_secure, path) in [
            (vec![], false, ""),
            (vec!["--listen", "0.0.0.0:80"], true, ""),
            (vec!["--listen", "localhost:8080"], false, ""),
            (vec!["--public-url", "http://localhost:8080/"], false, ""),
            (vec!["--public-url", "http://[::1]:8080"], false, ""),
            (vec!["--public-url", "http://pay.example"], true, ""),
            (vec!["--public-url", "http://localhost.example"], true, ""),
            (vec!["--public-url", "https://127.0.0.1/customers/"], true, "/customers"),
        ] {
            let serve =
                Line::try_parse_from(["serve"].into_iter().chain(line.iter().copied())).unwrap().serve;
            assert_eq!((serve.is_secure(), serve.base_path().as_str()), (is_secure, path), "{line:?}");
        }
    }
}
