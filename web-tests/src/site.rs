//! The service with its dashboard.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};
use aws_sdk_s3::primitives::ByteStream;
use devstack::{Stack, StackOptions};
use tokio::time::{Duration, Instant, sleep};

use crate::{
    DEADLINE,
    process::{Program, free_address, workspace_program},
};

/// How a [`Site`] is set up.
#[derive(Debug, Clone, Default)]
pub struct SiteOptions {
    /// The API's token; none: this machine may do everything.
    pub token: Option<String>,
    /// Without a worker nothing happens to what is uploaded.
    pub without_worker: bool,
    /// Settings of the worker: names of variables, and their values.
    pub worker: Vec<(&'static str, &'static str)>,
    /// Settings of the API, likewise.
    pub api: Vec<(&'static str, &'static str)>,
    /// How often the API looks and tells, in milliseconds; half a second if not told.
    pub sample_interval_ms: Option<u32>,
}

/// S3 and SQS, the worker, and the API with the dashboard. All of it ends when dropped.
#[derive(Debug)]
pub struct Site {
    // In the order in which they are to end.
    api: Program,
    _worker: Option<Program>,
    stack: Stack,
    address: SocketAddr,
    options: SiteOptions,
}

impl Site {
    /// Starts everything, and waits until the API is ready.
    pub async fn start(options: SiteOptions) -> anyhow::Result<Self> {
        let stack = Stack::start(StackOptions {
            max_receive_count: 2,
            visibility_timeout: Duration::from_secs(5),
            ..StackOptions::default()
        })
        .await?;
        let worker = if options.without_worker {
            None
        } else {
            Some(start_worker(&stack, &options)?)
        };
        let address = free_address()?;
        let api = start_api(&stack, address, &options)?;
        let mut site = Self {
            api,
            _worker: worker,
            stack,
            address,
            options,
        };
        site.until_ready().await?;
        Ok(site)
    }

    /// Where the dashboard is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Where the API listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// S3 and SQS.
    #[must_use]
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// Puts a video into the bucket, as anyone may do without the dashboard.
    pub async fn put(&self, key: &str, video: &Path) -> anyhow::Result<()> {
        put(&self.stack, self.stack.bucket(), key, video).await
    }

    /// Puts a video where a test of the pipeline takes it from.
    pub async fn put_sample(&self, key: &str, video: &Path) -> anyhow::Result<()> {
        put(&self.stack, self.stack.sample_bucket(), key, video).await
    }

    /// Puts `count` thumbnails into the bucket, as if their videos had been worked on.
    pub async fn fill(&self, count: usize) -> anyhow::Result<()> {
        /// A picture as small as can be.
        const PICTURE: &[u8] = include_bytes!("pixel.jpg");
        /// Requests at a time.
        const LANES: usize = 16;
        let mut lanes = tokio::task::JoinSet::new();
        for lane in 0..LANES {
            let (s3, bucket) = (self.stack.s3().clone(), self.stack.bucket().to_owned());
            lanes.spawn(async move {
                for index in (lane..count).step_by(LANES) {
                    let key = format!("thumbnails/video-{:06}_{}.jpg", index / 3, index % 3 + 1);
                    let body = ByteStream::from_static(PICTURE);
                    let put = s3
                        .put_object()
                        .bucket(&bucket)
                        .key(key)
                        .content_type("image/jpeg");
                    put.body(body).send().await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(lane) = lanes.join_next().await {
            lane??;
        }
        Ok(())
    }

    /// Kills the API, as a crash would.
    pub fn kill_api(&mut self) {
        self.api.kill();
    }

    /// Starts it again, at the same address.
    pub async fn restart_api(&mut self) -> anyhow::Result<()> {
        self.api = start_api(&self.stack, self.address, &self.options)?;
        self.until_ready().await
    }

    async fn until_ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + DEADLINE;
        while tokio::net::TcpStream::connect(self.address).await.is_err() {
            if Instant::now() > deadline {
                bail!("the API does not listen:\n{}", self.api.log());
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

async fn put(stack: &Stack, bucket: &str, key: &str, video: &Path) -> anyhow::Result<()> {
    let body = ByteStream::from_path(video).await?;
    stack
        .s3()
        .put_object()
        .bucket(bucket)
        .key(key)
        .body(body)
        .send()
        .await?;
    Ok(())
}

fn start_worker(stack: &Stack, options: &SiteOptions) -> anyhow::Result<Program> {
    let mut command = Command::new(workspace_program("thumbnail-worker")?);
    command
        .envs(stack.env())
        .envs(options.worker.iter().copied())
        .env("METRICS_ADDR", "127.0.0.1:0")
        .env("LOG_FORMAT", "text");
    Program::start(&mut command)
}

fn start_api(stack: &Stack, address: SocketAddr, options: &SiteOptions) -> anyhow::Result<Program> {
    let mut command = Command::new(workspace_program("thumbnail-api")?);
    command
        .envs(stack.env())
        .env("API_ADDR", address.to_string())
        .env("WEB_DIR", dashboard()?)
        .env("TEST_SOURCE_BUCKET", stack.sample_bucket())
        // Ten times as often as in production.
        .env(
            "SAMPLE_INTERVAL_MS",
            options.sample_interval_ms.unwrap_or(500).to_string(),
        )
        .envs(options.api.iter().copied())
        .env("LOG_FORMAT", "text")
        .env_remove("KUBECONFIG")
        .env_remove("API_TOKEN");
    if let Some(token) = &options.token {
        command.env("API_TOKEN", token);
    }
    Program::start(&mut command)
}

/// The built dashboard.
fn dashboard() -> anyhow::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("no folder")?;
    let dist = folder.join("web/dist");
    if !dist.join("index.html").exists() {
        bail!("{} is missing; `cargo xtask web` builds it", dist.display());
    }
    Ok(dist)
}
