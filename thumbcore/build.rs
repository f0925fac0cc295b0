//! Tells the code which FFmpeg it is compiled for: `cfg(ffmpeg_6_1)` from 6.1 on, which moved
//! fields of its structures. And whether there is a sandbox: `cfg(sandbox)` where the feature is on
//! and the target is one that the sandbox was made for.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(ffmpeg_6_1, sandbox)");
    // Told by ffmpeg-sys-next, which has looked at the headers.
    if std::env::var_os("DEP_FFMPEG_FFMPEG_6_1").is_some_and(|value| value == "true") {
        println!("cargo::rustc-cfg=ffmpeg_6_1");
    }
    let target = |key: &str| std::env::var(format!("CARGO_CFG_TARGET_{key}")).unwrap_or_default();
    let has_sandbox = target("OS") == "linux" && ["x86_64", "aarch64"].contains(&&*target("ARCH"));
    if has_sandbox && std::env::var_os("CARGO_FEATURE_SANDBOX").is_some() {
        println!("cargo::rustc-cfg=sandbox");
    }
}
