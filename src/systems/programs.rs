//! Programs of the machine that Vigie runs on, for one-shot runs on somebody's workstation.
//!
//! A daemon's machine is nobody's workstation: there are none for it, and nothing is ever started.
//! A program is started without a shell, its input closed, and is killed when its time is over.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::Instant;

/// The most that is read of what a program prints, in bytes.
const LONGEST_OUTPUT: u64 = 64 << 10;

/// How long is listened to a program that has ended, while others hold its output open.
const LONGEST_ECHO: Duration = Duration::from_millis(500);

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
        let (mut said, mut complained) = (Vec::new(), Vec::new());
        let status = {
            let reading =
                async { tokio::join!(read(stdout, &mut said), read(stderr, &mut complained)) };
            tokio::pin!(reading);
            let ended = async {
                let status = tokio::select! {
                    biased;
                    _ = &mut reading => return child.wait().await,
                    status = child.wait() => status,
                };
                // What it left behind may hold its output open for ever.
                tokio::time::timeout(LONGEST_ECHO, &mut reading).await.ok();
                status
            };
            tokio::time::timeout_at(until, ended).await.map_err(|_| Trouble::TimedOut)?
        };
        said.extend(complained);
        let status = status.map_err(|error| Trouble::NotStarted(error.to_string()))?;
        Ok(Ran { output: String::from_utf8_lossy(&said).into_owned(), code: status.code() })
    }
}

/// The beginning of what comes; the rest is read and forgotten, so that nobody waits for a reader.
async fn read(from: Option<impl tokio::io::AsyncRead + Unpin>, output: &mut Vec<u8>) {
    let Some(mut from) = from else { return };
    if (&mut from).take(LONGEST_OUTPUT).read_to_end(output).await.is_ok() {
        tokio::io::copy(&mut from, &mut tokio::io::sink()).await.ok();
    }
}

/// The first file of this name that may be run. A part of PATH that is empty or relative is the
/// folder that one happens to be in, whose programs nobody vouches for.
fn find(path: &OsString, name: &str) -> Option<PathBuf> {
    let may_run = |file: &PathBuf| {
        file.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    let folders = std::env::split_paths(path).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(name)).find(may_run)
}
