//! Music with a cover.

use std::path::PathBuf;

use super::{cached, ffmpeg};
use crate::process;

/// Ten seconds of sound, and a cover of 320x240 as the file's only picture. `extension` names the
/// container: `m4a` and `mp4` hold AAC and a PNG, `mkv` and `mka` AAC and an attached JPEG.
pub fn music(extension: &str) -> anyhow::Result<PathBuf> {
    let is_attached = matches!(extension, "mkv" | "mka");
    let cover = cover(if is_attached { "mjpeg" } else { "png" })?;
    cached(&format!("music.{extension}"), |path| {
        let mut command = ffmpeg();
        command.args(["-f", "lavfi", "-i", "sine=d=10"]);
        if is_attached {
            command.arg("-attach").arg(&cover);
            command.args(["-metadata:s:t", "mimetype=image/jpeg", "-c:a", "aac"]);
        } else {
            command
                .arg("-i")
                .arg(&cover)
                .args(["-map", "0", "-map", "1"]);
            command.args(["-c:a", "aac", "-c:v", "copy"]);
            command.args(["-disposition:v", "attached_pic"]);
        }
        process::output(command.arg(path)).map(drop)
    })
}

/// The cover, coded by `codec`: `png` or `mjpeg`.
pub fn cover(codec: &str) -> anyhow::Result<PathBuf> {
    cached(&format!("cover.{codec}"), |path| {
        let picture = ["-f", "lavfi", "-i", "testsrc2=s=320x240"];
        let one = ["-frames:v", "1", "-c:v", codec, "-f", "image2"];
        process::output(ffmpeg().args(picture).args(one).arg(path)).map(drop)
    })
}
