#!/usr/bin/env bash
# Runs terraform on one root with its state where it belongs:
#
#   scripts/terraform.sh ROOT COMMAND [ARGUMENT...]
#   scripts/terraform.sh pipeline plan
#
# Environment: TF_STATE_BUCKET, AWS_REGION; ENVIRONMENT (dev or prod) except for the root bootstrap.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ $# -lt 2 ] || [ ! -d "terraform/$1" ]; then
    echo "usage: scripts/terraform.sh bootstrap|pipeline|monitoring|dns COMMAND [ARGUMENT...]" >&2
    exit 2
fi
root=$1
command=$2
shift 2
: "${TF_STATE_BUCKET:?the bucket of Terraform\'s state}" "${AWS_REGION:?}"
export TF_VAR_region=$AWS_REGION
if [ "$root" = bootstrap ]; then
    key=thumbnail/bootstrap.tfstate
else
    : "${ENVIRONMENT:?dev or prod}"
    key=thumbnail/$ENVIRONMENT/$root.tfstate
    export TF_VAR_environment=$ENVIRONMENT
fi

terraform "-chdir=terraform/$root" init -input=false -reconfigure \
    "-backend-config=bucket=$TF_STATE_BUCKET" \
    "-backend-config=key=$key" \
    "-backend-config=region=$AWS_REGION" >&2
if [ "$command" != init ]; then
    terraform "-chdir=terraform/$root" "$command" "$@"
fi
