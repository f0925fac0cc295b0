//! Sources around sources, for tests of what reads through them: a slow network ([`Latency`]), a
//! broken one ([`Faults`]) and a recorder ([`Trace`]). They stack in any order.

mod faults;
mod latency;
mod trace;

pub use self::{
    faults::{Fault, Faults},
    latency::Latency,
    trace::{Call, Record, Trace},
};
