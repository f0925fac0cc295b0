#!/usr/bin/env bash
# Once for an account, by somebody who may make roles; again after a change to terraform/bootstrap. Makes the bucket of
# Terraform's state, then lets Terraform adopt it.
#
#   TF_STATE_BUCKET=… AWS_REGION=… GITHUB_REPOSITORY=owner/name scripts/bootstrap.sh
set -euo pipefail
cd "$(dirname "$0")/.."

: "${TF_STATE_BUCKET:?a name for the bucket of Terraform\'s state}" "${AWS_REGION:?}"
: "${GITHUB_REPOSITORY:?owner/name of the repository that deploys}"
export TF_VAR_state_bucket=$TF_STATE_BUCKET
export TF_VAR_github_repository=$GITHUB_REPOSITORY

if ! aws s3api head-bucket --bucket "$TF_STATE_BUCKET" 2>/dev/null; then
    # us-east-1 is the one region that must not be named.
    location=()
    if [ "$AWS_REGION" != us-east-1 ]; then
        location=(--create-bucket-configuration "LocationConstraint=$AWS_REGION")
    fi
    aws s3api create-bucket --bucket "$TF_STATE_BUCKET" --region "$AWS_REGION" "${location[@]}" >/dev/null
fi
bucket=module.state.aws_s3_bucket.this
if ! scripts/terraform.sh bootstrap state list "$bucket" 2>/dev/null | grep -qx "$bucket"; then
    scripts/terraform.sh bootstrap import -input=false "$bucket" "$TF_STATE_BUCKET"
fi
# Without -auto-approve a person is asked.
scripts/terraform.sh bootstrap apply "$@"
