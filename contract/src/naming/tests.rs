use super::*;

fn first(key: &str) -> String {
    let [plain, ..] = Prefixes::default().candidates(key).unwrap();
    plain.thumbnail(1, "jpg")
}

#[test]
fn names_follow_the_upload() {
    for (key, thumbnail) in [
        ("uploads/b.mp4", "thumbnails/b_1.jpg"),
        ("uploads/a/b.mp4", "thumbnails/a/b_1.jpg"),
        ("uploads/a.b.c.mp4", "thumbnails/a.b.c_1.jpg"),
        ("uploads/B.MP4", "thumbnails/B_1.jpg"),
        ("uploads/my holiday.mkv", "thumbnails/my holiday_1.jpg"),
        ("uploads/ünï/日本 語.ts", "thumbnails/ünï/日本 語_1.jpg"),
        ("uploads/a..b.mp4", "thumbnails/a..b_1.jpg"),
        ("uploads/x_1.3gp", "thumbnails/x_1_1.jpg"),
        ("uploads/../b.mp4", "thumbnails/%2E%2E/b_1.jpg"),
        ("uploads/...mp4", "thumbnails/%2E%2E_1.jpg"),
        ("uploads/.recent/b.mp4", "thumbnails/%2Erecent/b_1.jpg"),
        ("uploads/a/.recent/b.mp4", "thumbnails/a/.recent/b_1.jpg"),
        (
            "uploads/a.storyboard/b.mp4",
            "thumbnails/a%2Estoryboard/b_1.jpg",
        ),
        ("uploads/a.storyboard.mp4", "thumbnails/a.storyboard_1.jpg"),
    ] {
        assert_eq!(first(key), thumbnail, "{key}");
    }
}

#[test]
fn all_extensions_in_any_case() {
    for extension in VIDEO_EXTENSIONS {
        for spelling in [extension.to_owned(), extension.to_uppercase()] {
            assert_eq!(
                first(&format!("uploads/v.{spelling}")),
                "thumbnails/v_1.jpg"
            );
        }
    }
}

#[test]
fn a_refusal_says_what_is_taken() {
    let refused = Prefixes::default().candidates("uploads/a.txt");
    let told = refused.unwrap_err().to_string();
    for extension in VIDEO_EXTENSIONS {
        assert!(told.contains(extension), "{told}");
    }
}

#[test]
fn what_is_no_video_or_no_upload_is_named() {
    let prefixes = Prefixes::default();
    for key in [
        "uploads/notes.txt",
        "uploads/mp4",
        "uploads/.mp4",
        "uploads/dir.mp4/",
        "uploads/",
        "uploads/a.mp4.part",
    ] {
        let error = prefixes.candidates(key).unwrap_err();
        assert!(matches!(error, NamingError::NotAVideo { .. }), "{key}");
        assert!(error.to_string().contains(key), "{error}");
    }
    for key in ["other/a.mp4", "a.mp4", "thumbnails/a.mp4", "uploads.mp4"] {
        let error = prefixes.candidates(key).unwrap_err();
        assert!(matches!(error, NamingError::NotAnUpload { .. }), "{key}");
    }
    let long = format!("uploads/{}.mp4", "x".repeat(992));
    assert!(matches!(
        prefixes.candidates(&long),
        Err(NamingError::TooLong { .. })
    ));
}

#[test]
fn videos_that_differ_in_extension_have_a_way_out() {
    let prefixes = Prefixes::default();
    let mp4 = prefixes.candidates("uploads/b.mp4").unwrap();
    let mov = prefixes.candidates("uploads/b.mov").unwrap();
    assert_eq!(mp4[0], mov[0]);
    assert_eq!(mov[1].thumbnail(3, "webp"), "thumbnails/b.mov_3.webp");
    // `b.mov.mp4` may have taken that one too.
    assert_eq!(prefixes.candidates("uploads/b.mov.mp4").unwrap()[0], mov[1]);
    assert!(mov[2].to_string().starts_with("thumbnails/b.mov-"));
}

#[test]
fn prefixes_are_checked() {
    let prefixes = Prefixes::new("in/videos", "out").unwrap();
    assert_eq!(
        (prefixes.uploads(), prefixes.thumbnails()),
        ("in/videos/", "out/")
    );
    assert_eq!(
        prefixes.candidates("in/videos/a.ts").unwrap()[0].manifest(),
        "out/a.json"
    );

    let everything = Prefixes::new("", "thumbnails/").unwrap();
    assert_eq!(
        everything.candidates("a.ts").unwrap()[0].manifest(),
        "thumbnails/a.json"
    );
    assert!(everything.candidates("thumbnails/a.ts").is_err());

    for (uploads, thumbnails) in [
        ("uploads/", ""),
        ("/uploads", "thumbnails/"),
        ("uploads//", "thumbnails/"),
        ("uploads/", "../thumbnails/"),
        ("uploads/", "a/./b"),
        ("same/", "same"),
        ("thumbnails/uploads/", "thumbnails/"),
        ("a\nb", "thumbnails/"),
    ] {
        assert!(
            Prefixes::new(uploads, thumbnails).is_err(),
            "{uploads:?} {thumbnails:?}"
        );
    }
}

#[test]
fn other_keys_are_no_thumbnails() {
    for key in [
        "t/b_0.jpg",
        "t/b_01.jpg",
        "t/b_.jpg",
        "t/_1.jpg",
        "t/b_1.png",
        "b",
        "t/b_+1.jpg",
        // No video has a hundred pictures.
        "t/b_100.jpg",
        "t/b_100_320.jpg",
        "t/b_1_0320.jpg",
        "t/b_0_320.jpg",
        "t/_1_320.jpg",
        "t/b_1_99999999999.jpg",
    ] {
        assert_eq!(ThumbnailKey::parse(key), None, "{key}");
    }
}

#[test]
fn further_widths_belong_to_their_picture() {
    for (key, name, number, width) in [
        ("t/b_1_320.jpg", "t/b", 1, Some(320)),
        ("t/b_1_100.webp", "t/b", 1, Some(100)),
        ("t/b_99_8192.avif", "t/b", 99, Some(8192)),
        // Pictures of a video that is called like a picture.
        ("t/b_1_2.jpg", "t/b_1", 2, None),
        ("t/b_1_99.jpg", "t/b_1", 99, None),
        ("t/b_1_2_320.jpg", "t/b_1", 2, Some(320)),
        ("t/b_1_320_1.jpg", "t/b_1_320", 1, None),
    ] {
        let parsed = ThumbnailKey::parse(key).unwrap();
        assert_eq!(
            (
                parsed.name.to_string().as_str(),
                parsed.number,
                parsed.width
            ),
            (name, number, width),
            "{key}"
        );
    }
}
