//! Each Deployment sets the variables that its service knows, and no others.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use syn::{Attribute, Ident, ItemStruct, Token, punctuated::Punctuated, visit::Visit};

use crate::repository::{SERVICES, Service, bucket_local, sources};

/// Variables that a service's manifest leaves alone, and why.
const LEFT_ALONE: [(&str, &str, &str); 16] = [
    ("worker", "AWS_ENDPOINT_URL", LOCAL),
    (
        "worker",
        "WORKER_CONCURRENCY",
        "follows from the CPU and the memory that the manifest gives",
    ),
    (
        "worker",
        "WORKER_MEMORY_BYTES",
        "follows from the memory that the manifest gives",
    ),
    (
        "worker",
        "THUMBNAIL_MAX_WIDTH",
        "the older name of THUMBNAIL_WIDTHS, for one width",
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

/// The variables of every clap definition in the service's sources, and of the groups of shared
/// settings that these flatten.
fn known(service: Service) -> BTreeSet<String> {
    let own = Definitions::of(&service.sources());
    let shared = Definitions::of(&sources("service-kit/src"));
    let mut known = BTreeSet::new();
    for (name, group) in &own.0 {
        assert!(!shared.0.contains_key(name), "{name} is defined twice");
        known.extend(group.variables.iter().cloned());
        for flattened in &group.flattened {
            if let Some(group) = shared.0.get(flattened) {
                known.extend(group.variables.iter().cloned());
            } else {
                assert!(own.0.contains_key(flattened), "{flattened} is unknown");
            }
        }
    }
    assert!(!known.is_empty(), "{} has no variable", service.name);
    known
}

/// The clap definitions of some sources, by the struct's name.
#[derive(Default)]
struct Definitions(BTreeMap<String, Group>);

/// One struct's fields.
#[derive(Default)]
struct Group {
    variables: BTreeSet<String>,
    /// The types of flattened fields.
    flattened: BTreeSet<String>,
}

impl Definitions {
    fn of(sources: &[(PathBuf, String)]) -> Self {
        let mut definitions = Self::default();
        for (path, text) in sources {
            let file =
                syn::parse_file(text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            definitions.visit_file(&file);
        }
        definitions
    }
}

impl Visit<'_> for Definitions {
    fn visit_item_struct(&mut self, item: &ItemStruct) {
        let mut group = Group::default();
        for field in &item.fields {
            let name = field.ident.as_ref().map(ToString::to_string);
            for attribute in &field.attrs {
                if attribute.path().is_ident("arg") {
                    group.variables.extend(variable(attribute, name.as_deref()));
                } else if attribute.path().is_ident("command")
                    && arguments(attribute)
                        .iter()
                        .any(|argument| argument.name == "flatten")
                {
                    group.flattened.insert(last_segment(&field.ty));
                }
            }
        }
        if !group.variables.is_empty() || !group.flattened.is_empty() {
            self.0.insert(item.ident.to_string(), group);
        }
    }
}

/// `LogArgs` of `service_kit::LogArgs`.
fn last_segment(of: &syn::Type) -> String {
    let syn::Type::Path(path) = of else {
        panic!("a flattened field's type is no path");
    };
    path.path.segments.last().unwrap().ident.to_string()
}

/// `env` means the field's name in capitals, `env = "NAME"` that name.
fn variable(attribute: &Attribute, field: Option<&str>) -> Option<String> {
    let env = arguments(attribute).into_iter().find(|a| a.name == "env")?;
    match env.value {
        None => field.map(str::to_uppercase),
        Some(syn::Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Str(name),
            ..
        })) => Some(name.value()),
        Some(_) => panic!("the name of a variable is not a plain string"),
    }
}

fn arguments(attribute: &Attribute) -> Punctuated<Argument, Token![,]> {
    attribute
        .parse_args_with(Punctuated::parse_terminated)
        .unwrap()
}

/// `name`, `name = value` or `name(values)` within `#[arg(…)]` or `#[command(…)]`.
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
