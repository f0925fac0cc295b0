//! Uploads from their choice to their end.

use super::*;

fn two() -> Uploads {
    let mut uploads = Uploads::default();
    assert_eq!(uploads.add("a.mp4".to_owned(), 200), 1);
    assert_eq!(uploads.add("b.mp4".to_owned(), 200), 2);
    uploads
}

fn parts() -> Rc<CompleteUpload> {
    Rc::new(CompleteUpload {
        key: "uploads/a.mp4".to_owned(),
        upload_id: Some("7".to_owned()),
        parts: Vec::new(),
    })
}

fn state(uploads: &Uploads, id: u32) -> &UploadState {
    let found = uploads.list.iter().find(|upload| upload.id == id);
    &found.unwrap().state
}

#[test]
fn one_is_sent_at_a_time_and_progress_is_a_share() {
    let mut uploads = two();
    assert_eq!(uploads.begin(), Some(1));
    assert_eq!(uploads.begin(), None);
    uploads.progress(1, 50, 0.0);
    let shares: Vec<_> = uploads.list.iter().map(Upload::share).collect();
    assert_eq!(shares, [0.25, 0.0]);
    uploads.complete(1, parts());
    assert_eq!(uploads.begin(), None);
    uploads.finish(1);
    assert_eq!((uploads.begin(), uploads.unfinished()), (Some(2), 1));
}

#[test]
fn what_is_over_stays_over() {
    let mut uploads = two();
    uploads.begin();
    assert_eq!(uploads.cancel(1), Cancelled::Yes(None));
    uploads.progress(1, 9, 0.0);
    assert_eq!(*state(&uploads, 1), UploadState::Cancelled);
    uploads.clear();
    assert_eq!(uploads.list.len(), 1);
    assert_eq!(uploads.add("c.mp4".to_owned(), 1), 3, "ids are new");
}

#[test]
fn what_wants_a_token_goes_on_with_one_and_is_not_sent_again() {
    let mut uploads = two();
    uploads.begin();
    uploads.complete(1, parts());
    uploads.fail(1, Hindrance::Unauthorized, String::new());
    assert_eq!(uploads.begin(), Some(2), "the others need not wait");
    uploads.finish(2);
    uploads.clear();
    assert_eq!((uploads.begin(), uploads.unfinished()), (None, 1));
    uploads.authorize();
    assert_eq!(uploads.begin(), Some(1));
    assert_eq!(*state(&uploads, 1), UploadState::Completing);
}

#[test]
fn a_lost_answer_leaves_doubt_and_a_spoilt_one_is_sent_again() {
    let mut uploads = two();
    uploads.begin();
    uploads.complete(1, parts());
    uploads.fail(1, Hindrance::Lost, "no answer".to_owned());
    assert_eq!(uploads.sent(1), Some((parts(), true)));
    uploads.retry(1);
    uploads.begin();
    uploads.fail(1, Hindrance::Other, "busy".to_owned());
    assert_eq!(uploads.sent(1), Some((parts(), true)), "still in doubt");
    uploads.retry(1);
    uploads.begin();
    let left = uploads.fail(1, Hindrance::Spoilt, "gone".to_owned());
    assert_eq!(left, Some(parts()));
    assert_eq!(uploads.sent(1), None);
    uploads.retry(1);
    assert_eq!(uploads.begin(), Some(1));
    assert_eq!(*state(&uploads, 1), UploadState::Sending(0));
}

#[test]
fn nothing_is_left_in_the_bucket_of_what_is_given_up() {
    let mut uploads = two();
    uploads.begin();
    uploads.complete(1, parts());
    assert_eq!(uploads.cancel(1), Cancelled::No, "too late");
    assert_eq!(*state(&uploads, 1), UploadState::Completing);
    uploads.fail(1, Hindrance::Lost, String::new());
    uploads.retry(1);
    assert_eq!(uploads.cancel(1), Cancelled::Yes(Some(parts())));
    assert_eq!(uploads.cancel(1), Cancelled::No);
    // Another try is another upload: nothing is in doubt of it.
    uploads.retry(1);
    uploads.begin();
    uploads.complete(1, parts());
    assert_eq!(uploads.sent(1), Some((parts(), false)));
    uploads.finish(1);
    uploads.begin();
    uploads.complete(2, parts());
    uploads.fail(2, Hindrance::Other, "busy".to_owned());
    assert_eq!(uploads.clear(), [parts()]);
    assert!(uploads.list.is_empty());
}

