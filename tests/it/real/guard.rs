//! Programs that end with this one, however it ends: nothing here is dropped at the end of a test binary.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Runs programs, and ends them when it is dropped, or when this process ends; then their folder goes.
pub struct Guard {
    folder: PathBuf,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    _child: Child,
}

impl Guard {
    /// For programs with their files in `folder`.
    pub fn start(folder: PathBuf) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/real/guard.sh");
        let mut child = Command::new(script)
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let orders = child.stdin.take().expect("a pipe");
        let answers = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { folder, orders, answers, _child: child }
    }

    /// Starts a program under a name for its log; its process is returned.
    pub fn run(&mut self, name: &str, program: &Path, arguments: &[String]) -> u32 {
        let mut line = format!("{name} {}", quoted(&program.to_string_lossy()));
        for argument in arguments {
            write!(line, " {}", quoted(argument)).expect("a string");
        }
        writeln!(self.orders, "{line}").expect("a guard that listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("a guard that answers");
        answer.trim().parse().expect("a process")
    }

    /// The end of what a program has written.
    pub fn said(&self, name: &str) -> String {
        let path = self.folder.join(format!("{name}.log"));
        let text = fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(MOST_LINES)..].join("\n")
    }
}

/// The most lines of a log that are shown.
const MOST_LINES: usize = 30;

/// Whether a process still runs; one that has ended and was not waited for has no program any more.
pub fn runs(process: u32) -> bool {
    fs::read_link(format!("/proc/{process}/exe")).is_ok()
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
