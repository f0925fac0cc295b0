//! Each Deployment sets the variables that its service knows, and no others.

use std::collections::BTreeSet;

use syn::{Attribute, Field, Ident, Token, punctuated::Punctuated, visit::Visit};

use crate::repository::{SERVICES, Service, bucket_local};

/// Variables that a service's manifest leaves alone, and why.
const LEFT_ALONE: [(&str, &str, &str); 14] = [
    ("worker", "AWS_ENDPOINT_URL", LOCAL),
    (
        "worker",
        "WORKER_CONCURRENCY",
        "follows from the CPU and the memory that the manifest gives",
    ),
    ("api", "AWS_ENDPOINT_URL", LOCAL),
    ("api", "WEB_DIR", "the frontend serves the dashboard"),
    (
        "api",
        "ALLOWED_ORIGINS",
        "the dashboard comes from the API's own origin",
    ),
    ("api", "SAMPLE_INTERVAL_MS", TUNING),
    ("api", "INDEX_REQUESTS", TUNING),
    ("api", "MAX_REQUESTS", TUNING),
    ("api", "MAX_WEBSOCKETS", TUNING),
    ("api", "REQUEST_TIMEOUT_SECONDS", TUNING),
    ("api", "API_RATE_LIMIT", TUNING),
    ("api", "FRAME_CACHE_BYTES", TUNING),
    ("api", "FRAME_VIDEO_BYTES", TUNING),
    ("api", "UPLOAD_MAX_BYTES", TUNING),
];

const LOCAL: &str = "stands for another store than AWS";
const TUNING: &str = "its default is meant for a deployment of this size";

#[test]
fn deployments_set_the_variables_that_services_know() {
    for service in SERVICES {
        let known = known(service);
        let set = set(service);
        let left_alone = |name: &str| {
            LEFT_ALONE
                .iter()
                .any(|(of, variable, _)| *of == service.name && *variable == name)
        };
        let unset: Vec<_> = known
            .iter()
            .filter(|name| !set.contains(*name) && !left_alone(name))
            .collect();
        let unknown: Vec<_> = set.difference(&known).collect();
        assert!(
            unset.is_empty() && unknown.is_empty(),
            "{}: the manifest does not set {unset:?}, and sets {unknown:?}, which the service does not know",
            service.name
        );
        for (of, name, _) in LEFT_ALONE {
            assert!(
                of != service.name || known.contains(name) && !set.contains(name),
                "LEFT_ALONE: {name} is set by {of}, or not known to it"
            );
        }
    }
}

#[test]
fn prefixes_are_those_of_the_bucket() {
    for (variable, local) in [
        ("S3_UPLOAD_PREFIX", "upload_prefix"),
        ("S3_THUMBNAIL_PREFIX", "thumbnail_prefix"),
    ] {
        let hcl::Expression::String(prefix) = bucket_local(local) else {
            panic!("{local} is not text");
        };
        for service in &SERVICES[..2] {
            assert_eq!(
                service.variable(variable).as_ref(),
                Some(&prefix),
                "{}: {variable}",
                service.name
            );
        }
    }
}

fn set(service: Service) -> BTreeSet<String> {
    let container = service.container();
    let variables = container["env"].as_sequence().unwrap();
    let names: BTreeSet<_> = variables
        .iter()
        .map(|entry| entry["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names.len(), variables.len(), "one is set twice");
    names
}

/// The variables of every clap definition in the service's sources.
fn known(service: Service) -> BTreeSet<String> {
    let mut variables = Variables::default();
    for (path, text) in service.code() {
        let file =
            syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        variables.visit_file(&file);
    }
    assert!(!variables.0.is_empty(), "{} has no variable", service.name);
    variables.0
}

#[derive(Default)]
struct Variables(BTreeSet<String>);

impl Visit<'_> for Variables {
    fn visit_field(&mut self, field: &Field) {
        let name = field.ident.as_ref().map(ToString::to_string);
        for attribute in field.attrs.iter().filter(|a| a.path().is_ident("arg")) {
            self.0.extend(variable(attribute, name.as_deref()));
        }
    }
}

/// `env` means the field's name in capitals, `env = "NAME"` that name.
fn variable(attribute: &Attribute, field: Option<&str>) -> Option<String> {
    let arguments = attribute
        .parse_args_with(Punctuated::<Argument, Token![,]>::parse_terminated)
        .unwrap();
    let env = arguments.into_iter().find(|a| a.name == "env")?;
    match env.value {
        None => field.map(str::to_uppercase),
        Some(syn::Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Str(name),
            ..
        })) => Some(name.value()),
        Some(_) => panic!("the name of a variable is not a plain string"),
    }
}

/// `name`, `name = value` or `name(values)` within `#[arg(…)]`.
struct Argument {
    name: Ident,
    value: Option<syn::Expr>,
}

impl syn::parse::Parse for Argument {
    fn parse(input: syn::parse::ParseStream<'_>) -> syn::Result<Self> {
        let name = input.call(<Ident as syn::ext::IdentExt>::parse_any)?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            Some(input.parse()?)
        } else {
            if input.peek(syn::token::Paren) {
                let values;
                syn::parenthesized!(values in input);
                values.parse::<proc_macro2::TokenStream>()?;
            }
            None
        };
        Ok(Self { name, value })
    }
}
