//! Programs of the machine that Vigie runs on, for one-shot runs on somebody's workstation.
//!
//! A daemon's machine is nobody's workstation: there are none for it, and nothing is ever started.
//! A program is started without a shell, its input closed, and is killed when its time is over.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::Instant;

/// The most that is read of what a program prints, in bytes.
const LONGEST_OUTPUT: u64 = 64 << 10;

/// Where programs are looked for.
#[derive(Clone, Debug, Default)]
pub enum Programs {
    /// Nowhere: this is no workstation.
    #[default]
    Away,
    /// In these folders, written as in `PATH`.
    On(OsString),
}

/// What a program did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// What it printed, both ways, at most 64 KiB each.
    pub output: String,
    /// The code that it ended with; none where a signal ended it.
    pub code: Option<i32>,
}

/// Why a program did not run to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// This is no workstation.
    Away,
    /// It is in none of the folders.
    NotFound,
    /// It can't be started; why.
    NotStarted(String),
    /// It did not end in time.
    TimedOut,
}

impl Programs {
    /// Those of this machine.
    pub fn here() -> Self {
        Self::On(std::env::var_os("PATH").unwrap_or_default())
    }

    /// Runs a program to its end.
    ///
    /// # Errors
    /// It did not come to an end.
    pub async fn run(&self, name: &str, args: &[String], until: Instant) -> Result<Ran, Trouble> {
        let Self::On(path) = self else { return Err(Trouble::Away) };
        let program = find(path, name).ok_or(Trouble::NotFound)?;
        let mut child = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Trouble::NotStarted(error.to_string()))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let ended = async {
            let (mut said, complained) = tokio::join!(read(stdout), read(stderr));
            said.extend(complained);
            (said, child.wait().await)
        };
        let ended = tokio::time::timeout_at(until, ended).await;
        let (output, status) = ended.map_err(|_| Trouble::TimedOut)?;
        let status = status.map_err(|error| Trouble::NotStarted(error.to_string()))?;
        Ok(Ran { output: String::from_utf8_lossy(&output).into_owned(), code: status.code() })
    }
}

/// The beginning of what comes; the rest is read and forgotten, so that nobody waits for a reader.
async fn read(from: Option<impl tokio::io::AsyncRead + Unpin>) -> Vec<u8> {
    let mut output = Vec::new();
    let Some(mut from) = from else { return output };
    if (&mut from).take(LONGEST_OUTPUT).read_to_end(&mut output).await.is_ok() {
        tokio::io::copy(&mut from, &mut tokio::io::sink()).await.ok();
    }
    output
}

/// The first file of this name that may be run.
fn find(path: &OsString, name: &str) -> Option<PathBuf> {
    let may_run = |file: &PathBuf| {
        file.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(path).map(|folder| folder.join(name)).find(may_run)
}
