#!/usr/bin/env bash
# Gives the running Ingress the certificate and the name of terraform/dns, as the overlays' component `https` does; the
# images stay as they are. Environment: as scripts/terraform.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

# Fails while there is none.
scripts/terraform.sh dns output -raw certificate_arn >/dev/null
scripts/kubeconfig.sh

# What runs now says which images.
image() {
    kubectl get deployment "thumbnail-$1" --namespace thumbnail \
        --output jsonpath='{.spec.template.spec.containers[0].image}'
}
worker=$(image worker)
ECR_BASE_WORKER=${worker%:*}
IMAGE_TAG=${worker##*:}
api=$(image api)
ECR_BASE_API=${api%:*}
frontend=$(image frontend)
ECR_BASE_FRONTEND=${frontend%:*}
export ECR_BASE_WORKER ECR_BASE_API ECR_BASE_FRONTEND IMAGE_TAG

scripts/settings.sh
scripts/apply-manifests.sh
