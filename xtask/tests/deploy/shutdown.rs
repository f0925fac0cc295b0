//! Pods get the time that their services take to stop.

use crate::repository::{SERVICES, Service};

/// What a worker needs after its grace period: a late poll, and returning messages.
const WORKER_AFTERMATH_SECONDS: u64 = 4;

/// The longest that a video may take (thumbcore's `Limits::max_time`).
const LONGEST_VIDEO_SECONDS: u64 = 60;

#[test]
fn the_grace_period_covers_the_pause_and_the_shutdown() {
    for service in SERVICES {
        let Some(shutdown) = service.variable("SHUTDOWN_GRACE_SECONDS") else {
            continue;
        };
        let shutdown: u64 = shutdown.parse().unwrap();
        let needed = pause(service) + shutdown + WORKER_AFTERMATH_SECONDS;
        assert!(
            grace(service) > needed,
            "{}: {} s of grace, {needed} s needed",
            service.name,
            grace(service)
        );
    }
}

#[test]
fn a_worker_may_finish_the_longest_video() {
    let shutdown = SERVICES[0].variable("SHUTDOWN_GRACE_SECONDS").unwrap();
    assert!(shutdown.parse::<u64>().unwrap() > LONGEST_VIDEO_SECONDS);
    let limits = crate::repository::read("thumbcore/src/limits.rs");
    assert!(
        limits.contains("max_time: Duration::from_mins(1)"),
        "LONGEST_VIDEO_SECONDS is thumbcore's no more"
    );
}

fn grace(service: Service) -> u64 {
    let deployment = service.deployment();
    deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        .as_u64()
        .unwrap()
}

/// Before SIGTERM is sent.
fn pause(service: Service) -> u64 {
    service.container()["lifecycle"]["preStop"]["sleep"]["seconds"]
        .as_u64()
        .unwrap_or(0)
}
