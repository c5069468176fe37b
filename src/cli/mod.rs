//! The command line: what is asked, and the exit code that answers it.

mod acts;
mod check_config;
mod healthy;
mod kinds;
mod once;
mod rbac;
mod reference;
mod run;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::Configuration;
use crate::config::flaw::{Flaw, listing};
use crate::config::load;
use crate::model::counted::counted;

/// What is logged unless somebody asks for more: the scheduler speaks of its own start at length, and
/// the client complains of each request while the API server is down, which the watches tell once.
const DEFAULT_LOG: &str = "info,tokio_cron_scheduler=warn,kube_client=off";
/// Bad usage or a bad configuration.
const BAD_USAGE: u8 = 3;

/// Keeps every line of a deployment checklist true, and says so to Prometheus.
#[derive(Parser)]
#[command(name = "vigie", version, max_term_width = 100)]
struct Cli {
    /// What is logged: `error`, `warn`, `info`, `debug`, or directives such as `vigie=debug,kube=warn`.
    #[arg(long, global = true, default_value = DEFAULT_LOG, env = "VIGIE_LOG_LEVEL")]
    log_level: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The daemon: looks, and serves page, API and metrics.
    Run(run::Run),
    /// Looks at every item one time and prints what was found.
    ///
    /// Exit code: 0 nothing fails, 1 something fails, 2 something is unknown and nothing fails,
    /// 3 bad usage or configuration.
    Once(once::Once),
    /// Prints every mistake of the configuration with its place. Exit code 0 or 3.
    CheckConfig(Files),
    /// Prints the JSON Schema of the configuration, for editors.
    Schema(kinds::Schema),
    /// Lists the kinds of check, or one kind's parameters, reasons and figures.
    Kinds(kinds::Kinds),
    /// Prints the least rights in Kubernetes that the configuration needs, as YAML to apply. Exit
    /// code 0 or 3.
    Rbac(rbac::Rbac),
    /// Tells a running daemon that a person vouches for an item.
    ///
    /// Exit code: 0 recorded, 1 refused or not reached, 2 it may be recorded and nobody knows,
    /// 3 bad usage.
    #[command(override_usage = "vigie attest [OPTIONS] --who <WHO> <ITEM>")]
    #[command(after_help = acts::TOKEN_HELP)]
    Attest(acts::Attest),
    /// Tells a running daemon that a person takes the blame for an item until a certain time.
    ///
    /// Exit code: 0 recorded, 1 refused or not reached, 2 it may be recorded and nobody knows,
    /// 3 bad usage.
    #[command(override_usage = "\
        vigie waive [OPTIONS] --who <WHO> --why <WHY> --reason <REASON> --until <WHEN> <ITEM>\n       \
        vigie waive [OPTIONS] --who <WHO> --take-back <ID> <ITEM>")]
    #[command(after_help = acts::TOKEN_HELP)]
    Waive(acts::Waive),
    /// Tells a running daemon of maintenance.
    ///
    /// Exit code: 0 recorded, 1 refused or not reached, 2 it may be recorded and nobody knows,
    /// 3 bad usage.
    #[command(override_usage = "\
        vigie maintain [OPTIONS] --who <WHO> --why <WHY> --until <WHEN>\n       \
        vigie maintain [OPTIONS] --who <WHO> --take-back <ID>")]
    #[command(after_help = acts::TOKEN_HELP)]
    Maintain(acts::Maintain),
    /// Tells a running daemon of a rollout.
    ///
    /// Exit code: 0 recorded, 1 refused or not reached, 2 it may be recorded and nobody knows,
    /// 3 bad usage.
    #[command(override_usage = "vigie announce [OPTIONS] --version <VERSION> --who <WHO>")]
    #[command(after_help = acts::TOKEN_HELP)]
    Announce(acts::Announce),
    /// Asks a running daemon whether it is healthy. Exit code 0 or 1.
    Healthy(healthy::Healthy),
}

/// The files of a configuration.
#[derive(Args)]
struct Files {
    /// A configuration file; several make one configuration: the checklist, then its environment.
    #[arg(short, long = "config", value_name = "FILE", required = true, num_args = 1..)]
    config: Vec<PathBuf>,
}

/// Does what the arguments ask, and returns the exit code.
pub async fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let Cli { log_level, command } = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    // A look that is printed is not a place for a log, unless somebody asks for one.
    let quiet = !matches!(command, Command::Run(_)) && log_level == DEFAULT_LOG;
    if let Err(error) = crate::telemetry::start(if quiet { "off" } else { &log_level }) {
        return complain(&error);
    }
    match command {
        Command::Run(run) => run::main(run).await,
        Command::Once(once) => once::main(once).await,
        Command::CheckConfig(files) => check_config::main(&files),
        Command::Schema(schema) => kinds::schema(&schema),
        Command::Kinds(kinds) => kinds::main(&kinds),
        Command::Rbac(rbac) => rbac::main(rbac).await,
        Command::Attest(attest) => acts::attest(attest).await,
        Command::Waive(waive) => acts::waive(waive).await,
        Command::Maintain(maintain) => acts::maintain(maintain).await,
        Command::Announce(announce) => acts::announce(announce).await,
        Command::Healthy(healthy) => healthy::main(healthy).await,
    }
}

/// Says why it can't start, with all that led to it.
pub fn unable(error: &anyhow::Error) -> ExitCode {
    complain(&format!("can't start: {error:#}"));
    ExitCode::FAILURE
}

/// Prints clap's answer: help and version succeed, all else is bad usage.
fn usage(error: &clap::Error) -> ExitCode {
    let succeeded = !error.use_stderr();
    match error.print() {
        Ok(()) if succeeded => ExitCode::SUCCESS,
        Ok(()) | Err(_) => ExitCode::from(BAD_USAGE),
    }
}

/// Loads the configuration, or prints all that is wrong with it.
fn load(files: &Files) -> Result<Configuration, ExitCode> {
    told(load::load(&files.config))
}

/// The configuration, or all that is wrong with it, printed.
fn told(loaded: Result<Configuration, Vec<Flaw>>) -> Result<Configuration, ExitCode> {
    loaded.map_err(|flaws| {
        let count = flaws.len();
        // One mistake of a check, or of an item's own words, is told at a time.
        let more = "mend these and look again: a mistake may hide another in the same place";
        complain(&format!("{}\n{}; {more}", listing(&flaws), counted(count, "mistake")))
    })
}

/// Tells the user that it can't be done so.
fn complain(message: &str) -> ExitCode {
    // Nobody is left to be told when standard error is closed.
    writeln!(std::io::stderr(), "{message}").ok();
    ExitCode::from(BAD_USAGE)
}

/// Writes to standard output; a reader that went away (`| head`) is no mistake.
fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => complain(&format!("can't write: {error}")),
    }
}
