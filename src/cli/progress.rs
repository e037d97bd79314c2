//! A progress bar on standard error, if that is a terminal.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Fewer rows of a ledger are read in a fifth of a second and need no bar.
const WORTH_DRAWING: u64 = 10_000;

/// A progress bar that disappears when it is dropped.
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar titled `what`. It appears with the first [`Progress::at`].
    pub(super) fn new(what: &'static str) -> Self {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target).with_message(what);
        // Without a style the bar has no title.
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {percent:>3} %") {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// Sets the progress, in any unit.
    pub(super) fn at(&self, done: u64, of: u64) {
        self.bar.set_length(of);
        self.bar.set_position(done);
    }

    /// Sets the progress in rows of a ledger, if there are many.
    pub(super) fn rows(&self, done: u64, of: u64) {
        if of >= WORTH_DRAWING {
            self.at(done, of);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
