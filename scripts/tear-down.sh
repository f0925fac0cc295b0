#!/usr/bin/env bash
# Removes what Kubernetes made in AWS, so that terraform can destroy the rest: a load balancer that is left over keeps
# the VPC from being deleted. Environment: as scripts/terraform.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

: "${ENVIRONMENT:?dev or prod}" "${AWS_REGION:?}"
load_balancer=thumbnail-$ENVIRONMENT

# The controller removes the load balancer before it lets the Ingress go, so the Ingress goes first, and waits.
kubectl delete ingress thumbnail --namespace thumbnail --ignore-not-found --timeout 10m
kubectl delete scaledobject thumbnail-worker --namespace thumbnail --ignore-not-found --timeout 5m
kubectl delete namespace thumbnail --ignore-not-found --timeout 10m

is_there() {
    aws elbv2 describe-load-balancers --names "$load_balancer" --region "$AWS_REGION" >/dev/null 2>&1
}
for _ in $(seq 60); do
    if ! is_there; then
        break
    fi
    sleep 10
done
if is_there; then
    echo "the load balancer $load_balancer is still there after ten minutes" >&2
    exit 1
fi

for release in keda/keda kube-system/aws-load-balancer-controller kube-system/metrics-server; do
    helm uninstall "${release#*/}" --namespace "${release%/*}" --ignore-not-found --wait --timeout 10m
done
