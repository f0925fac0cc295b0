//! Tells the code which FFmpeg it is compiled for: `cfg(ffmpeg_6_1)` from 6.1 on, which moved
//! fields of its structures.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(ffmpeg_6_1)");
    // Told by ffmpeg-sys-next, which has looked at the headers.
    if std::env::var_os("DEP_FFMPEG_FFMPEG_6_1").is_some_and(|value| value == "true") {
        println!("cargo::rustc-cfg=ffmpeg_6_1");
    }
}
