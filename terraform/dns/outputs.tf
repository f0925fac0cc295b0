output "name_servers" {
  description = "What to enter at the registrar after step 1."
  value       = aws_route53_zone.this.name_servers
}

output "domain" {
  description = "Host name of the service: DOMAIN in k8s/."
  value       = local.host
}

output "certificate_arn" {
  description = "The validated certificate: CERTIFICATE_ARN in k8s/; null after step 1."
  value       = one(aws_acm_certificate_validation.this[*].certificate_arn)
}
