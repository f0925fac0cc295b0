//! A pod as the API shows it.

use contract::api;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

use super::quantity;

/// Drops what is not shown and is most of a pod, before it is kept.
pub(super) fn strip(pod: &mut Pod) {
    pod.metadata.managed_fields = None;
    pod.metadata.annotations = None;
    if let Some(spec) = &mut pod.spec {
        spec.volumes = None;
        spec.init_containers = None;
        for container in &mut spec.containers {
            container.env = None;
            container.volume_mounts = None;
        }
    }
}

pub(super) fn pod(pod: &Pod) -> api::Pod {
    let status = pod.status.as_ref();
    let spec = pod.spec.as_ref();
    let containers: &[ContainerStatus] = status
        .and_then(|status| status.container_statuses.as_deref())
        .unwrap_or_default();
    let conditions = status
        .and_then(|status| status.conditions.as_deref())
        .unwrap_or_default();
    api::Pod {
        name: pod.metadata.name.clone().unwrap_or_default(),
        status: phase(pod, containers),
        ready: conditions
            .iter()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True"),
        restarts: containers
            .iter()
            .map(|container| container.restart_count.max(0) as u32)
            .sum(),
        started_at: status
            .and_then(|status| status.start_time.as_ref())
            .map(|time| time.0.to_string()),
        node: spec.and_then(|spec| spec.node_name.clone()),
        cpu: requested(pod, "cpu").map(quantity::cpu),
        memory: requested(pod, "memory").map(quantity::memory),
    }
}

fn phase(pod: &Pod, containers: &[ContainerStatus]) -> String {
    if pod.metadata.deletion_timestamp.is_some() {
        return "Terminating".to_owned();
    }
    let waiting = containers.iter().find_map(|container| {
        let reason = container
            .state
            .as_ref()?
            .waiting
            .as_ref()?
            .reason
            .as_ref()?;
        // Every pod begins so; its phase says it better.
        (!matches!(reason.as_str(), "ContainerCreating" | "PodInitializing")).then_some(reason)
    });
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_ref());
    waiting
        .or(phase)
        .cloned()
        .unwrap_or_else(|| "Unknown".to_owned())
}

/// What the containers ask for, added up, in thousandths; `None` if none asks.
fn requested(pod: &Pod, resource: &str) -> Option<i128> {
    let containers = &pod.spec.as_ref()?.containers;
    let asked = containers.iter().filter_map(|container| {
        let requests = container.resources.as_ref()?.requests.as_ref()?;
        quantity::thousandths(&requests.get(resource)?.0)
    });
    asked.reduce(|a, b| a + b)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn view(value: serde_json::Value) -> api::Pod {
        let mut object: Pod = serde_json::from_value(value).unwrap();
        strip(&mut object);
        pod(&object)
    }

    #[test]
    fn a_running_pod() {
        let pod = view(json!({
            "metadata": {"name": "worker-1"},
            "spec": {"nodeName": "node-1", "containers": [
                {"name": "a", "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}}},
                {"name": "b", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}},
                {"name": "c"},
            ]},
            "status": {
                "phase": "Running", "startTime": "2026-01-02T03:04:05Z",
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [
                    {"name": "a", "restartCount": 2, "ready": true, "image": "i", "imageID": ""},
                    {"name": "b", "restartCount": 1, "ready": true, "image": "i", "imageID": ""},
                ],
            },
        }));
        assert_eq!(
            serde_json::to_value(pod).unwrap(),
            json!({"name": "worker-1", "status": "Running", "ready": true, "restarts": 3,
                   "startedAt": "2026-01-02T03:04:05Z", "node": "node-1", "cpu": "1250m", "memory": "1536Mi"})
        );
    }

    #[test]
    fn a_pod_that_does_not_run() {
        let waiting = |reason: &str| {
            view(json!({
                "metadata": {"name": "w"},
                "status": {"phase": "Pending", "containerStatuses": [
                    {"name": "a", "restartCount": 0, "ready": false, "image": "i", "imageID": "",
                     "state": {"waiting": {"reason": reason}}}]},
            }))
        };
        assert_eq!(waiting("CrashLoopBackOff").status, "CrashLoopBackOff");
        let pending = waiting("ContainerCreating");
        assert_eq!(pending.status, "Pending");
        assert_eq!(
            (pending.ready, pending.node, pending.started_at, pending.cpu),
            (false, None, None, None)
        );
        let ending = view(
            json!({"metadata": {"name": "w", "deletionTimestamp": "2026-01-02T03:04:05Z"},
                                 "status": {"phase": "Running"}}),
        );
        assert_eq!(ending.status, "Terminating");
    }
}
