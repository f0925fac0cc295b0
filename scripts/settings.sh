#!/usr/bin/env bash
# Writes k8s/overlays/ENVIRONMENT/settings.yaml: everything that differs between environments, in one place.
#
#   IMAGE_TAG=1.0.5 scripts/settings.sh
#
# Environment: as scripts/terraform.sh; IMAGE_TAG, ECR_BASE_WORKER, ECR_BASE_API and ECR_BASE_FRONTEND; optionally
# OIDC_ISSUER, OIDC_AUDIENCE, OIDC_JWKS_URL and OIDC_SCOPE.
set -euo pipefail
cd "$(dirname "$0")/.."

: "${ENVIRONMENT:?dev or prod}" "${IMAGE_TAG:?}"
: "${ECR_BASE_WORKER:?}" "${ECR_BASE_API:?}" "${ECR_BASE_FRONTEND:?}"
file=k8s/overlays/$ENVIRONMENT/settings.yaml

# Nothing of it before terraform/dns was applied.
dns=$(scripts/terraform.sh dns output -json)
data=$(
    scripts/terraform.sh pipeline output -json settings |
        jq --sort-keys \
            --arg worker "$ECR_BASE_WORKER:$IMAGE_TAG" \
            --arg api "$ECR_BASE_API:$IMAGE_TAG" \
            --arg frontend "$ECR_BASE_FRONTEND:$IMAGE_TAG" \
            --argjson dns "$dns" \
            '. + {WORKER_IMAGE: $worker, API_IMAGE: $api, FRONTEND_IMAGE: $frontend,
                  DOMAIN: ($dns.domain.value // ""),
                  CERTIFICATE_ARN: ($dns.certificate_arn.value // "")}
             + ($ENV | {OIDC_ISSUER, OIDC_AUDIENCE, OIDC_JWKS_URL, OIDC_SCOPE} | map_values(. // ""))'
)
# JSON is YAML.
jq --null-input --argjson data "$data" \
    '{apiVersion: "v1", kind: "ConfigMap", metadata: {name: "settings", namespace: "thumbnail"}, data: $data}' \
    >"$file"
echo "wrote $file" >&2
