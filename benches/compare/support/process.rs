//! Starts the programs under test, waits until they are ready, and stops them on drop.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const START_PATIENCE: Duration = Duration::from_mins(1);
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// A running program. Drop sends SIGTERM, so that the program can end its child processes.
pub struct Process {
    child: Child,
    name: String,
    log: PathBuf,
}

impl Process {
    /// Starts a program, with its output in a file of this folder.
    pub fn start(name: &str, command: &mut Command, folder: &Path) -> Process {
        let log = folder.join(format!("{}.log", name.replace([' ', '/'], "-")));
        let output = || File::options().create(true).append(true).open(&log).expect("a log file");
        let child = command
            .stdin(Stdio::null())
            .stdout(output())
            .stderr(output())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Process { child, name: name.to_owned(), log }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the program listens on this address.
    pub fn listens(&mut self, address: SocketAddr) {
        let deadline = Instant::now() + START_PATIENCE;
        while TcpStream::connect(address).is_err() {
            self.assert_alive();
            assert!(Instant::now() < deadline, "{} is not ready: see {}", self.name, self.log.display());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub fn assert_alive(&mut self) {
        if let Some(status) = self.child.try_wait().expect("a child") {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            let tail: Vec<_> = log.lines().rev().take(20).collect();
            panic!(
                "{} ended: {status}\n{}",
                self.name,
                tail.into_iter().rev().collect::<Vec<_>>().join("\n")
            );
        }
    }

    /// A value of `/proc/PID/status` in MB (2^20 bytes): `VmRSS` is the memory now, `VmHWM` the peak.
    pub fn memory_mb(&self, line: &str) -> f64 {
        let status = self.proc("status");
        let kb = status.lines().find_map(|text| {
            text.strip_prefix(line)?.trim_start_matches(':').trim().strip_suffix(" kB")?.parse::<f64>().ok()
        });
        kb.unwrap_or(f64::NAN) / 1024.0
    }

    /// The CPU time that the process has used so far, in seconds.
    pub fn cpu_secs(&self) -> f64 {
        // Linux has used ticks of 10 ms here on every common architecture.
        const TICKS_A_SECOND: f64 = 100.0;
        let stat = self.proc("stat");
        // The program name in parentheses may contain spaces and parentheses, so count the fields from the last one.
        let fields: Vec<&str> =
            stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(f64::NAN);
        (ticks(11) + ticks(12)) / TICKS_A_SECOND
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.pid())).unwrap_or_default()
    }

    pub fn stop(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
            && self.child.try_wait().is_ok_and(|status| status.is_none())
        {
            let _ = kill_process(pid, Signal::TERM);
            let deadline = Instant::now() + STOP_PATIENCE;
            while self.child.try_wait().is_ok_and(|status| status.is_none()) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(5));
            }
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The folder of the package.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of the installed peers.
pub fn peers() -> PathBuf {
    root().join("target/bench-peers")
}

/// A temporary folder on the same disk as the build, removed on drop.
pub fn folder() -> TempDir {
    let data = root().join("target/bench-data");
    std::fs::create_dir_all(&data).expect("a folder for data");
    TempDir::with_prefix_in("run-", data).expect("a folder")
}

/// A free address, with a port below the range of outgoing connections.
pub fn free_address() -> SocketAddr {
    for _ in 0..1000 {
        let address = SocketAddr::from(([127, 0, 0, 1], fastrand::u16(20000..32000)));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no free port");
}

/// Runs a command to its end and returns its standard output.
pub fn output(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(output.status.success(), "{command:?}\n{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}
