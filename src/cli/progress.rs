//! How far long work has come: drawn on standard error where that is a terminal, and nowhere else.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Fewer rows of a ledger are read before anybody looks: a fifth of a second's work at most.
const WORTH_DRAWING: u64 = 10_000;

/// A piece of work of known length. It is drawn while it goes on and leaves nothing behind.
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Of `what`, in whatever unit its length has; nothing is drawn before that is known.
    pub(super) fn of(what: &'static str) -> Self {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target).with_message(what);
        // The default is a bar too: only the words would be missing.
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {percent:>3} %") {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// That so much is done, of so much.
    pub(super) fn at(&self, done: u64, of: u64) {
        self.bar.set_length(of);
        self.bar.set_position(done);
    }

    /// That so many rows of a ledger were read, of so many; few are not worth a drawing.
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
