//! The process as its own kernel tells of it.

use procfs::WithCurrentSystemInfo;
use procfs::process::Process;

use crate::model::vitals::ProcessVitals;

/// The figures of this process; none where `/proc` does not tell.
pub(super) fn vitals() -> Option<ProcessVitals> {
    let process = Process::myself().ok()?;
    let stat = process.stat().ok()?;
    let limits = process.limits().ok()?;
    let ticks = procfs::ticks_per_second();
    let max_fds = match limits.max_open_files.soft_limit {
        procfs::process::LimitValue::Value(most) => most,
        procfs::process::LimitValue::Unlimited => u64::MAX,
    };
    let started = procfs::boot_time_secs().ok()? * ticks + stat.starttime;
    Some(ProcessVitals {
        cpu_seconds: ratio(stat.utime + stat.stime, ticks),
        resident_bytes: stat.rss_bytes().get(),
        virtual_bytes: stat.vsize,
        open_fds: u64::try_from(process.fd_count().ok()?).ok()?,
        max_fds,
        start_time: ratio(started, ticks),
        threads: u64::try_from(stat.num_threads).ok()?,
    })
}

#[expect(clippy::cast_precision_loss, reason = "clock ticks stay far below 2^52")]
fn ratio(ticks: u64, per_second: u64) -> f64 {
    ticks as f64 / per_second as f64
}
