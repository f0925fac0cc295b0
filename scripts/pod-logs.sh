#!/usr/bin/env bash
# Sends what the pods print to CloudWatch Logs, by the log router that is built into Fargate. Pods started before do not
# notice. Environment: as scripts/terraform.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

group=$(scripts/terraform.sh pipeline output -raw pod_log_group)
kubectl apply -f - <<YAML
apiVersion: v1
kind: Namespace
metadata:
  name: aws-observability
  labels:
    aws-observability: enabled
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: aws-logging
  namespace: aws-observability
data:
  flb_log_cw: "false"
  output.conf: |
    [OUTPUT]
        Name cloudwatch_logs
        Match *
        region $AWS_REGION
        log_group_name $group
        log_stream_prefix pod-
        auto_create_group false
YAML
