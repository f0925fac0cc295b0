#!/usr/bin/env bash
# Installs or upgrades the AWS Load Balancer Controller, which makes a load balancer of the Ingress. Environment: as
# scripts/terraform.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/versions.sh
. scripts/versions.sh

outputs=$(scripts/terraform.sh pipeline output -json)
cluster=$(jq -er .cluster_name.value <<<"$outputs")
vpc=$(jq -er .vpc_id.value <<<"$outputs")
role=$(jq -er '.controller_role_arns.value."load-balancer-controller"' <<<"$outputs")
# On Fargate it cannot ask its machine for the region and the VPC.
helm upgrade --install aws-load-balancer-controller aws-load-balancer-controller \
    --repo https://aws.github.io/eks-charts --version "$LOAD_BALANCER_CONTROLLER_CHART" \
    --namespace kube-system --wait --timeout 10m \
    --set "clusterName=$cluster" \
    --set "region=$AWS_REGION" \
    --set "vpcId=$vpc" \
    --set "serviceAccount.name=aws-load-balancer-controller" \
    --set "serviceAccount.annotations.eks\.amazonaws\.com/role-arn=$role"
