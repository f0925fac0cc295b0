# The domain and its certificate, in two steps: first what can be made at once, so that the registrar can be told the
# name servers; then, with those in place, what waits for them.

terraform {
  required_version = ">= 1.10"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region
  default_tags {
    tags = {
      project     = "thumbnail"
      root        = "dns"
      environment = var.environment
    }
  }
}

locals {
  host = "${var.subdomain}.${var.domain_name}"
}

# ---- step 1: zone, certificate, and the records that prove that the domain is ours

resource "aws_route53_zone" "this" {
  #checkov:skip=CKV2_AWS_38:DNSSEC needs the registrar's hand for every key; add it there and here together
  #checkov:skip=CKV2_AWS_39:Query logs must lie in us-east-1 and tell nothing that the load balancer does not
  name = var.domain_name
}

resource "aws_acm_certificate" "this" {
  domain_name       = local.host
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "validation" {
  for_each = {
    for option in aws_acm_certificate.this.domain_validation_options : option.domain_name => option
  }
  zone_id         = aws_route53_zone.this.zone_id
  name            = each.value.resource_record_name
  type            = each.value.resource_record_type
  records         = [each.value.resource_record_value]
  ttl             = 60
  allow_overwrite = true
}

# ---- step 2: the proof, and the name of the load balancer

resource "aws_acm_certificate_validation" "this" {
  count                   = var.step == 2 ? 1 : 0
  certificate_arn         = aws_acm_certificate.this.arn
  validation_record_fqdns = [for record in aws_route53_record.validation : record.fqdn]
}

data "aws_lb" "this" {
  count = var.step == 2 ? 1 : 0
  name  = "thumbnail-${var.environment}"
}

resource "aws_route53_record" "service" {
  #checkov:skip=CKV2_AWS_23:It is attached to the load balancer, which Kubernetes makes
  count   = var.step == 2 ? 1 : 0
  zone_id = aws_route53_zone.this.zone_id
  name    = local.host
  type    = "A"
  alias {
    name                   = data.aws_lb.this[0].dns_name
    zone_id                = data.aws_lb.this[0].zone_id
    evaluate_target_health = true
  }
}
