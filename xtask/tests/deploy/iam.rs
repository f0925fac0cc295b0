//! Each service's role may do what its code calls, and nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use hcl::Body;

use crate::repository::{SERVICES, Service, attribute, root, sources, terraform, texts};

/// The actions that an operation needs. An operation that is missing here fails the test as soon as
/// it is called: whoever calls it looks up what it needs.
const NEEDS: [(&str, &[&str]); 25] = [
    // To tell a missing object from a forbidden one, S3 wants ListBucket.
    ("head_object", &["s3:GetObject", "s3:ListBucket"]),
    ("head_bucket", &["s3:ListBucket"]),
    ("get_object", &["s3:GetObject"]),
    ("put_object", &["s3:PutObject"]),
    ("copy_object", &["s3:GetObject", "s3:PutObject"]),
    ("create_multipart_upload", &["s3:PutObject"]),
    ("upload_part", &["s3:PutObject"]),
    ("upload_part_copy", &["s3:GetObject", "s3:PutObject"]),
    ("complete_multipart_upload", &["s3:PutObject"]),
    ("abort_multipart_upload", &["s3:AbortMultipartUpload"]),
    ("list_parts", &["s3:ListMultipartUploadParts"]),
    ("list_multipart_uploads", &["s3:ListBucketMultipartUploads"]),
    ("list_objects_v2", &["s3:ListBucket"]),
    ("list_object_versions", &["s3:ListBucketVersions"]),
    ("delete_object", &["s3:DeleteObject"]),
    ("delete_objects", &["s3:DeleteObject"]),
    ("receive_message", &["sqs:ReceiveMessage"]),
    ("send_message", &["sqs:SendMessage"]),
    ("send_message_batch", &["sqs:SendMessage"]),
    ("delete_message", &["sqs:DeleteMessage"]),
    ("delete_message_batch", &["sqs:DeleteMessage"]),
    (
        "change_message_visibility",
        &["sqs:ChangeMessageVisibility"],
    ),
    (
        "change_message_visibility_batch",
        &["sqs:ChangeMessageVisibility"],
    ),
    ("get_queue_attributes", &["sqs:GetQueueAttributes"]),
    ("get_queue_url", &["sqs:GetQueueUrl"]),
];

#[test]
fn roles_allow_what_the_code_calls_and_nothing_else() {
    let operations = sdk_operations();
    let policies = terraform("terraform/pipeline/policies.tf");
    let mut compared = 0;
    for service in SERVICES.into_iter().filter(|service| calls_aws(*service)) {
        let needed = needed(service, &operations);
        let allowed = allowed(&policies, service.name);
        let missing: Vec<_> = needed.keys().filter(|a| !allowed.contains(*a)).collect();
        let idle: Vec<_> = allowed
            .iter()
            .filter(|a| !needed.contains_key(*a))
            .collect();
        assert!(
            missing.is_empty() && idle.is_empty(),
            "{}: the policy lacks {missing:?} and allows {idle:?} for nothing; the code calls {needed:#?}",
            service.name
        );
        compared += 1;
    }
    assert!(compared > 0, "no service calls AWS");
}

/// On what each service may do what changes something, or shows what somebody sent.
const CHANGES: [(&str, &str, &[&str]); 9] = [
    ("worker", "s3:PutObject", &[THUMBNAILS]),
    ("worker", "sqs:ReceiveMessage", &[UPLOADS_QUEUE]),
    ("worker", "sqs:DeleteMessage", &[UPLOADS_QUEUE]),
    ("worker", "sqs:SendMessage", &[DEAD_QUEUE]),
    ("api", "s3:PutObject", &[UPLOADS, THUMBNAILS]),
    ("api", "s3:DeleteObject", &[UPLOADS, THUMBNAILS]),
    ("api", "sqs:ReceiveMessage", &[DEAD_QUEUE]),
    ("api", "sqs:DeleteMessage", &[DEAD_QUEUE]),
    ("api", "sqs:SendMessage", &[UPLOADS_QUEUE]),
];
const UPLOADS: &str = "\"${module.bucket.arn}/${local.upload_prefix}*\"";
const THUMBNAILS: &str = "\"${module.bucket.arn}/${local.thumbnail_prefix}*\"";
const UPLOADS_QUEUE: &str = "aws_sqs_queue.uploads.arn";
const DEAD_QUEUE: &str = "aws_sqs_queue.dead.arn";

