//! The ingress sends every route of the API to the API, and what is not for everybody to nobody.

use serde_yaml_ng::Value;

use crate::repository::{SERVICES, Service, yaml};

/// Routes of the API that only the cluster may ask: probes and metrics.
const INTERNAL: [&str; 2] = ["/ready", "/metrics"];

#[test]
fn known_routes_go_where_they_belong() {
    for route in ["/ws", "/api/pods", "/api/openapi.json", "/health"] {
        assert_eq!(backend(route), "thumbnail-api", "{route}");
    }
    for route in ["/", "/index.html", "/healthz", "/apis", "/wss"] {
        assert_eq!(backend(route), "thumbnail-frontend", "{route}");
    }
    for route in INTERNAL {
        assert_eq!(backend(route), "thumbnail-frontend", "{route}");
    }
}

#[test]
fn every_route_of_the_api_is_reachable() {
    let api = SERVICES[1];
    let routes = routes(api);
    assert!(routes.iter().any(|route| route == "/health"), "{routes:?}");
    assert!(routes.iter().any(|route| route == "/ws"), "{routes:?}");
    for route in routes {
        let expected = if INTERNAL.contains(&route.as_str()) {
            "thumbnail-frontend"
        } else {
            "thumbnail-api"
        };
        assert_eq!(backend(&route), expected, "{route}");
    }
}

/// Else the load balancer sends requests over connections that are just being closed.
#[test]
fn the_load_balancer_lets_go_of_idle_connections_first() {
    let server = crate::repository::read("service-kit/src/http/mod.rs");
    let ingress = crate::repository::read("k8s/base/ingress.yaml");
    let number = |text: &str, before: &str| {
        let (_, rest) = text.split_once(before).unwrap();
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u64>().unwrap()
    };
    let services = number(&server, "const IDLE: Duration = Duration::from_secs(");
    let balancer = number(&ingress, "idle_timeout.timeout_seconds=");
    assert!(balancer < services, "{balancer} s and {services} s");
}

#[test]
fn services_lead_to_ports_that_containers_open() {
    for service in SERVICES {
        let definition = &yaml(&format!("k8s/base/{}/service.yaml", service.name))[0];
        let port = &definition["spec"]["ports"][0];
        let container = service.container();
        let opened = &container["ports"][0];
        assert_eq!(port["targetPort"], opened["name"], "{}", service.name);
        assert_eq!(port["port"], opened["containerPort"], "{}", service.name);
        let variable = match service.name {
            "worker" => "METRICS_ADDR",
            "api" => "API_ADDR",
            _ => "FRONTEND_ADDR",
        };
        let address = service.variable(variable).unwrap();
        let number = opened["containerPort"].as_u64().unwrap();
        assert_eq!(address, format!("0.0.0.0:{number}"), "{}", service.name);
    }
    let base = SERVICES[2].variable("API_BASE_URL").unwrap();
    assert_eq!(base, "http://thumbnail-api:8000");
}

/// Where the ingress sends a path, by Kubernetes' rules: exact paths first, then the longest prefix
/// of whole segments.
fn backend(path: &str) -> String {
    let ingress = &yaml("k8s/base/ingress.yaml")[0];
    let rules = ingress["spec"]["rules"][0]["http"]["paths"]
        .as_sequence()
        .unwrap();
    let matches = |rule: &&Value| {
        let prefix = rule["path"].as_str().unwrap();
        match rule["pathType"].as_str() {
            Some("Exact") => path == prefix,
            Some("Prefix") => {
                let prefix = prefix.trim_end_matches('/');
                path.strip_prefix(prefix)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            other => panic!("{other:?} is up to the controller"),
        }
    };
    let rank = |rule: &&Value| {
        let exact = rule["pathType"] == "Exact";
        (exact, rule["path"].as_str().unwrap().len())
    };
    let rule = rules.iter().filter(matches).max_by_key(rank);
    let service = &rule.unwrap_or_else(|| panic!("{path} goes nowhere"))["backend"]["service"];
    service["name"].as_str().unwrap().to_owned()
}

/// The paths in the service's sources: of axum's router, and of the `OpenAPI` document's
/// annotations.
fn routes(service: Service) -> Vec<String> {
    let mut routes = Vec::new();
    for (_, text) in service.sources() {
        for start in [".route(", "path = "] {
            for rest in text.split(start).skip(1) {
                let Some(quoted) = rest.trim_start().strip_prefix('"') else {
                    continue;
                };
                let route = quoted.split('"').next().unwrap_or_default();
                if route.starts_with('/') {
                    routes.push(route.to_owned());
                }
            }
        }
    }
    routes
}
