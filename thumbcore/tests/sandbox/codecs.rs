//! Codecs that are decoded in a sandbox only.

use std::{path::Path, process::Command, sync::Arc};

use devstack::oracle;
use thumbcore::{Codec, Error, Extractor, MemorySource};

use crate::support::sandboxed;

/// Files that ffmpeg can make, each with the arguments of its video.
const FILES: [(&str, &[&str]); 20] = [
    ("zmbv.avi", &["-c:v", "zmbv", "-g", "20"]),
    ("zmbv.mkv", &["-c:v", "zmbv", "-g", "20"]),
    (
        "snow.avi",
        &["-c:v", "snow", "-g", "20", "-strict", "experimental"],
    ),
    ("rpza.mov", &["-c:v", "rpza", "-g", "20"]),
    ("smc.mov", &["-c:v", "smc", "-pix_fmt", "pal8", "-g", "20"]),
    ("apng.apng", &["-c:v", "apng", "-g", "20"]),
    ("zlib.avi", &["-c:v", "zlib"]),
    ("magicyuv.avi", &["-c:v", "magicyuv"]),
    ("asv1.avi", &["-c:v", "asv1"]),
    ("asv2.avi", &["-c:v", "asv2"]),
    ("cljr.avi", &["-c:v", "cljr", "-strict", "experimental"]),
    ("speedhq.avi", &["-c:v", "speedhq"]),
    ("jpeg2000.mov", &["-c:v", "jpeg2000"]),
    ("jpegls.avi", &["-c:v", "jpegls"]),
    ("v210.mov", &["-c:v", "v210"]),
    ("v308.mov", &["-c:v", "v308"]),
    ("v410.mov", &["-c:v", "v410"]),
    ("r210.mov", &["-c:v", "r210"]),
    ("y41p.avi", &["-c:v", "y41p"]),
    ("mpeg4.wtv", &["-c:v", "mpeg4", "-g", "20"]),
];

fn make(path: &Path, arguments: &[&str]) {
    // At other sizes FFmpeg 5.1's encoder of RPZA writes beyond its buffer, which some machines
    // notice.
    const PICTURE: &str = "testsrc2=s=176x144:r=10:d=8";
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i"])
        .arg(PICTURE)
        .args(arguments)
        .arg(path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}: {output:?}", path.display());
}

pub(crate) async fn rare_codecs_give_pictures_in_a_sandbox_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let (inside, outside) = (sandboxed(), Extractor::builder().build().unwrap());
    for (name, arguments) in FILES {
        let path = folder.path().join(name);
        make(&path, arguments);
        let source = || Arc::new(MemorySource::new(name, std::fs::read(&path).unwrap()));
        let refused = outside.extract(source()).await.unwrap_err();
        assert!(
            matches!(refused, Error::Unsupported { .. }),
            "{name}: {refused}"
        );

        let extraction = inside.extract(source()).await;
        let extraction = extraction.unwrap_or_else(|error| panic!("{name}: {error}"));
        let first = &extraction.thumbnails[0];
        let times: Vec<_> = extraction.thumbnails.iter().map(|it| it.actual).collect();
        assert!(times.is_sorted_by(|a, b| a < b), "{name}: {times:?}");
        let seconds: Vec<_> = times.iter().map(std::time::Duration::as_secs_f64).collect();
        let theirs = oracle::frames_at(&path, &seconds, first.width(), first.height()).unwrap();
        for (thumbnail, theirs) in extraction.thumbnails.iter().zip(theirs) {
            let ours = image::load_from_memory(thumbnail.image()).unwrap();
            let ssim = oracle::ssim(&ours.to_rgb8(), &theirs);
            assert!(ssim > 0.9, "{name} at {:?}: {ssim:.3}", thumbnail.actual);
        }
    }
}

pub(crate) async fn a_rare_codec_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("zmbv.avi");
    make(&path, &["-c:v", "zmbv"]);
    let extractor = Extractor::builder().build().unwrap();
    let source = MemorySource::new("zmbv.avi", std::fs::read(&path).unwrap());
    let error = extractor.extract(Arc::new(source)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "unsupported codec: zmbv outside of a sandbox"
    );
    assert!(Codec::Zmbv.needs_sandbox());
    assert!(!Codec::H264.needs_sandbox());
}