#[test]
fn roles_change_only_their_own_part_of_the_bucket_and_their_own_queue() {
    let policies = terraform("terraform/pipeline/policies.tf");
    for (service, action, expected) in CHANGES {
        let expected: BTreeSet<_> = expected.iter().map(ToString::to_string).collect();
        let granted: BTreeSet<_> = statements(&policies, service)
            .filter(|body| texts(attribute(body, "actions")).contains(&action.to_owned()))
            .flat_map(resources)
            .collect();
        assert_eq!(granted, expected, "{service}: {action}");
    }
    for service in SERVICES.into_iter().filter(|service| calls_aws(*service)) {
        for resource in statements(&policies, service.name).flat_map(resources) {
            let all = ["\"*\"", "\"${module.bucket.arn}/*\""];
            assert!(
                !all.contains(&resource.as_str()),
                "{}: {resource}",
                service.name
            );
        }
    }
}

/// What a statement is about, as Terraform has it written.
fn resources(statement: &Body) -> Vec<String> {
    let hcl::Expression::Array(items) = attribute(statement, "resources") else {
        panic!("resources are no list: {statement:?}");
    };
    let written = items.iter().map(hcl::format::to_string);
    written.map(Result::unwrap).collect()
}

fn calls_aws(service: Service) -> bool {
    let manifest = root().join(service.folder).join("Cargo.toml");
    fs::read_to_string(manifest).is_ok_and(|text| text.contains("aws-sdk-"))
}

/// Action -> the operations that need it.
fn needed(service: Service, operations: &BTreeSet<String>) -> BTreeMap<String, BTreeSet<String>> {
    let needs: BTreeMap<_, _> = NEEDS.into_iter().collect();
    let mut code = service.code();
    // What the service reads videos with.
    code.extend(sources("thumbcore/src/source"));
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut need = |action: &str, operation: &str| {
        found
            .entry(action.to_owned())
            .or_default()
            .insert(operation.to_owned());
    };
    let mut deletes = false;
    for (file, text) in &code {
        // The SDK's operations begin with a call without arguments.
        for call in text.split('.').skip(1) {
            let Some(name) = call.split_once("()").map(|(name, _)| name) else {
                continue;
            };
            if !operations.contains(name) {
                continue;
            }
            let Some(actions) = needs.get(name) else {
                panic!("{}: NEEDS does not know {name}", file.display());
            };
            for action in *actions {
                need(action, name);
            }
            deletes |= name.starts_with("delete_object");
        }
    }
    // A version is deleted by an action of its own.
    if deletes
        && code
            .iter()
            .any(|(_, text)| text.contains("set_version_id("))
    {
        need("s3:DeleteObjectVersion", "delete_objects");
    }
    found
}

/// The operations of the SDK's crates, as their sources name them.
fn sdk_operations() -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "cargo metadata failed");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut operations = BTreeSet::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        if !["aws-sdk-s3", "aws-sdk-sqs"].contains(&name) {
            continue;
        }
        let manifest = Path::new(package["manifest_path"].as_str().unwrap());
        let folder = manifest.with_file_name("src").join("operation");
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            operations.insert(path.file_stem().unwrap().to_string_lossy().into_owned());
        }
    }
    assert!(operations.contains("get_object") && operations.contains("receive_message"));
    operations
}

/// All actions of a policy document.
fn allowed(policies: &Body, name: &str) -> BTreeSet<String> {
    let actions = statements(policies, name).flat_map(|body| texts(attribute(body, "actions")));
    actions.collect()
}

/// The statements of a policy document, `dynamic` ones too.
fn statements<'a>(policies: &'a Body, name: &str) -> impl Iterator<Item = &'a Body> {
    let document = crate::repository::block(policies, "data", &["aws_iam_policy_document", name]);
    document.body().blocks().map(|statement| {
        if statement.identifier() == "dynamic" {
            crate::repository::block(statement.body(), "content", &[]).body()
        } else {
            statement.body()
        }
    })
}
