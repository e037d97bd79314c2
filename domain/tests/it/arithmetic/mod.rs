//! Sections 5 and 6: the arithmetic. Random histories are compared with an oracle that looks at every
//! second; properties that are always true are tested; each rule has a drawn timeline.

mod documented;
mod drawn;
mod histories;
mod oracle;
mod order_of_arrival;
mod properties;
mod sets;
mod unplanned_reasons;
