//! The cells of the gallery: a video with all its pictures, or one picture.

use std::{collections::HashMap, rc::Rc};

use contract::{ThumbnailKey, api::Thumbnail};

use super::filter::Show;

/// One cell; it has at least one picture.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    /// Tells cells apart: the name that the pictures of a video share, or the key of the picture.
    pub(crate) key: String,
    /// In the order of their numbers.
    pub(crate) pictures: Vec<Rc<Thumbnail>>,
}

impl Cell {
    /// The picture that stands for all.
    pub(crate) fn first(&self) -> Option<&Rc<Thumbnail>> {
        self.pictures.first()
    }

    /// The picture under a pointer that is at this share of the cell's width.
    pub(crate) fn at(&self, share: f64) -> Option<&Rc<Thumbnail>> {
        let last = self.pictures.len().checked_sub(1)?;
        let index = (share.clamp(0.0, 1.0) * self.pictures.len() as f64) as usize;
        self.pictures.get(index.min(last))
    }

    /// The name that the pictures of its video share.
    pub(crate) fn video(&self) -> String {
        self.first()
            .map_or_else(String::new, |picture| shared_name(&picture.key))
    }

    /// Whether it has exactly these pictures.
    fn is_of(&self, pictures: &[Rc<Thumbnail>]) -> bool {
        self.pictures.len() == pictures.len()
            && self
                .pictures
                .iter()
                .zip(pictures)
                .all(|(a, b)| Rc::ptr_eq(a, b))
    }
}

/// The name that the pictures of a video share: `thumbnails/a/b` of `thumbnails/a/b_1.jpg`.
fn shared_name(key: &str) -> String {
    ThumbnailKey::parse(key).map_or_else(|| key.to_owned(), |key| key.name.to_string())
}

/// The cells for `items`, in their order: a video stands where its first picture does. Cells of
/// `before` that did not change are taken over.
pub(crate) fn cells(items: &[Rc<Thumbnail>], show: Show, before: &[Rc<Cell>]) -> Vec<Rc<Cell>> {
    let known: HashMap<&str, &Rc<Cell>> = before.iter().map(|c| (c.key.as_str(), c)).collect();
    let (cells, _) = extended(&[], items.iter().cloned(), show);
    let cells = cells
        .into_iter()
        .map(|cell| match known.get(cell.key.as_str()) {
            Some(known) if known.is_of(&cell.pictures) => Rc::clone(known),
            _ => cell,
        });
    cells.collect()
}

/// The cells of `before`, and behind them those for `items`. A picture of a video that has a cell
/// joins that cell. Also those of `items` that no cell had.
pub(crate) fn extended(
    before: &[Rc<Cell>],
    items: impl Iterator<Item = Rc<Thumbnail>>,
    show: Show,
) -> (Vec<Rc<Cell>>, Vec<Rc<Thumbnail>>) {
    let known: HashMap<&str, &Rc<Cell>> = before.iter().map(|c| (c.key.as_str(), c)).collect();
    let is_known = |key: &str, item: &Thumbnail| {
        let mut pictures = known.get(key).into_iter().flat_map(|cell| &cell.pictures);
        pictures.any(|picture| picture.key == item.key)
    };
    let (mut fresh, mut groups) = (Vec::new(), Vec::<Cell>::new());
    let mut places: HashMap<String, usize> = HashMap::new();
    for item in items {
        let key = match show {
            Show::Videos => shared_name(&item.key),
            Show::Frames(_) => item.key.clone(),
        };
        if is_known(&key, &item) {
            continue;
        }
        fresh.push(Rc::clone(&item));
        let place = *places.entry(key.clone()).or_insert_with(|| {
            let pictures = known.get(key.as_str());
            let pictures = pictures.map_or_else(Vec::new, |cell| cell.pictures.clone());
            groups.push(Cell { key, pictures });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(place) {
            group.pictures.push(item);
        }
    }
    let mut cells = before.to_vec();
    for mut group in groups {
        let numbered = |picture: &Rc<Thumbnail>| (number(&picture.key), picture.key.clone());
        group.pictures.sort_by_cached_key(numbered);
        // Seldom: a page ends within a video, or someone chose one of its pictures since.
        let own = known.contains_key(group.key.as_str());
        let own = own.then(|| cells.iter().position(|cell| cell.key == group.key));
        match own.flatten().and_then(|nth| cells.get_mut(nth)) {
            Some(cell) => *cell = Rc::new(group),
            None => cells.push(Rc::new(group)),
        }
    }
    (cells, fresh)
}

/// A video's place in the list.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Neighbours<'a> {
    /// Its first cell.
    pub(crate) own: Option<&'a Rc<Cell>>,
    /// The names of the videos before and after it.
    pub(crate) previous: Option<String>,
    pub(crate) next: Option<String>,
}

/// The place of the video that is called `name`; nothing where the list has no such video.
pub(crate) fn neighbours<'a>(cells: &'a [Rc<Cell>], name: &str) -> Neighbours<'a> {
    // Keys begin with their video's name: most cells are passed without taking them apart.
    let is_of = |cell: &&Rc<Cell>| cell.key.starts_with(name) && cell.video() == name;
    let Some(at) = cells.iter().position(|cell| is_of(&cell)) else {
        return Neighbours::default();
    };
    // A video whose pictures have cells of their own is passed as a whole.
    let next = cells[at..].iter().find(|cell| !is_of(cell));
    let previous = cells[..at].last();
    Neighbours {
        own: cells.get(at),
        previous: previous.map(|cell| cell.video()),
        next: next.map(|cell| cell.video()),
    }
}

