//! The program under test as child processes: a `Site` is a database with its folder and settings, a `Server` is one
//! running instance on it, a `Fleet` holds all instances of a test.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::client::Client;
use super::postgres::Database;
use super::{Db, at_once};

/// "customary-test-master-key-012345"
pub const MASTER_KEY: &str = "Y3VzdG9tYXJ5LXRlc3QtbWFzdGVyLWtleS0wMTIzNDU=";

const START_PATIENCE: Duration = Duration::from_secs(30);
const STOP_PATIENCE: Duration = Duration::from_secs(15);

/// `TEST_BINARY` names another build of the program to test, for instance the release build.
fn binary() -> PathBuf {
    std::env::var_os("TEST_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_customary").into(), PathBuf::from)
}

/// An empty database, the folders beside it, and the settings of every process on it.
pub struct Site {
    pub db: Db,
    folder: TempDir,
    database: Option<Database>,
    environment: Vec<(String, String)>,
    token: OnceLock<String>,
}

impl Site {
    pub fn new(db: Db) -> Arc<Self> {
        Self::with_environment(db, &[])
    }

    /// A setting given here overrides the harness's own setting of the same name.
    pub fn with_environment(db: Db, environment: &[(&str, &str)]) -> Arc<Self> {
        let folder = TempDir::with_prefix("customary-test-").unwrap();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        Arc::new(Self {
            db,
            folder,
            database: (db == Db::Postgres).then(Database::create),
            environment: environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            token: OnceLock::new(),
        })
    }

    /// The folder of everything that the processes of this site write: data folders, logs, temporary files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn database_file(&self) -> PathBuf {
        assert_eq!(self.db, Db::Sqlite, "only SQLite has a database file");
        self.data_dir(0).join("customary.db")
    }

    /// The URL of the PostgreSQL database, if the site has one.
    pub fn database_url(&self) -> Option<&str> {
        self.database.as_ref().map(|database| database.url.as_str())
    }

    /// Each instance has its own folder, as on separate machines; on PostgreSQL instances must not need to share one.
    pub fn data_dir(&self, instance: usize) -> PathBuf {
        self.folder().join(format!("data-{instance}"))
    }

    /// The program with this site's database and settings, ready to run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(0, arguments)
    }

    fn command_of(&self, instance: usize, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CUSTOMARY_") {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .arg("--data-dir")
            .arg(self.data_dir(instance))
            .env("CUSTOMARY_MASTER_KEY", MASTER_KEY)
            .env("CUSTOMARY_LOG", "warn")
            // The clients of the tests keep their connections.
            .env("CUSTOMARY_DRAIN", "50ms")
            .env("TMPDIR", self.folder().join("tmp"))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        if let Some(url) = self.database_url() {
            command.args(["--database-url", url]);
        }
        command
    }

    /// Runs a subcommand to its end.
    pub fn cli(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output().expect("the program runs");
        Output {
            status: output.status,
            stdout: String::from_utf8(output.stdout).expect("stdout is text"),
            stderr: String::from_utf8(output.stderr).expect("stderr is text"),
        }
    }

    /// Creates a token: `site.new_token(&["--org", "1", "--entry", "demo", "--scope", "customers:read"])`.
    pub fn new_token(&self, arguments: &[&str]) -> String {
        let token = self.cli(&[&["token", "create"], arguments].concat()).success();
        assert_eq!(token.split('.').count(), 3, "stdout is the bare token, not {token:?}");
        token
    }

    /// The token for tests that are not about tokens: every right on customers, every entrypoint of the first
    /// organisation. The site's first start must be done.
    pub fn token(&self) -> &str {
        self.token.get_or_init(|| self.new_token(&["--org", "1", "--all-entries"]))
    }
}

/// What a subcommand printed, and its exit status.
#[derive(Debug)]
pub struct Output {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// Asserts success; the standard output without the last line end.
    #[track_caller]
    pub fn success(self) -> String {
        assert!(self.status.success(), "{}\nstdout: {}\nstderr: {}", self.status, self.stdout, self.stderr);
        self.stdout.trim_end().to_owned()
    }
}

/// One instance. Dropping it kills it.
pub struct Server {
    site: Arc<Site>,
    number: usize,
    port: Port,
    child: Option<Child>,
}

impl Server {
    /// Starts one instance on a database of its own, and waits until it is ready.
    pub async fn start(db: Db) -> Self {
        Self::start_on(&Site::new(db)).await
    }

    /// Starts one instance on a site that may have others, and waits until it is ready.
    pub async fn start_on(site: &Arc<Site>) -> Self {
        let mut server = Self::new(site, 0);
        server.spawn();
        server.ready().await;
        server
    }

    /// An instance that is not running yet; its number is unique within the site.
    pub fn new(site: &Arc<Site>, number: usize) -> Self {
        Self { site: Arc::clone(site), number, port: Port::reserve(), child: None }
    }

