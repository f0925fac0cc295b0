#!/usr/bin/env bash
# Installs or upgrades the AWS Load Balancer Controller, which makes a load balancer of the Ingress. Environment: as
# scripts/terraform.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/versions.sh
. scripts/versions.sh

cluster=$(scripts/terraform.sh pipeline output -raw cluster_name)
vpc=$(scripts/terraform.sh pipeline output -raw vpc_id)
role=$(scripts/terraform.sh pipeline output -json controller_role_arns | jq -er '."load-balancer-controller"')
# On Fargate it cannot ask its machine for the region and the VPC.
helm upgrade --install aws-load-balancer-controller aws-load-balancer-controller \
    --repo https://aws.github.io/eks-charts --version "$LOAD_BALANCER_CONTROLLER_CHART" \
    --namespace kube-system --wait --timeout 10m \
    --set "clusterName=$cluster" \
    --set "region=$AWS_REGION" \
    --set "vpcId=$vpc" \
    --set "serviceAccount.name=aws-load-balancer-controller" \
    --set "serviceAccount.annotations.eks\.amazonaws\.com/role-arn=$role"