fn number(key: &str) -> usize {
    ThumbnailKey::parse(key).map_or(0, |key| key.number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(key: &str) -> Rc<Thumbnail> {
        Rc::new(Thumbnail {
            key: format!("thumbnails/{key}.jpg"),
            url: String::new(),
            expires_at: String::new(),
            frame: None,
            last_modified: String::new(),
            size: 1,
            source_bytes: None,
            bytes_fetched: None,
        })
    }

    #[test]
    fn a_video_stands_where_its_first_picture_does() {
        let items = ["b_2", "a/c_10", "b_1", "a/c_2", "d_1"].map(item);
        let all = cells(&items, Show::Videos, &[]);
        let keys: Vec<_> = all.iter().map(|cell| cell.key.as_str()).collect();
        assert_eq!(keys, ["thumbnails/b", "thumbnails/a/c", "thumbnails/d"]);
        let of = |cell: &Cell| {
            cell.pictures
                .iter()
                .map(|p| p.key.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            of(&all[1]),
            ["thumbnails/a/c_2.jpg", "thumbnails/a/c_10.jpg"]
        );
        let frames = cells(&items, Show::Frames(None), &[]);
        assert_eq!(frames.len(), 5);
        assert_eq!(frames[0].key, "thumbnails/b_2.jpg");
    }

    #[test]
    fn what_did_not_change_is_taken_over() {
        let mut items = ["a_1", "b_1"].map(item).to_vec();
        let before = cells(&items, Show::Videos, &[]);
        items.push(item("b_2"));
        let after = cells(&items, Show::Videos, &before);
        assert!(Rc::ptr_eq(&before[0], &after[0]));
        assert!(!Rc::ptr_eq(&before[1], &after[1]));
    }

    #[test]
    fn what_follows_joins_its_video_and_is_taken_once() {
        let all = cells(&["a_1", "b_2"].map(item), Show::Videos, &[]);
        let page = ["b_2", "b_1", "c_1", "c_3", "c_2"].map(item);
        let (more, fresh) = extended(&all, page.into_iter(), Show::Videos);
        let pictures = |cell: &Rc<Cell>| -> Vec<String> {
            cell.pictures.iter().map(|it| it.key.clone()).collect()
        };
        let keys = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| item(name).key.clone()).collect()
        };
        assert!(Rc::ptr_eq(&all[0], &more[0]));
        let groups: Vec<_> = more.iter().map(pictures).collect();
        let expected = [&["a_1"][..], &["b_1", "b_2"], &["c_1", "c_2", "c_3"]];
        assert_eq!(groups, expected.map(keys));
        let fresh: Vec<_> = fresh.iter().map(|it| it.key.clone()).collect();
        assert_eq!(fresh, keys(&["b_1", "c_1", "c_3", "c_2"]));
        let frames = cells(&["a_1", "b_2"].map(item), Show::Frames(None), &[]);
        let page = ["b_2", "b_1"].map(item).into_iter();
        let (frames, _) = extended(&frames, page, Show::Frames(None));
        let groups: Vec<_> = frames.iter().map(pictures).collect();
        assert_eq!(groups, [&["a_1"][..], &["b_2"], &["b_1"]].map(keys));
    }

    #[test]
    fn neighbours_are_other_videos() {
        // One video's name begins with another's.
        let items = ["a_1", "b/c_1", "b_1", "b_2", "c_1"].map(item);
        for show in [Show::Videos, Show::Frames(None)] {
            let all = cells(&items, show, &[]);
            let around = |name: &str| {
                let found = neighbours(&all, &format!("thumbnails/{name}"));
                let own = found.own.and_then(|cell| cell.first());
                let names = [found.previous, own.map(|own| own.key.clone()), found.next];
                names.map(|name| name.map(|name| name.replacen("thumbnails/", "", 1)))
            };
            let name = |name: &str| Some(name.to_owned());
            assert_eq!(around("b"), [name("b/c"), name("b_1.jpg"), name("c")]);
            assert_eq!(around("a"), [None, name("a_1.jpg"), name("b/c")]);
            assert_eq!(around("x"), [None, None, None]);
        }
    }

    #[test]
    fn the_pointer_leads_through_the_pictures() {
        let all = cells(&["a_1", "a_2", "a_3"].map(item), Show::Videos, &[]);
        let at = |share| all[0].at(share).unwrap().key.clone();
        assert_eq!(at(-1.0), "thumbnails/a_1.jpg");
        assert_eq!(at(0.5), "thumbnails/a_2.jpg");
        assert_eq!(
            [at(0.99), at(1.0)],
            ["thumbnails/a_3.jpg", "thumbnails/a_3.jpg"]
        );
    }
}
