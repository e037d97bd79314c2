//! The arithmetic of sections 5 and 6, judged from outside: random histories against an oracle
//! that looks at every second, the properties that the SPEC calls always true, the seeded
//! mutants, and drawn timelines of every rule.

mod drawn;
mod histories;
mod oracle;
mod properties;
mod sets;
mod unplanned_reasons;
