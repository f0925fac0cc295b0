output "deploy_role_arn" {
  description = "GitHub secret AWS_ROLE_ARN."
  value       = aws_iam_role.github["deploy"].arn
}

output "push_role_arn" {
  description = "GitHub secret AWS_PUSH_ROLE_ARN."
  value       = aws_iam_role.github["push"].arn
}

output "repository_urls" {
  description = "GitHub secrets ECR_BASE_WORKER, ECR_BASE_API and ECR_BASE_FRONTEND."
  value       = { for name, repository in aws_ecr_repository.service : name => repository.repository_url }
}

output "permissions_boundary_arn" {
  description = "GitHub variable PERMISSIONS_BOUNDARY_ARN, for terraform/pipeline."
  value       = aws_iam_policy.boundary.arn
}

output "state_bucket" {
  description = "GitHub secret TF_STATE_BUCKET."
  value       = module.state.id
}
