//! Terraform's names: what is referred to is declared, and what is declared is used. `terraform
//! validate` says the first as well, but needs the provider for it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use hcl::{Block, Body};

use crate::repository::{attribute, root};

const MODULES: [&str; 6] = [
    "terraform/bootstrap",
    "terraform/pipeline",
    "terraform/monitoring",
    "terraform/dns",
    "terraform/modules/irsa-role",
    "terraform/modules/private-bucket",
];

/// One folder of Terraform, read as a whole.
struct Module {
    folder: &'static str,
    body: Vec<Block>,
    /// Dotted names in its code, cut to the part that Terraform declares: `var.region`,
    /// `data.aws_lb.this`.
    used: BTreeSet<String>,
    /// `module.NAME.OUTPUT`.
    outputs_used: BTreeSet<(String, String)>,
}

#[test]
fn what_is_referred_to_is_declared_and_what_is_declared_is_used() {
    for folder in MODULES {
        let module = Module::read(folder);
        let declared = module.declared();
        let undeclared: Vec<_> = module.used.difference(&declared).collect();
        assert!(undeclared.is_empty(), "{folder}: no such {undeclared:?}");
        let idle: Vec<_> = declared
            .difference(&module.used)
            // Resources are there for what they do, modules too.
            .filter(|name| {
                ["var.", "local.", "data."]
                    .iter()
                    .any(|kind| name.starts_with(kind))
            })
            .collect();
        assert!(idle.is_empty(), "{folder}: nothing uses {idle:?}");
    }
}

#[test]
fn modules_get_their_variables_and_give_their_outputs() {
    let modules: BTreeMap<_, _> = MODULES
        .into_iter()
        .map(|folder| (folder.rsplit('/').next().unwrap(), Module::read(folder)))
        .collect();
    let mut calls = 0;
    for caller in modules.values() {
        for call in caller.blocks("module") {
            calls += 1;
            let name = call.labels()[0].as_str();
            let hcl::Expression::String(source) = attribute(call.body(), "source") else {
                panic!("{name}: a module's source is text");
            };
            let called = &modules[source.rsplit('/').next().unwrap()];
            let given: BTreeSet<_> = call
                .body()
                .attributes()
                .map(hcl::Attribute::key)
                .filter(|key| !["source", "for_each", "count"].contains(key))
                .collect();
            let place = format!("{}: module {name}", caller.folder);
            let variables: BTreeMap<_, _> = called
                .blocks("variable")
                .map(|block| (block.labels()[0].as_str(), has(block.body(), "default")))
                .collect();
            for key in &given {
                assert!(variables.contains_key(key), "{place} has no variable {key}");
            }
            for (variable, optional) in variables {
                assert!(
                    optional || given.contains(variable),
                    "{place} lacks {variable}"
                );
            }
            for (_, output) in caller.outputs_used.iter().filter(|(of, _)| of == name) {
                let there = called
                    .blocks("output")
                    .any(|block| block.labels()[0].as_str() == output);
                assert!(there, "{place} gives no {output}");
            }
        }
    }
    assert!(calls > 0, "no module is called");
}

#[test]
fn variables_and_outputs_are_described_and_typed() {
    for folder in MODULES {
        let module = Module::read(folder);
        for (kind, needed) in [
            ("variable", &["description", "type"][..]),
            ("output", &["description"]),
        ] {
            for block in module.blocks(kind) {
                for key in needed {
                    let name = block.labels()[0].as_str();
                    assert!(
                        has(block.body(), key),
                        "{folder}: {kind} {name} has no {key}"
                    );
                }
            }
        }
    }
}

fn has(body: &Body, key: &str) -> bool {
    body.attributes().any(|attribute| attribute.key() == key)
}

impl Module {
    fn read(folder: &'static str) -> Self {
        let mut module = Self {
            folder,
            body: Vec::new(),
            used: BTreeSet::new(),
            outputs_used: BTreeSet::new(),
        };
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "tf") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let body =
                hcl::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            module.body.extend(body.into_blocks());
            let code = text
                .lines()
                .map(|line| line.split('#').next().unwrap_or_default());
            for name in code.flat_map(|line| line.split(|c: char| !is_of_name(c))) {
                module.note(name);
            }
        }
        module
    }

    /// Remembers a dotted name if it is one that a module declares.
    fn note(&mut self, name: &str) {
        let parts: Vec<&str> = name.split('.').collect();
        let declared = match parts[..] {
            ["var" | "local", _, ..] => &parts[..2],
            ["module", call, ref output @ ..] => {
                if let Some(output) = output.first() {
                    self.outputs_used
                        .insert((call.to_owned(), (*output).to_owned()));
                }
                &parts[..2]
            }
            ["data", _, _, ..] => &parts[..3],
            [kind, _, ..] if kind.starts_with("aws_") => &parts[..2],
            _ => return,
        };
        self.used.insert(declared.join("."));
    }

    fn blocks<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Block> {
        self.body
            .iter()
            .filter(move |block| block.identifier() == kind)
    }

    fn declared(&self) -> BTreeSet<String> {
        let mut declared = BTreeSet::new();
        for block in &self.body {
            let labels: Vec<_> = block.labels().iter().map(hcl::BlockLabel::as_str).collect();
            match block.identifier() {
                "variable" => declared.insert(format!("var.{}", labels[0])),
                "module" => declared.insert(format!("module.{}", labels[0])),
                "data" => declared.insert(format!("data.{}", labels.join("."))),
                "resource" => declared.insert(labels.join(".")),
                "locals" => {
                    let names = block.body().attributes().map(hcl::Attribute::key);
                    declared.extend(names.map(|name| format!("local.{name}")));
                    true
                }
                _ => true,
            };
        }
        declared
    }
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || ['_', '-', '.'].contains(&c)
}
