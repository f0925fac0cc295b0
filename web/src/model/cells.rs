//! The cells of the gallery: a video with all its pictures, or one picture.

use std::{collections::HashMap, rc::Rc};

use contract::{ThumbnailKey, api::Thumbnail};

use super::filter::Show;

/// One cell; it has at least one picture.
#[derive(Debug, PartialEq)]
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
    let finished = |key: String, mut pictures: Vec<Rc<Thumbnail>>| {
        pictures.sort_by(|a, b| number(&a.key).cmp(&number(&b.key)).then(a.key.cmp(&b.key)));
        match known.get(key.as_str()) {
            Some(cell) if cell.is_of(&pictures) => Rc::clone(cell),
            _ => Rc::new(Cell { key, pictures }),
        }
    };
    if show != Show::Videos {
        let each = items.iter();
        return each
            .map(|item| finished(item.key.clone(), vec![Rc::clone(item)]))
            .collect();
    }
    let mut groups: Vec<(String, Vec<Rc<Thumbnail>>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for item in items {
        let name = shared_name(&item.key);
        let place = *places.entry(name.clone()).or_insert_with(|| {
            groups.push((name, Vec::new()));
            groups.len() - 1
        });
        if let Some((_, pictures)) = groups.get_mut(place) {
            pictures.push(Rc::clone(item));
        }
    }
    let groups = groups.into_iter();
    groups
        .map(|(key, pictures)| finished(key, pictures))
        .collect()
}

/// The videos before and after the one that is called `name`; none where the list has no such
/// video.
pub(crate) fn neighbours(cells: &[Rc<Cell>], name: &str) -> (Option<String>, Option<String>) {
    let is_of = |cell: &&Rc<Cell>| cell.video() == name;
    let Some(at) = cells.iter().position(|cell| is_of(&cell)) else {
        return (None, None);
    };
    // A video whose pictures have cells of their own is passed as a whole.
    let next = cells[at..].iter().find(|cell| !is_of(cell));
    let previous = cells[..at].last();
    (
        previous.map(|cell| cell.video()),
        next.map(|cell| cell.video()),
    )
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
    fn neighbours_are_other_videos() {
        let items = ["a_1", "b_1", "b_2", "c_1"].map(item);
        let name = |name: &str| Some(format!("thumbnails/{name}"));
        for show in [Show::Videos, Show::Frames(None)] {
            let all = cells(&items, show, &[]);
            assert_eq!(neighbours(&all, "thumbnails/b"), (name("a"), name("c")));
            assert_eq!(neighbours(&all, "thumbnails/a"), (None, name("b")));
            assert_eq!(neighbours(&all, "thumbnails/x"), (None, None));
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
