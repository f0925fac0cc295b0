//! What files are called.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    path::Path,
    str::FromStr,
};

use thumbcore::ImageFormat;

use crate::{input::Input, report::Failure};

/// Gives every input of a run names of its own.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// From a file's name to the input that has it.
    taken: HashMap<OsString, String>,
}

impl Names {
    /// What the names of the input's files are made with: its stem or, where an earlier input has
    /// one of the names that gives, its whole file name. `names` tells what is written for either.
    pub(crate) fn claim(
        &mut self,
        input: &Input,
        names: impl Fn(&OsStr) -> Vec<OsString>,
    ) -> Result<OsString, Failure> {
        let file_name = input.file_name();
        let stem = Path::new(&file_name).file_stem().unwrap_or(&file_name);
        let (base, whole) = (shortened(stem), shortened(&file_name));
        if self.owner(&names(&base)).is_none() {
            self.take(names(&base), input);
            return Ok(base);
        }
        let wanted = names(&whole);
        if let Some(owner) = self.owner(&wanted) {
            return Err(Failure {
                kind: "collision",
                message: format!(
                    "{} would overwrite that of {owner}; use another --out",
                    wanted[0].display(),
                ),
            });
        }
        self.take(wanted, input);
        Ok(whole)
    }

    /// The input that has one of these names.
    fn owner(&self, names: &[OsString]) -> Option<&str> {
        let taken = names.iter().find_map(|name| self.taken.get(name));
        taken.map(String::as_str)
    }

    fn take(&mut self, names: Vec<OsString>, input: &Input) {
        let claims = names.into_iter().map(|name| (name, input.name()));
        self.taken.extend(claims);
    }
}

/// Longest base of a picture's name, in bytes: file systems take 255, an encrypted folder 143, of
/// which number, width and extension need some.
const MAX_BASE: usize = 120;

/// `base`, or a shorter name that no other base gives: its beginning and a hash of all of it.
fn shortened(base: &OsStr) -> OsString {
    let bytes = base.as_encoded_bytes();
    if bytes.len() <= MAX_BASE {
        return base.to_owned();
    }
    let hash = format!("~{:016x}", fnv1a(bytes));
    let mut start = base.to_string_lossy().into_owned();
    start.truncate(start.floor_char_boundary(MAX_BASE - hash.len()));
    (start + &hash).into()
}

/// The 64-bit FNV-1a hash, the same in every version of this program.
/// Source: <http://www.isthe.com/chongo/tech/comp/fnv/>.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// How pictures are called, without their folder.
#[derive(Debug, Clone)]
pub(crate) struct Naming {
    pub(crate) template: Template,
    /// How many pictures an input has.
    pub(crate) pictures: usize,
    /// In pixels, the first one first.
    pub(crate) widths: Vec<u32>,
    pub(crate) format: ImageFormat,
}

impl Naming {
    /// The names of an input's pictures, each in every width.
    pub(crate) fn names(&self, base: &OsStr) -> Vec<OsString> {
        let numbers = 1..=self.pictures;
        numbers
            .flat_map(|number| self.renditions(base, number))
            .collect()
    }

    /// The names of picture `number`, in the order of the widths.
    pub(crate) fn renditions(&self, base: &OsStr, number: usize) -> impl Iterator<Item = OsString> {
        let name = self.template.name(base, number);
        let extension = self.format.extension();
        self.widths.iter().enumerate().map(move |(index, width)| {
            let mut name = name.clone();
            name.push(match index {
                0 => format!(".{extension}"),
                _ => format!("_{width}.{extension}"),
            });
            name
        })
    }
}

/// How a picture's name is made, without its width and extension: `{stem}_{n}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// The name of the input, without its extension.
    Stem,
    /// The number of the picture, from 1.
    Number,
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let literal = &rest[..rest.find('{').unwrap_or(rest.len())];
            if !literal.is_empty() {
                parts.push(Part::Text(literal.to_owned()));
                rest = &rest[literal.len()..];
                continue;
            }
            let end = rest.find('}').ok_or("a { without its }")?;
            parts.push(match &rest[1..end] {
                "stem" => Part::Stem,
                "n" => Part::Number,
                other => return Err(format!("{{{other}}} is neither {{stem}} nor {{n}}")),
            });
            rest = &rest[end + 1..];
        }
        if text.contains(['/', '\0']) || text.starts_with('.') {
            return Err(
                "a name has no / and does not begin with a dot; --out is for folders".into(),
            );
        }
        if !parts.contains(&Part::Stem) || !parts.contains(&Part::Number) {
            return Err("{stem} and {n} both have to be there, to tell pictures apart".into());
        }
        Ok(Self(parts))
    }
}

impl Template {
    fn name(&self, base: &OsStr, number: usize) -> OsString {
        let mut name = OsString::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => name.push(text),
                Part::Stem => name.push(base),
                Part::Number => name.push(number.to_string()),
            }
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naming(template: &str) -> Naming {
        Naming {
            template: template.parse().unwrap(),
            pictures: 2,
            widths: vec![640, 320],
            format: ImageFormat::Jpeg,
        }
    }

    #[test]
    fn templates_make_names_that_tell_pictures_apart() {
        let names = naming("{n}. {stem}").names(OsStr::new("a"));
        assert_eq!(
            names,
            ["1. a.jpg", "1. a_320.jpg", "2. a.jpg", "2. a_320.jpg"]
        );
        for bad in [
            "{stem}",
            "{n}",
            "",
            "{stem}_{x}",
            "{stem}_{n",
            "a/{stem}_{n}",
            ".{stem}_{n}",
        ] {
            assert!(bad.parse::<Template>().is_err(), "{bad}");
        }
    }

    #[test]
    fn pictures_of_different_inputs_never_have_one_name() {
        // Without anything between them: `a` and 11, `a1` and 1.
        let mut naming = naming("{stem}{n}");
        naming.pictures = 11;
        let mut names = Names::default();
        let mut claim =
            |path: &str| names.claim(&Input::File(path.into()), |base| naming.names(base));
        assert_eq!(claim("a.mp4").unwrap(), "a");
        assert_eq!(claim("a1.mp4").unwrap(), "a1.mp4");
    }

    #[test]
    fn a_name_that_no_file_system_takes_is_shortened() {
        let naming = naming("{stem}_{n}");
        let claim = |names: &mut Names, last: &str| {
            let input = Input::File(format!("{}{last}.mp4", "é".repeat(120)).into());
            names.claim(&input, |base| naming.names(base)).unwrap()
        };
        let mut names = Names::default();
        let (one, other) = (claim(&mut names, "1"), claim(&mut names, "2"));
        assert_ne!(one, other);
        for name in [&one, &other] {
            assert!(name.len() <= MAX_BASE, "{}", name.display());
            assert!(name.to_str().unwrap().starts_with("éééé"));
        }
        assert_eq!(claim(&mut Names::default(), "1"), one);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn equal_stems_get_names_of_their_own() {
        let mut names = Names::default();
        let naming = naming("{stem}_{n}");
        let mut claim =
            |path: &str| names.claim(&Input::File(path.into()), |base| naming.names(base));
        assert_eq!(claim("a/b.mp4").unwrap(), "b");
        assert_eq!(claim("b.mov").unwrap(), "b.mov");
        assert_eq!(claim("b.mov.mp4").unwrap(), "b.mov.mp4");
        assert_eq!(claim("c/b.mp4").unwrap(), "b.mp4");
        let error = claim("d/b.mp4").unwrap_err();
        assert_eq!(error.kind, "collision");
        assert!(error.message.contains("c/b.mp4"), "{}", error.message);
    }
}