    /// Starts the process and does not wait for it.
    pub fn spawn(&mut self) {
        assert!(self.child.is_none(), "the server already runs");
        let log = |stream| File::options().create(true).append(true).open(self.log(stream)).unwrap();
        let address = format!("127.0.0.1:{}", self.port.number);
        let child = self
            .site
            .command_of(self.number, &["serve", "--listen", &address])
            .stdout(log("stdout"))
            .stderr(log("stderr"))
            .spawn()
            .expect("the program runs");
        self.child = Some(child);
    }

    /// Waits until the instance says that it is ready.
    pub async fn ready(&mut self) {
        let client = Client::new(self.base());
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            if let Ok(answer) = client.try_send(reqwest::Method::GET, "/health/ready", None, &[]).await
                && answer.status == 200
            {
                return;
            }
            if let Some(status) = self.child.as_mut().expect("it was spawned").try_wait().unwrap() {
                panic!("the server ended instead of becoming ready: {status}\n{}", self.logs());
            }
            assert!(Instant::now() < deadline, "not ready after {START_PATIENCE:?}\n{}", self.logs());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Sends SIGKILL: the process gets no chance to finish anything.
    pub fn kill9(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Sends SIGTERM; the exit status of the process.
    pub async fn terminate(&mut self) -> ExitStatus {
        kill_process(Pid::from_child(self.child.as_ref().expect("it runs")), Signal::TERM).unwrap();
        self.ended().await
    }

    /// Waits for the end of a process that was asked to end; its exit status.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        let deadline = Instant::now() + STOP_PATIENCE;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            if Instant::now() > deadline {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("still running after {STOP_PATIENCE:?}\n{}", self.logs());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Starts the instance again on the same port, and kills it first if it still runs.
    pub async fn restart(&mut self) {
        self.kill9();
        self.spawn();
        self.ready().await;
    }

    pub fn site(&self) -> &Arc<Site> {
        &self.site
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    pub fn cli(&self, arguments: &[&str]) -> Output {
        self.site.cli(arguments)
    }

    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port.number)
    }

    /// A client with the site's own token.
    pub fn client(&self) -> Client {
        self.anonymous().token(self.site.token())
    }

    /// A client without a token.
    pub fn anonymous(&self) -> Client {
        Client::new(self.base())
    }

    /// Everything that the instance printed, over all its restarts.
    pub fn logs(&self) -> String {
        let read = |stream| fs::read_to_string(self.log(stream)).unwrap_or_default();
        format!("--- stdout\n{}\n--- stderr\n{}", read("stdout"), read("stderr"))
    }

    /// Everything that the instance printed to its standard output, over all its restarts.
    pub fn stdout(&self) -> String {
        fs::read_to_string(self.log("stdout")).unwrap_or_default()
    }

    /// The token of the first start, from the file that holds it, if this instance made it.
    pub fn first_token(&self) -> Option<String> {
        let path = self.site.data_dir(self.number).join("first-token");
        fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
    }

    fn log(&self, stream: &str) -> PathBuf {
        self.site.folder().join(format!("instance-{}.{stream}", self.number))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill9();
        if std::thread::panicking() {
            eprintln!("instance {}:\n{}", self.number, self.logs());
        }
    }
}

/// All instances of a test, on one database.
pub struct Fleet {
    pub servers: Vec<Server>,
    clients: Vec<Client>,
}

impl Fleet {
    /// The instances start at the same time, so each start of several is also a race for the work of the first start.
    pub async fn start(db: Db, instances: usize) -> Self {
        assert!(db == Db::Postgres || instances == 1, "SQLite allows one instance");
        let site = Site::new(db);
        let mut servers: Vec<_> = (0..instances).map(|number| Server::new(&site, number)).collect();
        servers.iter_mut().for_each(Server::spawn);
        for server in &mut servers {
            server.ready().await;
        }
        let clients = servers.iter().map(Server::client).collect();
        Self { servers, clients }
    }

    pub fn site(&self) -> &Arc<Site> {
        self.servers[0].site()
    }

    /// A client of the instance with this number, modulo their count.
    pub fn client(&self, number: usize) -> Client {
        self.clients[number % self.clients.len()].clone()
    }

    /// Sends `count` requests at the same time, spread over the instances; the answers in order.
    pub async fn race<F>(&self, count: usize, mut ask: impl FnMut(usize, Client) -> F) -> Vec<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        at_once((0..count).map(|number| ask(number, self.client(number)))).await
    }
}

/// A port that no other test on this machine takes while this value lives, even between restarts, when nothing listens
/// on it.
struct Port {
    number: u16,
    _lock: File,
}

impl Port {
    fn reserve() -> Self {
        let folder = std::env::temp_dir().join("customary-test-ports");
        fs::create_dir_all(&folder).unwrap();
        for _ in 0..1000 {
            // Below the range of outgoing connections, which might take the port between restarts.
            let number = fastrand::u16(20000..32000);
            let lock = File::create(folder.join(number.to_string())).unwrap();
            if lock.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", number)).is_ok() {
                return Self { number, _lock: lock };
            }
        }
        panic!("no free port");
    }
}
