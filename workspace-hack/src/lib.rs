//! One set of features for the dependencies of every program.
//!
//! Cargo builds a dependency once for each set of features that is asked of it.
//! `cargo build -p thumb-cli` asks for fewer than `cargo build --workspace`, and tests ask for
//! more; without this crate each switch between them would build some fifty dependencies anew. The
//! crate holds no code: its manifest asks for what any of the others asks for. The programs and
//! `devstack` depend on it. `thumbcore`, `contract` and the dashboard do not, so that whoever
//! embeds them gets only what they need.
//!
//! `xtask/tests/workspace/features.rs` says what is missing here.
