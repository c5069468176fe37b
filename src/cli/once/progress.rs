//! Progress on a terminal; silent elsewhere, so that a pipeline's log holds the outcome alone.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::model::item::ItemId;

/// A bar that names the item that was looked at last.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Starts a bar on standard error, where that is a terminal.
    pub(super) fn start(items: usize) -> Self {
        let bar =
            ProgressBar::with_draw_target(u64::try_from(items).ok(), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{pos:>4}/{len} {wide_bar} {msg:<40!}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    pub(super) fn looked(&self, item: &ItemId) {
        self.0.set_message(item.to_string());
        self.0.inc(1);
    }

    /// Leaves no trace of the bar.
    pub(super) fn finish(self) {
        self.0.finish_and_clear();
    }
}
