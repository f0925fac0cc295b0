//! The one place for what differs between environments: written by Terraform and a script, read by
//! a component.

use std::collections::BTreeSet;

use crate::repository::{attribute, block, read, terraform, yaml};

#[test]
fn settings_are_what_terraform_and_the_script_write() {
    let body = terraform("terraform/pipeline/outputs.tf");
    let output = attribute(block(&body, "output", &["settings"]).body(), "value");
    let hcl::Expression::Object(object) = output else {
        panic!("the output `settings` is no object");
    };
    let mut written: BTreeSet<_> = object.keys().map(ToString::to_string).collect();
    let script = read("scripts/settings.sh");
    let (_, program) = script.split_once("'. + {").unwrap();
    let (program, _) = program.split_once('\'').unwrap();
    let words = program.split(|c: char| !c.is_ascii_uppercase() && c != '_');
    written.extend(words.filter(|word| word.len() > 3).map(ToOwned::to_owned));
    for overlay in ["dev", "prod"] {
        assert_eq!(keys(overlay), written, "{overlay}");
    }
}

#[test]
fn every_setting_is_used_and_every_used_one_is_there() {
    let mut used = BTreeSet::new();
    for component in ["settings", "https"] {
        let file = format!("k8s/components/{component}/kustomization.yaml");
        for replacement in yaml(&file)[0]["replacements"].as_sequence().unwrap() {
            let path = replacement["source"]["fieldPath"].as_str().unwrap();
            used.insert(path.strip_prefix("data.").unwrap().to_owned());
        }
    }
    for overlay in ["dev", "prod"] {
        assert_eq!(keys(overlay), used, "{overlay}");
    }
}

fn keys(overlay: &str) -> BTreeSet<String> {
    let settings = &yaml(&format!("k8s/overlays/{overlay}/settings.yaml"))[0];
    let data = settings["data"].as_mapping().unwrap();
    data.keys()
        .map(|key| key.as_str().unwrap().to_owned())
        .collect()
}
