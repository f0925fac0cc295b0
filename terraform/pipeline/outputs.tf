# Read by scripts/settings.sh, under the names that k8s/ uses.
output "settings" {
  description = "Values for the ConfigMap `settings` of an overlay in k8s/."
  value = {
    AWS_REGION         = var.region
    S3_BUCKET          = module.bucket.id
    SQS_QUEUE_URL      = aws_sqs_queue.uploads.id
    SQS_DLQ_URL        = aws_sqs_queue.dead.id
    TEST_SOURCE_BUCKET = var.test_source_bucket
    STORAGE_ORIGINS    = "https://${module.bucket.regional_domain_name}"
    WORKER_ROLE_ARN    = module.role["worker"].arn
    API_ROLE_ARN       = module.role["api"].arn
    LOAD_BALANCER_NAME = local.name
    VPC_CIDR           = var.vpc_cidr
  }
}

output "cluster_name" {
  description = "Name of the cluster, for `aws eks update-kubeconfig`."
  value       = aws_eks_cluster.this.name
}

output "vpc_id" {
  description = "For the load balancer controller, which cannot ask for it on Fargate."
  value       = aws_vpc.this.id
}

output "controller_role_arns" {
  description = "Roles of what the scripts install into the cluster."
  value = {
    keda                     = module.role["keda"].arn
    load-balancer-controller = module.role["load-balancer-controller"].arn
  }
}

output "pod_log_group" {
  description = "CloudWatch log group of the pods."
  value       = aws_cloudwatch_log_group.this["pods"].name
}
