//! Every number that the simulation rests on, with where it comes from. Change one here and run it
//! again.

/// Seconds.
pub(super) type Seconds = f64;

/// What a worker does with a video.
#[derive(Debug, Clone, Copy)]
pub(super) struct Work {
    /// Videos at a time in one pod.
    pub(super) slots: usize,
    /// Sequential requests before decoding: each waits for S3's first byte.
    pub(super) trips_before: u32,
    /// Sequential requests after decoding.
    pub(super) trips_after: u32,
    /// Bytes read of the video.
    pub(super) bytes: f64,
    /// CPU time of one vCPU, in seconds.
    pub(super) cpu: Seconds,
    /// Requests by price: GET and HEAD, PUT, and SQS.
    pub(super) gets: f64,
    pub(super) puts: f64,
    pub(super) sqs: f64,
}

/// Ours, for the mp4 with its index first of docs/benchmarks.md: 15 minutes of 1080p.
pub(super) const OURS: Work = Work {
    // worker-svc's capacity for 0.5 vCPU and 768 MiB.
    slots: 4,
    // Whose the name is (two HEADs at once), then the three round trips of docs/benchmarks.md.
    trips_before: 4,
    // Whose the name is, again; pictures at once; manifest; journal; is it still the same video?;
    // DeleteMessage.
    trips_after: 6,
    bytes: 1.76e6,
    // docs/benchmarks.md, in process.
    cpu: 0.12,
    gets: 6.0 + 5.0,
    puts: 5.0,
    // ReceiveMessage gives several, but counts as one for each in the worst case; and
    // DeleteMessage.
    sqs: 2.0,
};

/// Ours with `STORYBOARD=vtt`: the same video gets 90 tiles, a tile every 10 s, on one sheet.
///
/// Bytes, requests and CPU time of a tile are those of docs/benchmarks.md, Storyboards.
pub(super) const STORYBOARDING: Work = Work {
    // Opening, the index of an earlier delivery, and the tiles, 32 at once.
    trips_before: OURS.trips_before + 2 + 1 + 3,
    // The sheet, its index, the playlist; the manifest is read and written, and is it still the
    // same video?
    trips_after: OURS.trips_after + 6,
    bytes: OURS.bytes + 90.0 * 0.282e6,
    cpu: OURS.cpu + 90.0 * 0.032,
    gets: OURS.gets + 3.0 + 1.0 + 90.0 + 2.0,
    puts: OURS.puts + 4.0,
    ..OURS
};

/// A worker that downloads the video and runs ffmpeg three times, one video at a time, in the same
/// pod.
pub(super) const DOWNLOADING: Work = Work {
    slots: 1,
    trips_before: 1,
    trips_after: 4,
    bytes: 1.069e9,
    // docs/benchmarks.md, ffmpeg: what the download takes besides overlaps with waiting for it.
    cpu: 2.39,
    // boto3 fetches parts side by side.
    gets: 129.0,
    puts: 3.0,
    sqs: 2.0,
};

/// S3's first byte: "roughly 100 to 200 milliseconds" for small objects (S3 User Guide, performance
/// design patterns); often sooner. Drawn evenly between these.
pub(super) const FIRST_BYTE: (Seconds, Seconds) = (0.030, 0.200);

/// Bytes a second that one small Fargate pod reads from S3. An assumption: AWS publishes no number.
pub(super) const BANDWIDTH: f64 = 100e6;

/// vCPUs and GB of a worker pod, as Fargate rounds k8s/base/worker up.
pub(super) const POD_VCPU: f64 = 0.5;
pub(super) const POD_GB: f64 = 1.0;

/// From the request for a pod on Fargate until it runs: machine, image, start. Drawn evenly between
/// these.
pub(super) const POD_START: (Seconds, Seconds) = (30.0, 60.0);

/// k8s/base/worker/scaling.yaml, and what Kubernetes does by itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scaling {
    pub(super) most: usize,
    /// Messages for a pod, those in flight included.
    pub(super) target: f64,
    /// KEDA's poll, and the period at which the `HorizontalPodAutoscaler` decides.
    pub(super) period: Seconds,
    /// KEDA takes the last pod this long after the queue ran empty.
    pub(super) cooldown: Seconds,
    /// A smaller number counts only if it was small enough for this long.
    pub(super) stabilisation: Seconds,
    /// Pods that may be added in a period.
    pub(super) up: usize,
    /// Part of the pods that may be removed in `down_period`.
    pub(super) down: f64,
    pub(super) down_period: Seconds,
    /// Deviation from the target that the `HorizontalPodAutoscaler` lets pass (its default).
    pub(super) tolerance: f64,
}

pub(super) const SCALING: Scaling = Scaling {
    most: 10,
    target: 3.0,
    period: 15.0,
    cooldown: 120.0,
    stabilisation: 120.0,
    up: 10,
    down: 0.5,
    down_period: 60.0,
    tolerance: 0.1,
};

/// GET and HEAD requests a second that S3 promises for one prefix (S3 User Guide); more prefixes,
/// more requests.
pub(super) const S3_READS: f64 = 5500.0;
/// PUT requests a second for one prefix.
pub(super) const S3_WRITES: f64 = 3500.0;
/// Messages in flight in a standard queue (SQS quotas).
pub(super) const SQS_IN_FLIGHT: usize = 120_000;

/// US dollars, list prices of us-east-1 (AWS's price pages for Fargate, S3, SQS, EKS, VPC and ELB).
pub(super) mod price {
    /// A vCPU and a GB of memory on Fargate, for an hour.
    pub(crate) const VCPU_HOUR: f64 = 0.040_48;
    pub(crate) const GB_HOUR: f64 = 0.004_445;
    /// Shortest time that Fargate bills, in seconds.
    pub(crate) const LEAST_SECONDS: f64 = 60.0;
    /// One request.
    pub(crate) const GET: f64 = 0.4e-6;
    pub(crate) const PUT: f64 = 5.0e-6;
    pub(crate) const SQS: f64 = 0.4e-6;
    /// The control plane, the NAT gateway and the load balancer with one unit of capacity, for an
    /// hour.
    pub(crate) const CLUSTER_HOUR: f64 = 0.10;
    pub(crate) const NAT_HOUR: f64 = 0.045;
    pub(crate) const LOAD_BALANCER_HOUR: f64 = 0.022_5 + 0.008;
    /// Pods that always run, at 0.25 vCPU: API (1 GB), and frontend, `CoreDNS` (2), KEDA (3), load
    /// balancer controller (2), metrics server and `CloudWatch`'s operator (0.5 GB each).
    pub(crate) const STANDING_PODS: f64 = 11.0;
    pub(crate) const STANDING_GB: f64 = 1.0 + 10.0 * 0.5;
    /// Hours of a month.
    pub(crate) const MONTH: f64 = 730.0;
}
