#!/usr/bin/env bash
# Installs or upgrades the metrics server, from which the HorizontalPodAutoscalers know the pods' CPU.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/versions.sh
. scripts/versions.sh

# Its usual port, 10250, is the kubelet's on a Fargate pod's address.
helm upgrade --install metrics-server metrics-server \
    --repo https://kubernetes-sigs.github.io/metrics-server --version "$METRICS_SERVER_CHART" \
    --namespace kube-system --wait --timeout 10m \
    --set containerPort=10251
