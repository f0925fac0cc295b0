# shellcheck shell=bash disable=SC2034
# What the scripts install into a cluster; they source this.
KEDA_CHART=2.16.1
# The policy terraform/pipeline/policies/load-balancer-controller.json belongs to this version.
LOAD_BALANCER_CONTROLLER_CHART=1.13.0
METRICS_SERVER_CHART=3.12.2
