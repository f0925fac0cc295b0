//! Makes what a browser loads out of what the compiler made: `web-bundle PROGRAM.wasm INDEX.html
//! DIST`.
//!
//! `INDEX.html` is trunk's: its `data-trunk` links name the style sheets and the icon. Here each
//! becomes a link to a file named after its content, so that it may be cached for ever, with a
//! brotli and a gzip copy beside it. Nothing is done where nothing changed.

mod asset;
mod page;

use std::{
    fs,
    hash::Hasher as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use asset::Asset;
use page::{Link, Page};

/// The most that the program may weigh in brotli: what a phone's network brings in about a second.
const BUDGET: usize = 350 * 1024;

/// Holds the hash of everything the bundle was made from.
const STAMP: &str = ".made-from";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let arguments: Vec<_> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [program, index, dist] = arguments.as_slice() else {
        bail!("usage: web-bundle PROGRAM.wasm INDEX.html DIST");
    };
    let page = Page::read(index)?;
    let stamp = stamp(program, index, &page)?;
    if fs::read_to_string(dist.join(STAMP)).is_ok_and(|made| made == stamp) {
        return Ok(());
    }
    let assets = assets(program, &page)?;
    let (plain, brotli) = assets
        .iter()
        .filter(|asset| asset.counts())
        .fold((0, 0), |(plain, brotli), asset| {
            (plain + asset.content.len(), brotli + asset.brotli.len())
        });
    if brotli > BUDGET {
        bail!("the program is {brotli} bytes in brotli: {BUDGET} are its budget");
    }
    let html = page.html(&assets);
    write(dist, &assets, &html)?;
    // Last: a bundle without it is half a bundle.
    fs::write(dist.join(STAMP), stamp)?;
    println!(
        "{}: program {plain} bytes, {brotli} in brotli",
        dist.display()
    );
    Ok(())
}

/// Everything that decides what the bundle is, in one word: the inputs, and this very program.
fn stamp(program: &Path, index: &Path, page: &Page) -> anyhow::Result<String> {
    let mut hasher = fnv::FnvHasher::default();
    let this = std::env::current_exe().context("cannot tell where this program lies")?;
    let inputs = [this.as_path(), program, index].into_iter();
    for path in inputs.chain(page.links.iter().map(|link| link.path.as_path())) {
        hasher.write(&read(path)?);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn assets(program: &Path, page: &Page) -> anyhow::Result<Vec<Asset>> {
    let (wasm, glue) = bindgen(program)?;
    let wasm = Asset::new("web", "wasm", wasm);
    // The glue starts the program itself: a script in the page for it would be another hash in the
    // content security policy, and one that changes with every build.
    let glue = format!(
        "{glue}\n__wbg_init({{module_or_path:new URL(\"{}\",import.meta.url)}});\n",
        wasm.name
    );
    let mut css = Vec::new();
    let mut assets = vec![Asset::new("web", "js", glue.into_bytes())];
    for Link { rel, path } in &page.links {
        if rel == "css" {
            css.extend(read(path)?);
        } else {
            let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("bin");
            assets.push(Asset::new(rel, extension, read(path)?));
        }
    }
    assets.push(wasm);
    assets.push(Asset::new("style", "css", css));
    Ok(assets)
}

/// The program with its bindings, and the JavaScript half of them.
fn bindgen(program: &Path) -> anyhow::Result<(Vec<u8>, String)> {
    let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
    wasm_bindgen_cli_support::Bindgen::new()
        .input_path(program)
        .out_name("web")
        .web(true)?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .omit_default_module_path(true)
        .generate(folder.path())
        .with_context(|| format!("cannot bind {}", program.display()))?;
    let wasm = read(&folder.path().join("web_bg.wasm"))?;
    let glue = String::from_utf8(read(&folder.path().join("web.js"))?)?;
    Ok((wasm, glue))
}

/// Writes the bundle into an emptied `dist`.
fn write(dist: &Path, assets: &[Asset], html: &str) -> anyhow::Result<()> {
    if dist.exists() {
        fs::remove_dir_all(dist).with_context(|| format!("cannot empty {}", dist.display()))?;
    }
    fs::create_dir_all(dist).with_context(|| format!("cannot create {}", dist.display()))?;
    let page = Asset::named("index.html".to_owned(), html.as_bytes().to_vec());
    for asset in assets.iter().chain([&page]) {
        asset.write(dist)?;
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
