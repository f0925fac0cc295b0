//! Does nothing. Cargo looks at build dependencies, which unify what build scripts and macros are
//! made of, only where there is a build script.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
}
