//! When the service monitored, and which times its clock showed meanwhile.

use std::sync::Arc;

use jiff::Timestamp;

use super::spans::{close, cut};
use crate::event::GapCause;
use crate::span::Span;

/// The starts and stops of the service, its monitoring gaps, and the course of its clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Monitoring {
    watching: bool,
    resumed_at: Option<Timestamp>,
    watched_until: Option<Timestamp>,
    gaps: Arc<Vec<(Span, GapCause)>>,
    repeated: Arc<Vec<Span>>,
    /// The spans that the clock showed while the service watched, in order. Time that the clock jumped
    /// over, or that passed between a stop and the next start, is not in it.
    shown: Arc<Vec<(Timestamp, Option<Timestamp>)>>,
    lives: Arc<Vec<(Timestamp, Life)>>,
}

/// A start or a stop of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Started. The instant is the last at which the run before is known to have been alive.
    Started(Option<Timestamp>),
    /// Stopped in order.
    Stopped,
    /// Killed. The instant is the last at which the service is known to have been alive.
    Crashed,
}

impl Monitoring {
    /// True from a start of the service to its stop.
    pub fn is_watching(&self) -> bool {
        self.watching
    }

    /// When the service last began to watch: at a start, or after a gap in which it could not.
    pub fn resumed_at(&self) -> Option<Timestamp> {
        self.resumed_at
    }

    /// The last event that only a watching service writes. Its samples up to then are in the record.
    pub fn watched_until(&self) -> Option<Timestamp> {
        self.watched_until
    }

    /// Times in which the service ran but could not watch, in order of their events.
    pub fn gaps(&self) -> &[(Span, GapCause)] {
        &self.gaps
    }

    /// Times that occurred twice because the clock was set back. They are unknown, also where a probe
    /// has samples.
    pub fn repeated(&self) -> &[Span] {
        &self.repeated
    }

    /// Starts and stops of the service, in order.
    pub fn lives(&self) -> &[(Timestamp, Life)] {
        &self.lives
    }

    /// True if that instant occurs twice, because the clock was set back over it.
    pub(crate) fn passes_twice(&self, at: Timestamp) -> bool {
        self.repeated.iter().any(|span| span.contains(at))
    }

    /// The time since `at` that the clock had shown before it reached `until`.
    pub(crate) fn shown_since(&self, at: Timestamp, until: Timestamp) -> Vec<Span> {
        let all = self.shown.iter();
        all.map(|(from, to)| Span::new((*from).max(at), to.unwrap_or(until).min(until)))
            .filter(|span| !span.is_empty())
            .collect()
    }

    /// The last instant at which an earlier run is known to have been alive, for a start at `at`: the
    /// later of `given`, which the caller knows, and of what the record shows.
    pub(crate) fn alive_until(&self, at: Timestamp, given: Option<Timestamp>) -> Timestamp {
        self.known_until(at, given)
            .map_or(at, |known| known.min(at))
    }

    /// The same by the clock of that run, which may have been ahead of `at`.
    pub(super) fn known_until(&self, at: Timestamp, given: Option<Timestamp>) -> Option<Timestamp> {
        if self.watching {
            // A later sample of a time that passes twice is one of the first time.
            let given = given.filter(|given| *given <= at || !self.passes_twice(*given));
            given.max(self.watched_until)
        } else {
            self.lives.last().map(|(stopped_at, _)| *stopped_at)
        }
    }

    /// An event shows that the service watched at that time.
    pub(super) fn watched(&mut self, at: Timestamp) {
        self.watched_until = self.watched_until.max(Some(at));
    }

    pub(super) fn started(&mut self, at: Timestamp, alive_until: Option<Timestamp>) {
        self.watching = true;
        self.resumed_at = Some(at);
        self.show_from(alive_until.unwrap_or(at), at);
        Arc::make_mut(&mut self.lives).push((at, Life::Started(alive_until)));
    }

    pub(super) fn ended(&mut self, at: Timestamp, how: Life) {
        self.watching = false;
        close(Arc::make_mut(&mut self.shown).as_mut_slice(), at);
        Arc::make_mut(&mut self.lives).push((at, how));
    }

    /// Nothing falls due while the service does not watch.
    pub(super) fn pause(&mut self) {
        self.watching = false;
    }

    pub(super) fn gap(&mut self, at: Timestamp, span: Span, cause: GapCause) {
        Arc::make_mut(&mut self.gaps).push((span, cause));
        // A clock that is set does not stop the service from watching.
        if cause != GapCause::ClockStepped {
            self.resumed_at = Some(at);
        }
    }

    /// From now on the clock shows the time after `at`; the time shown before ended at `until`.
    pub(super) fn show_from(&mut self, until: Timestamp, at: Timestamp) {
        let shown = Arc::make_mut(&mut self.shown);
        close(shown, until);
        shown.push((at, None));
    }

    /// The clock was set back from the end of `back` to `at`. The time that it had shown since `at`
    /// occurs again.
    pub(super) fn rewind(&mut self, at: Timestamp, back: Span) {
        let twice = self.shown_since(at, back.to);
        Arc::make_mut(&mut self.repeated).extend(twice);
        let shown = Arc::make_mut(&mut self.shown);
        shown.retain(|(from, _)| *from < at);
        cut(shown, at);
        if self.watching {
            self.show_from(at, at);
        }
        self.resumed_at = self.resumed_at.map(|resumed_at| resumed_at.min(at));
        self.watched_until = self.watched_until.map(|until| until.min(at));
    }
}
