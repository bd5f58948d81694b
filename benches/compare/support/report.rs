//! Writes `benches/RESULTS.md`. Each bench replaces its own section and its own rows in the table of goals.

use std::path::PathBuf;
use std::process::Command;

use super::process::{output, root};

const INTRO: &str = "# Results of the benches

`benches/create`, `read`, `search`, `console`, `import`, `details`, `ingest`, `growth`, `startup` and `instructions` each write a section of this page;
`benches/all` runs them all. The systems take turns in rounds. Each figure is the median of its rounds, with the lowest and the
highest in brackets. The load client shares the machine with the system under test. On shared machines absolute figures vary by
30 % from run to run, so each ratio compares systems of the same run.
";
const GOALS: &str = "Goals";
const GOALS_HEAD: &str = "| goal | figure | wanted | met |\n|---|---|---|---|\n";
/// The order of the sections.
const ORDER: [&str; 10] =
    [GOALS, "Create", "Read", "Search", "Console", "Import", "Ingest", "Growth", "Startup", "Instructions"];

/// One row of the table of goals; `name` is unique.
pub struct Goal {
    pub name: String,
    pub figure: String,
    pub wanted: &'static str,
    pub is_met: bool,
}

/// Writes a section, after a line about when and where the bench ran, and its goals.
pub fn save(section: &str, body: &str, goals: &[Goal]) {
    let path = path();
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let mut sections = sections(&text);
    let goals_text =
        merged(sections.iter().find(|(name, _)| name == GOALS).map_or("", |(_, body)| body), goals);
    sections.retain(|(name, _)| name != GOALS && name != section);
    sections.push((GOALS.to_owned(), goals_text));
    sections.push((section.to_owned(), format!("{}\n\n{}", provenance(), body.trim())));
    sections.sort_by_key(|(name, _)| ORDER.iter().position(|known| known == name).unwrap_or(ORDER.len()));
    let mut written = INTRO.to_owned();
    for (name, body) in sections {
        written.push_str(&format!("\n## {name}\n\n{}\n", body.trim()));
    }
    std::fs::write(&path, written).expect("the results");
    println!("\n## {section}\n\n{}\n", body.trim());
    for goal in goals {
        println!("{}", row(goal));
    }
    println!("\nwritten to {}", path.display());
}

fn path() -> PathBuf {
    std::env::var_os("BENCH_RESULTS").map_or_else(|| root().join("benches/RESULTS.md"), PathBuf::from)
}

fn sections(text: &str) -> Vec<(String, String)> {
    let parts = text.split("\n## ").skip(1);
    parts
        .map(|part| {
            let (name, body) = part.split_once('\n').unwrap_or((part, ""));
            (name.trim().to_owned(), body.trim().to_owned())
        })
        .collect()
}

fn row(goal: &Goal) -> String {
    let met = if goal.is_met { "yes" } else { "**no**" };
    format!("| {} | {} | {} | {met} |", goal.name, goal.figure, goal.wanted)
}

fn merged(before: &str, goals: &[Goal]) -> String {
    let mut rows: Vec<String> =
        before.lines().filter(|line| line.starts_with("| ")).skip(1).map(str::to_owned).collect();
    for goal in goals {
        let start = format!("| {} |", goal.name);
        rows.retain(|row| !row.starts_with(&start));
        rows.push(row(goal));
    }
    rows.sort();
    format!("{GOALS_HEAD}{}", rows.join("\n"))
}

/// The time, the commit and the machine.
fn provenance() -> String {
    let printed =
        |program: &str, arguments: &[&str]| output(Command::new(program).args(arguments).current_dir(root()));
    let date = printed("date", &["-u", "+%Y-%m-%d %H:%M UTC"]);
    let commit = printed("git", &["rev-parse", "--short", "HEAD"]);
    let is_changed = !printed(
        "git",
        &["status", "--porcelain", "--untracked-files=no", "--", "src", "migrations", "Cargo.toml"],
    )
    .is_empty();
    let other = std::env::var("BENCH_BINARY")
        .map_or_else(|_| String::new(), |_| ", another build of the program".to_owned());
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown", |(_, name)| name.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory_gb = read("/proc/meminfo")
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse::<f64>().ok())
        .map_or(f64::NAN, |kb| kb / 1_048_576.0);
    format!(
        "{date}, commit {commit}{}{other}; {cores} cores of {model}, {memory_gb:.0} GB, Linux {}, fdatasync of 4 KB {:.2} ms.",
        if is_changed { " with changes" } else { "" },
        read("/proc/sys/kernel/osrelease").trim(),
        fdatasync_ms(),
    )
}

/// The median time of 100 syncs, in milliseconds, each after appending 4 KB to a file on the disk of the build.
fn fdatasync_ms() -> f64 {
    use std::io::Write as _;
    let folder = super::process::folder();
    let mut file = std::fs::File::create(folder.path().join("sync")).expect("a file");
    let mut times: Vec<u32> = (0..100)
        .map(|_| {
            let began = std::time::Instant::now();
            file.write_all(&[7; 4096]).and_then(|()| file.sync_data()).expect("a disk");
            super::stats::micros(began)
        })
        .collect();
    times.sort_unstable();
    super::stats::quantile(&times, 0.5) / 1000.0
}

/// The first messages of a system, as paragraphs after a table.
pub fn errors(name: &str, errors: &[String], most: usize) -> String {
    let paragraph = |error: &String| format!("\n{name}: {}\n", error.chars().take(200).collect::<String>());
    errors.iter().take(most).map(paragraph).collect()
}

/// A Markdown table.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
    for row in rows {
        text.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    text
}
