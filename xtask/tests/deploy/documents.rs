//! docs/operations.md names what an operator meets.

use std::{collections::BTreeSet, fs};

use crate::repository::{attribute, block, read, root, terraform};

#[test]
fn every_secret_and_variable_of_the_workflows_is_explained() {
    let page = read("docs/operations.md");
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(root().join(".github/workflows")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        for context in ["secrets.", "vars."] {
            for rest in text.split(context).skip(1) {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                names.insert(rest[..end.unwrap_or(rest.len())].to_owned());
            }
        }
    }
    assert!(names.contains("AWS_ROLE_ARN"), "{names:?}");
    for name in names {
        assert!(
            page.contains(&format!("`{name}`")),
            "{name} is not explained"
        );
    }
}

#[test]
fn every_alarm_has_a_runbook() {
    let page = read("docs/operations.md");
    let body = terraform("terraform/monitoring/alarms.tf");
    let alarms = attribute(block(&body, "locals", &[]).body(), "alarms");
    let hcl::Expression::Object(alarms) = alarms else {
        panic!("alarms is no object");
    };
    assert_eq!(alarms.len(), 8);
    for name in alarms.keys() {
        assert!(
            page.contains(&format!("\n### {name}\n")),
            "{name} has no runbook"
        );
    }
}
