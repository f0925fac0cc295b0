"""Runs an image of the worker as Kubernetes does, against the local S3 and SQS, and has it process a video.

    target/infra/policy/bin/python scripts/try-worker-image.py [IMAGE] [VIDEO]

Needs root, podman and runc, and what `cargo xtask infra` and `cargo xtask up` install. The container runs as nobody in
particular, with a read-only root, without capabilities, and with the manifest's CPU and memory.
"""

import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import time

import boto3

ROOT = pathlib.Path(__file__).resolve().parent.parent
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
DEADLINE_SECONDS = 300


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(what, test):
    end = time.monotonic() + DEADLINE_SECONDS
    while not (found := test()):
        if time.monotonic() > end:
            sys.exit(f"{what}: not within {DEADLINE_SECONDS} s")
        time.sleep(0.5)
    return found


@contextlib.contextmanager
def stack():
    """ministack's address, while it runs."""
    port = free_port()
    program = sorted(ROOT.glob("target/ministack/*/bin/ministack"))[-1]
    settings = {"SERVICES": "s3,sqs", "GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1"}
    process = subprocess.Popen([program], env={**os.environ, **settings}, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        def listens():
            with socket.socket() as client:
                return client.connect_ex(("127.0.0.1", port)) == 0
        wait_for("ministack", listens)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def prepare(s3, sqs):
    """A bucket that announces its videos to a queue with a dead-letter queue; gives their URLs."""
    dead = sqs.create_queue(QueueName="try-dlq")["QueueUrl"]
    queue = sqs.create_queue(QueueName="try")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3.create_bucket(Bucket="try")
    rules = [{"Name": "prefix", "Value": "uploads/"}]
    s3.put_bucket_notification_configuration(Bucket="try", NotificationConfiguration={"QueueConfigurations": [
        {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": rules}}}]})
    return queue, dead


def run(image, endpoint, queue, dead, port):
    """Starts the container; gives its id."""
    environment = {**CREDENTIALS, "AWS_ENDPOINT_URL": endpoint, "SQS_QUEUE_URL": queue, "SQS_DLQ_URL": dead,
                   "S3_BUCKET": "try", "METRICS_ADDR": f"127.0.0.1:{port}"}
    command = ["podman", "--runtime", "runc", "--cgroup-manager", "cgroupfs", "run", "--detach",
               "--network", "host", "--read-only", "--read-only-tmpfs=false", "--user", "65532:65532",
               # A machine without systemd has no timer for the health check; it is run once, below.
               "--no-healthcheck",
               # podman asks for more files than a container's host may allow.
               "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024",
               "--cap-drop", "all", "--security-opt", "no-new-privileges", "--cpus", "0.5", "--memory", "768m"]
    for name, value in environment.items():
        command += ["--env", f"{name}={value}"]
    return subprocess.check_output([*command, image], text=True).strip()


def main(image="localhost/thumbnail-worker:local", video=None):
    video = pathlib.Path(video or sorted(ROOT.glob("target/media/*.mp4"))[0])
    with stack() as endpoint:
        session = boto3.Session("test", "test", region_name="us-east-1")
        s3 = session.client("s3", endpoint_url=endpoint, config=boto3.session.Config(
            s3={"addressing_style": "path"}))
        sqs = session.client("sqs", endpoint_url=endpoint)
        queue, dead = prepare(s3, sqs)
        port = free_port()
        container = run(image, endpoint, queue, dead, port)
        try:
            key = f"uploads/{video.name}"
            s3.put_object(Bucket="try", Key=key, Body=video.read_bytes())

            def outputs():
                listed = s3.list_objects_v2(Bucket="try", Prefix="thumbnails/").get("Contents", [])
                return listed if any(entry["Key"].endswith(".json") for entry in listed) else None
            for entry in wait_for("thumbnails", outputs):
                print(f"{entry['Size']:>8}  {entry['Key']}")
            health = f"http://127.0.0.1:{port}/health"
            for program in (["id"], ["wget", "-q", "-O", "-", health]):
                answer = subprocess.check_output(["podman", "exec", container, "/usr/bin/busybox", *program], text=True)
                print(f"{program[0]}: {answer.strip()}")
            write = subprocess.run(["podman", "exec", container, "/usr/bin/busybox", "touch", "/tmp/x"], check=False)
            if write.returncode == 0:
                sys.exit("the root can be written to")
        finally:
            subprocess.run(["podman", "logs", container], check=False)
            subprocess.run(["podman", "stop", "--time", "30", container], check=False, stdout=subprocess.DEVNULL)
            code = subprocess.check_output(
                ["podman", "inspect", "--format", "{{.State.ExitCode}}", container], text=True).strip()
            subprocess.run(["podman", "rm", "--force", container], check=False, stdout=subprocess.DEVNULL)
    if code != "0":
        sys.exit(f"the container ended with {code} after SIGTERM")


main(*sys.argv[1:])
