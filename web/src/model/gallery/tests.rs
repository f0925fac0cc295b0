//! The list against pages and news.

use super::{super::filter::Show, *};

fn item(name: &str, frame: u32, second: u32) -> Thumbnail {
    Thumbnail {
        key: format!("thumbnails/{name}.jpg"),
        url: format!("http://s3/{name}"),
        expires_at: "2026-01-01T01:00:00.000Z".to_owned(),
        frame: Some(frame),
        last_modified: format!("2026-01-01T00:00:{second:02}Z"),
        size: 1,
        source_bytes: None,
        bytes_fetched: None,
    }
}

fn at_frame(frame: u32) -> Filter {
    Filter {
        show: Show::Frames(Some(frame)),
        ..Filter::default()
    }
}

fn keys(gallery: &Gallery) -> Vec<&str> {
    gallery
        .items
        .iter()
        .map(|item| video_and_number(&item.key))
        .collect()
}

fn video_and_number(key: &str) -> &str {
    key.trim_start_matches("thumbnails/")
        .trim_end_matches(".jpg")
}

fn loaded() -> Gallery {
    let page = vec![item("b_2", 50, 20), item("b_1", 10, 20), item("a_1", 10, 5)];
    Gallery::default().with_page(0, page, Some("next".to_owned()))
}

#[test]
fn pages_follow_each_other() {
    let gallery = loaded().with_page(0, vec![item("a_1", 10, 5), item("0_1", 10, 1)], None);
    assert_eq!(keys(&gallery), ["b_2", "b_1", "a_1", "0_1"]);
    assert_eq!(gallery.rest, Rest::Nothing);
}

#[test]
fn an_answer_to_an_earlier_filter_is_dropped() {
    let gallery = loaded().filtered(at_frame(10));
    assert_eq!(
        gallery.with_page(0, vec![item("x_1", 10, 9)], None),
        gallery
    );
    assert_eq!(gallery.with_error(0, "late".to_owned()), gallery);
    assert!(gallery.with_error(1, "now".to_owned()).error.is_some());
}

#[test]
fn what_fits_another_name_stays_until_the_answer_is_there() {
    let named = |text: &str| Filter {
        text: text.to_owned(),
        ..Filter::default()
    };
    let page = vec![item("ab_1", 10, 9), item("b_1", 10, 8), item("c_1", 10, 7)];
    let list = Gallery::default().with_page(0, page, None);
    let some = list.filtered(named("B"));
    assert_eq!(keys(&some), ["ab_1", "b_1"]);
    assert_eq!(some.cells.len(), 2);
    assert_eq!(some.rest, Rest::Everything, "there may be more");
    assert_eq!(keys(&some.filtered(named("ab"))), ["ab_1"]);
    let page = vec![item("b_1", 10, 8)];
    assert_eq!(keys(&some.with_page(1, page, None)), ["b_1"]);
    let others = list.filtered(at_frame(10));
    assert!(others.items.is_empty(), "they are shown in other cells");
}

#[test]
fn what_is_new_comes_first() {
    let newest = [
        item("c_1", 10, 30),
        item("b_2", 50, 20),
        item("b_1", 10, 20),
    ];
    let gallery = loaded().with_newest(&newest, 100, false);
    assert_eq!(keys(&gallery), ["c_1", "b_2", "b_1", "a_1"]);
    assert_eq!(gallery.rest, Rest::Page("next".to_owned()));
    let again = gallery.with_newest(&newest, 100, false);
    assert!(Rc::ptr_eq(&again.items, &gallery.items), "nothing changed");
}

#[test]
fn what_is_gone_goes() {
    let newest = [item("b_1", 10, 20), item("z_1", 10, 1)];
    let gallery = loaded().with_newest(&newest, 100, false);
    assert_eq!(keys(&gallery), ["b_1", "z_1"]);
    let purged = gallery.with_newest(&[], 0, false);
    assert!(purged.items.is_empty());
    assert_eq!(purged.rest, Rest::Nothing);
}

#[test]
fn a_gap_is_seen_and_closed_by_starting_over() {
    let one = loaded().with_newest(&[item("c_1", 10, 30), item("b_2", 50, 20)], 100, false);
    assert!(!one.has_gap);
    // More than are told of came since.
    let gap = one.with_newest(&[item("f_1", 10, 50), item("e_1", 10, 45)], 104, false);
    assert!(gap.has_gap);
    let again = gap.restarted();
    assert!(!again.has_gap);
    assert_eq!(keys(&again), keys(&gap), "shown until the page comes");
    assert_eq!(again.with_page(0, Vec::new(), None), again, "an old answer");
    let page = vec![
        item("f_1", 10, 50),
        item("e_1", 10, 45),
        item("d_1", 10, 40),
    ];
    let whole = again.with_page(again.generation, page, Some("next".to_owned()));
    assert_eq!(keys(&whole), ["f_1", "e_1", "d_1"]);
}

