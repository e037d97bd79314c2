//! Section 5: maintenance windows, who is notified of them, and what counts as planned.

mod as_it_happens;
mod notices;
mod one_off;
mod reminders;
mod told_earlier;
mod told_in_time;
