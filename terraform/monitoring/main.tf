# Alarms by e-mail, and a dashboard. Applied once the load balancer is there, which Kubernetes makes.

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
      root        = "monitoring"
      environment = var.environment
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  # As terraform/pipeline and k8s/ name them.
  name  = "thumbnail-${var.environment}"
  queue = local.name
  dlq   = "${local.name}-dlq"
}

data "aws_lb" "this" {
  name = local.name
}

# ---- who is told

data "aws_iam_policy_document" "topic_key" {
  #checkov:skip=CKV_AWS_109:A key's policy speaks of that key only
  #checkov:skip=CKV_AWS_111:A key's policy speaks of that key only
  #checkov:skip=CKV_AWS_356:A key's policy speaks of that key only
  statement {
    sid       = "GovernedByIamPolicies"
    actions   = ["kms:*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"]
    }
  }
  # Which the key that AWS manages for SNS would not let them.
  statement {
    sid       = "AlarmsPublish"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]
    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }
  }
}

resource "aws_kms_key" "topic" {
  description             = "Alarms of ${local.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 7
  policy                  = data.aws_iam_policy_document.topic_key.json
}

resource "aws_sns_topic" "alarms" {
  name              = "${local.name}-alarms"
  kms_master_key_id = aws_kms_key.topic.id
}

# The address gets a mail with a link to confirm; nothing is sent before.
resource "aws_sns_topic_subscription" "email" {
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alert_email
}
