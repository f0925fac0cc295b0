#!/usr/bin/env bash
# Installs or upgrades KEDA, which scales the workers by the length of the queue. Environment: as scripts/terraform.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/versions.sh
. scripts/versions.sh

role=$(scripts/terraform.sh pipeline output -json controller_role_arns | jq -er .keda)
helm upgrade --install keda keda --repo https://kedacore.github.io/charts --version "$KEDA_CHART" \
    --namespace keda --create-namespace --wait --timeout 10m \
    --set "podIdentity.aws.irsa.enabled=true" \
    --set "podIdentity.aws.irsa.roleArn=$role"
