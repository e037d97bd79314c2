//! The files as they are written: one struct per table, converted at the edge and used nowhere
//! else. Their doc comments are what an editor shows, through the JSON Schemas made from them.
//!
//! `x-later` names keys that belong to Nines and that this version does not know yet.

pub(super) mod policy;
pub(super) mod probe;
pub(super) mod service;
pub(super) mod system;