#[test]
fn what_failed_may_be_tried_again_and_what_was_refused_may_not() {
    let mut uploads = Uploads::default();
    assert_eq!(uploads.add("a.txt".to_owned(), 1), 1);
    uploads.retry(1);
    assert!(matches!(state(&uploads, 1), UploadState::Refused(_)));
    assert_eq!(uploads.begin(), None);
}

#[test]
fn the_list_has_sections_and_a_progress() {
    let mut uploads = two();
    uploads.add("c.mp4".to_owned(), 100);
    uploads.add("d.txt".to_owned(), 7);
    let ids = |uploads: &Uploads, section| -> Vec<u32> {
        uploads
            .section(section)
            .iter()
            .map(|upload| upload.id)
            .collect()
    };
    uploads.begin();
    uploads.finish(1);
    uploads.begin();
    for second in 0..5 {
        uploads.progress(2, second * 20, second as f64 * 1000.0);
    }
    let sections = Section::ALL.map(|section| ids(&uploads, section));
    assert_eq!(sections, [vec![2], vec![], vec![3], vec![1], vec![4]]);
    let overall = uploads.overall().unwrap();
    assert_eq!((overall.sent, overall.size), (280, 500));
    assert_eq!(overall.seconds_left, Some(11.0));
    uploads.pause(true);
    assert_eq!(uploads.overall().unwrap().seconds_left, None);
    uploads.pause(false);
    uploads.fail(2, Hindrance::Other, "busy".to_owned());
    uploads.begin();
    uploads.finish(3);
    assert_eq!(uploads.overall(), None, "nothing is left to send");
    assert_eq!(ids(&uploads, Section::Done), [3, 1], "the latest first");
    assert_eq!(ids(&uploads, Section::Unsent), [2]);
    uploads.retry_all();
    assert_eq!(uploads.begin(), Some(2));
}

#[test]
fn a_taken_name_is_changed() {
    let mut uploads = two();
    uploads.begin();
    uploads.complete(1, parts());
    let left = uploads.fail(1, Hindrance::Taken, String::new());
    assert_eq!(left, Some(parts()), "what was sent has the old name");
    uploads.retry_all();
    uploads.rename(1, "  ");
    assert_eq!(*state(&uploads, 1), UploadState::Taken);
    uploads.rename(1, "a.txt");
    assert!(matches!(state(&uploads, 1), UploadState::Refused(_)));
    uploads.begin();
    uploads.fail(2, Hindrance::Taken, String::new());
    uploads.rename(2, " b-2.mp4");
    assert_eq!(uploads.list[1].name, "b-2.mp4");
    assert_eq!(uploads.begin(), Some(2));
    assert_eq!(*state(&uploads, 2), UploadState::Sending(0));
}

#[test]
fn names_that_may_be_free() {
    for (name, next) in [
        ("a.mp4", "a-2.mp4"),
        ("x/a-2.mp4", "x/a-3.mp4"),
        ("a-b.mp4", "a-b-2.mp4"),
    ] {
        assert_eq!(next_name(name), next);
    }
}

#[test]
fn only_videos_are_tried() {
    assert_eq!(refusal("a.MP4", 1), None);
    let told = refusal("a.txt", 1).unwrap();
    for extension in contract::VIDEO_EXTENSIONS {
        assert_eq!(refusal(&format!("a.{extension}"), 1), None);
        assert!(told.contains(extension), "{told}");
    }
    assert!(refusal("a.mp4", 0).unwrap().contains("empty"));
}
