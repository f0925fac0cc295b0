//! The page: trunk's `index.html`, and ours made from it.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use crate::asset::Asset;

/// A `data-trunk` link to a file.
pub(crate) struct Link {
    pub(crate) rel: String,
    pub(crate) path: PathBuf,
}

/// `index.html` as it is written for trunk.
pub(crate) struct Page {
    text: String,
    /// The files it links to, in order.
    pub(crate) links: Vec<Link>,
}

impl Page {
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut links = Vec::new();
        for line in text.lines().filter(|line| is_trunk(line)) {
            let Some(rel) = attribute(line, "rel") else {
                bail!("a data-trunk link without rel: {}", line.trim());
            };
            if let Some(href) = attribute(line, "href") {
                links.push(Link {
                    rel: rel.to_owned(),
                    path: folder.join(href),
                });
            }
        }
        Ok(Self { text, links })
    }

    /// The page with `assets` in place of trunk's links.
    pub(crate) fn html(&self, assets: &[Asset]) -> String {
        let mut html = String::new();
        let mut links = Some(assets);
        for line in self.text.lines() {
            if !is_trunk(line) {
                html.push_str(line);
                html.push('\n');
            } else if let Some(assets) = links.take() {
                for asset in assets {
                    if let Some(tag) = tag(&asset.name) {
                        // Writing to a string cannot fail.
                        let _ = writeln!(html, "    {tag}");
                    }
                }
            }
        }
        html
    }
}

/// Links are one a line.
fn is_trunk(line: &str) -> bool {
    line.contains(" data-trunk ")
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

/// The tag that loads a file. Names are relative to the page: a proxy may put a prefix before it.
fn tag(name: &str) -> Option<String> {
    let (_, extension) = name.rsplit_once('.')?;
    Some(match extension {
        "js" => format!("<script type=\"module\" src=\"{name}\"></script>"),
        // Asked for at once, not when the script asks.
        "wasm" => format!(
            "<link rel=\"preload\" href=\"{name}\" as=\"fetch\" type=\"application/wasm\" crossorigin>"
        ),
        "css" => format!("<link rel=\"stylesheet\" href=\"{name}\">"),
        "svg" => format!("<link rel=\"icon\" href=\"{name}\" type=\"image/svg+xml\">"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = r#"<head>
    <title>t</title>
    <link data-trunk rel="rust" data-wasm-opt="0">
    <link data-trunk rel="css" href="styles/a.css">
    <link data-trunk rel="icon" href="icon.svg">
</head>
"#;

    #[test]
    fn trunks_links_become_ours() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index.html");
        fs::write(&path, INDEX).unwrap();
        let page = Page::read(&path).unwrap();
        let files: Vec<_> = page
            .links
            .iter()
            .map(|link| (link.rel.as_str(), link.path.clone()))
            .collect();
        assert_eq!(
            files,
            [
                ("css", folder.path().join("styles/a.css")),
                ("icon", folder.path().join("icon.svg")),
            ]
        );
        let assets = ["web.js", "web.wasm", "style.css", "icon.svg"]
            .map(|name| Asset::named(name.to_owned(), Vec::new()));
        let html = page.html(&assets);
        assert!(!html.contains("data-trunk"));
        for part in [
            "<title>t</title>",
            r#"<script type="module" src="web.js"></script>"#,
            r#"href="web.wasm" as="fetch""#,
            r#"<link rel="stylesheet" href="style.css">"#,
            r#"<link rel="icon" href="icon.svg""#,
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }
}
