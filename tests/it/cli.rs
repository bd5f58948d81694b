//! The command line: the output of a first start (`first_start`), refused configuration (`refusals`), the subcommands
//! beside a running server (`commands`), what people try first (`conventions`), and the import of files (`import`).

mod commands;
mod conventions;
mod first_start;
mod import;
mod refusals;

use std::io::Read as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A child process that is killed when dropped.
struct Process(Child);

impl Process {
    fn spawn(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.spawn().expect("the program runs"))
    }

    /// Fails with what the process said if it has ended.
    fn must_run(&mut self) {
        let Some(status) = self.0.try_wait().expect("the status is available") else { return };
        let mut said = String::new();
        self.0.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
        panic!("it ended: {status}\n{said}");
    }

    /// The exit status and output, or `None` if the process still runs after that time.
    fn end(mut self, patience: Duration) -> Option<(ExitStatus, String, String)> {
        let deadline = Instant::now() + patience;
        let status = loop {
            match self.0.try_wait().expect("the status is available") {
                Some(status) => break status,
                None if Instant::now() > deadline => return None,
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.0.stdout.take().expect("a pipe").read_to_string(&mut stdout).expect("text");
        self.0.stderr.take().expect("a pipe").read_to_string(&mut stderr).expect("text");
        Some((status, stdout, stderr))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
