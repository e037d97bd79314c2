//! Civil time and maintenance windows, judged from outside: every clock change of six zones over
//! twenty years, months, hours, and what of a window is earned.

// A test may fail by panicking.
mod changes;
mod civil;
mod months;
mod one_off;
mod recurring;
