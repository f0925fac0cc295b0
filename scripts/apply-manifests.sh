#!/usr/bin/env bash
# Applies k8s/overlays/ENVIRONMENT, with HTTPS once the settings have a certificate, and waits for the rollout.
#
#   scripts/settings.sh && scripts/apply-manifests.sh
#
# Environment: ENVIRONMENT; optionally API_TOKEN, the bearer token of the API's mutating routes: empty takes it away,
# unset leaves it as it is.
set -euo pipefail
cd "$(dirname "$0")/.."

: "${ENVIRONMENT:?dev or prod}"
overlay=k8s/overlays/$ENVIRONMENT
kubectl apply -f k8s/base/namespace.yaml

secret=""
if [ -n "${API_TOKEN:-}" ]; then
    # By standard input: arguments can be read by every process.
    secret=$(
        printf 'API_TOKEN=%s\n' "$API_TOKEN" |
            kubectl create secret generic thumbnail-api --namespace thumbnail \
                --from-env-file=/dev/stdin --dry-run=client --output yaml |
            kubectl apply -f -
    )
elif [ -n "${API_TOKEN+set}" ]; then
    secret=$(kubectl delete secret thumbnail-api --namespace thumbnail --ignore-not-found)
fi

certificate=$(kubectl kustomize "$overlay" | sed -n 's/^  CERTIFICATE_ARN: //p' | tr -d '"')
if [ -n "$certificate" ] && [ -d "$overlay-https" ]; then
    overlay=$overlay-https
fi
echo "applying $overlay" >&2
kubectl apply -k "$overlay"

# Pods read the token when they start.
case $secret in
    "" | *unchanged) ;;
    *) kubectl rollout restart deployment/thumbnail-api --namespace thumbnail ;;
esac

# The worker may rightly have no pod at all.
for deployment in thumbnail-api thumbnail-frontend thumbnail-worker; do
    kubectl rollout status "deployment/$deployment" --namespace thumbnail --timeout 10m
done
