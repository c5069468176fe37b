//! The program: everything it does is in the library.

use std::process::ExitCode;
use std::time::Duration;

/// How long threads that are stuck in the file system are waited for at the end.
const LEAVE_BEHIND: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return vigie::cli::unable(&error.into()),
    };
    let code = runtime.block_on(vigie::cli::main(std::env::args_os()));
    runtime.shutdown_timeout(LEAVE_BEHIND);
    code
}
