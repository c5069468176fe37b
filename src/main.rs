//! The program: everything it does is in the library.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    vigie::cli::main(std::env::args_os()).await
}
