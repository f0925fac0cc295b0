#!/usr/bin/env bash
# Lets kubectl and helm reach the cluster that terraform/pipeline made. Environment: as scripts/terraform.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

cluster=$(scripts/terraform.sh pipeline output -raw cluster_name)
aws eks update-kubeconfig --name "$cluster" --region "$AWS_REGION"
