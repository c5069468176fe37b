//! The CPU time that a process has spent.

use std::time::Duration;

use procfs::process::Process;

/// The CPU time of a process in user and kernel, to a hundredth of a second.
pub(crate) fn spent(id: u32) -> Duration {
    let process = Process::new(i32::try_from(id).expect("an id")).expect("its figures");
    let stat = process.stat().expect("a running process");
    #[expect(clippy::cast_precision_loss, reason = "ticks since a start have few bits")]
    let seconds = (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64;
    Duration::from_secs_f64(seconds)
}