#[test]
fn what_is_new_is_held_back_from_whoever_reads_further_down() {
    let newest = [item("c_1", 10, 30), item("b_1", 10, 20), item("a_1", 10, 5)];
    let held = loaded().with_newest(&newest, 100, true);
    assert_eq!(keys(&held), ["b_1", "a_1"], "b_2 is gone, c_1 is held");
    assert!(held.has_gap);
    let again = held.with_newest(&newest, 100, true);
    assert!(Rc::ptr_eq(&again.items, &held.items), "nothing moved");
    let unchanged = loaded().with_newest(&[item("b_2", 50, 20), item("b_1", 10, 20)], 100, true);
    assert!(!unchanged.has_gap, "nothing is new");
    assert!(
        held.with_newest(&[], 0, true).items.is_empty(),
        "a purge is not held back"
    );
    let all = Gallery::default().with_page(0, vec![item("a_1", 10, 5)], None);
    let newest = [item("b_1", 10, 20), item("a_1", 10, 5)];
    let all = all.with_newest(&newest, 2, true);
    assert_eq!((keys(&all), all.has_gap), (vec!["a_1"], true));
    let page = newest.to_vec();
    let all = all.restarted().with_page(1, page, None);
    let all = all.with_newest(&newest, 2, false);
    assert_eq!((keys(&all), all.has_gap), (vec!["b_1", "a_1"], false));
}

#[test]
fn thumbnails_that_cannot_be_told_are_not_gone() {
    assert_eq!(loaded().with_newest(&[], 3, false), loaded());
}

#[test]
fn what_was_found_late_is_missed() {
    let page = vec![item("b_1", 10, 20), item("a_1", 10, 5)];
    let all = Gallery::default().with_page(0, page, None);
    let newest = [item("b_1", 10, 20)];
    assert!(!all.with_newest(&newest, 2, false).has_gap);
    let short = all.with_newest(&newest, 3, false);
    assert!(short.has_gap);
    // As many are told of as before, but starting over finds no more: one is gone by now.
    let again = short.restarted();
    let page = vec![item("b_1", 10, 20), item("a_1", 10, 5)];
    let again = again.with_page(again.generation, page, None);
    assert!(!again.with_newest(&newest, 3, false).has_gap, "tried once");
    assert!(again.with_newest(&newest, 4, false).has_gap);
    let some = Gallery::default()
        .filtered(at_frame(10))
        .with_page(1, Vec::new(), None);
    assert!(
        !some.with_newest(&newest, 3, false).has_gap,
        "nobody knows how many fit the filter"
    );
}

#[test]
fn the_filter_holds_for_what_is_new() {
    let filter = Filter {
        text: "C".to_owned(),
        ..at_frame(10)
    };
    let gallery = Gallery::default()
        .filtered(filter)
        .with_page(1, Vec::new(), None);
    let newest = [
        item("c_2", 50, 30),
        item("c_1", 10, 30),
        item("b_1", 10, 20),
    ];
    assert_eq!(keys(&gallery.with_newest(&newest, 3, false)), ["c_1"]);
}

#[test]
fn cells_follow_the_items() {
    let show = |list: &Gallery| -> Vec<usize> {
        list.cells.iter().map(|cell| cell.pictures.len()).collect()
    };
    assert_eq!(show(&loaded()), [2, 1]);
    let newest = [item("a_2", 50, 30), item("b_2", 50, 20)];
    let more = loaded().with_newest(&newest, 100, false);
    assert_eq!(show(&more), [2, 2], "a joins its new picture");
    let frames = Gallery::default().filtered(Filter {
        show: Show::Frames(None),
        ..Filter::default()
    });
    let page = vec![item("b_2", 50, 20), item("b_1", 10, 20)];
    assert_eq!(show(&frames.with_page(1, page, None)), [1, 1]);
}

#[test]
fn a_list_in_another_order_starts_over_where_the_bucket_changed() {
    let filter = Filter {
        sort: Sort::Name,
        ..Filter::default()
    };
    let list = Gallery::default().filtered(filter);
    let list = list.with_page(1, vec![item("a_1", 10, 5), item("b_1", 10, 20)], None);
    let first = list.with_newest(&[item("b_1", 10, 20)], 2, false);
    assert!(!first.has_gap, "nothing changed yet");
    assert_eq!(keys(&first), ["a_1", "b_1"]);
    let same = first.with_newest(&[item("b_1", 10, 20)], 2, false);
    assert!(!same.has_gap);
    assert!(same.with_newest(&[item("c_1", 10, 30)], 3, false).has_gap);
    let fewer = same.with_newest(&[item("b_1", 10, 20)], 1, false);
    assert!(fewer.has_gap);
    assert!(!fewer.restarted().has_gap);
    assert!(same.with_newest(&[], 0, false).items.is_empty(), "a purge");
}

#[test]
fn nothing_is_shown_before_the_first_page() {
    let gallery = Gallery::default().with_newest(&[item("a_1", 10, 1)], 1, false);
    assert!(gallery.items.is_empty());
}
