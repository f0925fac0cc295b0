//! One file of the bundle, with its compressed copies.

use std::{fs, hash::Hasher as _, io::Write as _, path::Path};

use anyhow::Context;

/// A file and its compressed forms.
pub(crate) struct Asset {
    pub(crate) name: String,
    pub(crate) content: Vec<u8>,
    pub(crate) brotli: Vec<u8>,
    gzip: Vec<u8>,
}

impl Asset {
    /// A file named after its content, so that another content has another name.
    pub(crate) fn new(stem: &str, extension: &str, content: Vec<u8>) -> Self {
        let mut hasher = fnv::FnvHasher::default();
        hasher.write(&content);
        let name = format!("{stem}-{:016x}.{extension}", hasher.finish());
        Self::named(name, content)
    }

    pub(crate) fn named(name: String, content: Vec<u8>) -> Self {
        let mut brotli = brotli::CompressorWriter::new(Vec::new(), 4096, 11, 22);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        // Writing to memory cannot fail.
        let _ = brotli.write_all(&content);
        let _ = gzip.write_all(&content);
        Self {
            name,
            brotli: brotli.into_inner(),
            gzip: gzip.finish().unwrap_or_default(),
            content,
        }
    }

    /// Whether it is a part of the program, which has a budget.
    pub(crate) fn counts(&self) -> bool {
        [".js", ".wasm"].iter().any(|end| self.name.ends_with(end))
    }

    /// Writes it into `folder`, with the copies that are smaller.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let copies = [
            ("", &self.content),
            (".br", &self.brotli),
            (".gz", &self.gzip),
        ];
        for (suffix, content) in copies {
            if suffix.is_empty() || content.len() < self.content.len() {
                let path = folder.join(format!("{}{suffix}", self.name));
                fs::write(&path, content)
                    .with_context(|| format!("cannot write {}", path.display()))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn names_follow_the_content() {
        let name = |content: &str| Asset::new("web", "js", content.as_bytes().to_vec()).name;
        assert_eq!(name("a"), name("a"));
        assert_ne!(name("a"), name("b"));
        assert!(name("a").starts_with("web-"));
    }

    #[test]
    fn copies_unpack_to_the_content() {
        let content = "over and over ".repeat(100).into_bytes();
        let asset = Asset::new("a", "css", content.clone());
        let mut unpacked = Vec::new();
        brotli::Decompressor::new(asset.brotli.as_slice(), 4096)
            .read_to_end(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, content);
        unpacked.clear();
        flate2::read::GzDecoder::new(asset.gzip.as_slice())
            .read_to_end(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, content);
        assert!(asset.brotli.len() < content.len());
    }
}
