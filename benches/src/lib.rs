//! How much thumbcore costs, measured against what it could cost at least and against what others
//! cost.
//!
//! - [`floor`] is the least work that gives the pictures: the same packets, decoded, scaled and
//!   encoded.
//! - [`media`] are the videos that are measured, made once.
//! - [`cpu`] is the clock.
//!
//! Nothing here is part of the product.

pub mod cpu;
pub mod floor;
pub mod media;
