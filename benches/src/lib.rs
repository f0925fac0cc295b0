//! Measures what thumbcore costs beside the least that it could cost and beside other programs.
//!
//! - [`floor`] is the least work that gives the pictures: the same packets, decoded, scaled and
//!   encoded.
//! - [`media`] are the videos that are measured, made once.
//! - [`cpu`] measures CPU time.
//! - [`text`] writes figures, and sections of pages.
//!
//! Nothing here is part of the product.

pub mod cpu;
pub mod floor;
pub mod media;
pub mod text;
