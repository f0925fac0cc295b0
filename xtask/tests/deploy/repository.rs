//! Reading the repository's files.

use std::{fs, path::PathBuf};

use hcl::{Block, Body};
use serde::Deserialize as _;
use serde_yaml_ng::{Deserializer, Value};
use walkdir::WalkDir;

/// A program that is deployed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Service {
    /// As in `thumbnail-NAME`.
    pub(crate) name: &'static str,
    /// Its crate's folder.
    pub(crate) folder: &'static str,
}

pub(crate) const SERVICES: [Service; 3] = [
    Service {
        name: "worker",
        folder: "worker-svc",
    },
    Service {
        name: "api",
        folder: "api-svc",
    },
    Service {
        name: "frontend",
        folder: "frontend-svc",
    },
];

impl Service {
    /// The parsed sources that run in production, with their paths.
    pub(crate) fn sources(self) -> Vec<(PathBuf, String)> {
        sources(&format!("{}/src", self.folder))
    }

    /// Its sources, and those of what services share.
    pub(crate) fn code(self) -> Vec<(PathBuf, String)> {
        let mut code = self.sources();
        code.extend(sources("service-kit/src"));
        code
    }

    pub(crate) fn deployment(self) -> Value {
        let file = format!("k8s/base/{}/deployment.yaml", self.name);
        let mut documents = yaml(&file);
        assert_eq!(documents.len(), 1, "{file}");
        documents.remove(0)
    }

    pub(crate) fn container(self) -> Value {
        let deployment = self.deployment();
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["name"].as_str(), Some(self.name));
        container.clone()
    }

    /// The value that the Deployment gives to a variable.
    pub(crate) fn variable(self, name: &str) -> Option<String> {
        let container = self.container();
        let variables = container["env"].as_sequence()?;
        let variable = variables.iter().find(|entry| entry["name"] == name)?;
        variable["value"].as_str().map(ToOwned::to_owned)
    }
}

/// The repository's folder.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The Rust files below a folder, without what only tests see.
pub(crate) fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let files: Vec<_> = WalkDir::new(root().join(folder))
        .into_iter()
        .map(|entry| entry.unwrap_or_else(|error| panic!("{folder}: {error}")))
        .filter(|entry| entry.path().extension().is_some_and(|found| found == "rs"))
        .map(|entry| {
            let text = fs::read_to_string(entry.path()).unwrap();
            // By habit the tests of a file are its last part.
            let end = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
            (entry.into_path(), text[..end].to_owned())
        })
        .collect();
    assert!(!files.is_empty(), "no source in {folder}");
    files
}

/// All documents of a YAML file.
pub(crate) fn yaml(path: &str) -> Vec<Value> {
    Deserializer::from_str(&read(path))
        .map(|document| {
            Value::deserialize(document).unwrap_or_else(|error| panic!("{path}: {error}"))
        })
        .collect()
}

pub(crate) fn terraform(path: &str) -> Body {
    hcl::parse(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The one block of a kind with these labels.
pub(crate) fn block<'a>(body: &'a Body, kind: &str, labels: &[&str]) -> &'a Block {
    body.blocks()
        .find(|block| {
            let found = block.labels().iter().map(hcl::BlockLabel::as_str);
            block.identifier() == kind && found.eq(labels.iter().copied())
        })
        .unwrap_or_else(|| panic!("no {kind} {labels:?}"))
}

/// The texts of a list; what is not text in it is left out.
pub(crate) fn texts(list: &hcl::Expression) -> Vec<String> {
    let hcl::Expression::Array(items) = list else {
        panic!("not a list: {list:?}");
    };
    items
        .iter()
        .filter_map(|item| match item {
            hcl::Expression::String(text) => Some(text.clone()),
            _ => None,
        })
        .collect()
}

/// The value of an attribute.
pub(crate) fn attribute<'a>(body: &'a Body, key: &str) -> &'a hcl::Expression {
    body.attributes()
        .find(|attribute| attribute.key() == key)
        .map_or_else(|| panic!("no {key}"), hcl::Attribute::expr)
}

/// A string of the block `locals` in terraform/pipeline/bucket.tf.
pub(crate) fn bucket_local(name: &str) -> hcl::Expression {
    let body = terraform("terraform/pipeline/bucket.tf");
    attribute(block(&body, "locals", &[]).body(), name).clone()
}
