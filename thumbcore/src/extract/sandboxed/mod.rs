//! Extraction in a process without rights.
//!
//! ```text
//! program                                             child, one a video
//! remote: a video, its retries                        serve: an Extractor as any other, whose
//! session, desk: a call on a child, limits  <─socket─>       source, memory and CPUs are the link
//! broker: the real source, and its budgets            link: asks the program for them
//! ```
//!
//! The child runs the whole engine, from sniffing the container to encoding pictures, on a source
//! that asks the program for ranges. So nothing of the engine knows of the sandbox, and whatever is
//! built on [`Video`](super::Video) works in it once its request can be serialised. That also puts
//! the parsers of containers and the cache of the file's bytes where the file can do no harm: the
//! program keeps the source and the budgets, and parses nothing but the child's messages
//! ([`wire`]).
//!
//! The program believes nothing that a child says: it counts bytes and requests itself, measures
//! time itself, and checks what an answer claims to be ([`check`]).

mod check;
mod desk;
#[cfg(feature = "testing")]
mod fuzzing;
mod link;
#[cfg(feature = "testing")]
mod misdeed;
pub(super) mod picture;
mod remote;
mod serve;
mod session;
mod wire;

#[cfg(feature = "testing")]
pub use self::fuzzing::hear;
#[cfg(feature = "testing")]
pub(crate) use self::misdeed::{Misdeeds, set as set_misdeeds};
pub(super) use self::remote::{Held, extract, open};
pub(crate) use self::serve::BODY;
