# Once for an account: where Terraform keeps its state, who may deploy, and where images go. It outlives everything
# else, and `terraform destroy` of the rest leaves it alone.

terraform {
  required_version = ">= 1.10"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
  # Its own state goes into the bucket that it makes: scripts/bootstrap.sh.
  backend "s3" {
    key          = "thumbnail/bootstrap.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region
  default_tags {
    tags = {
      project = "thumbnail"
      root    = "bootstrap"
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

module "state" {
  source           = "../modules/private-bucket"
  name             = var.state_bucket
  old_version_days = 365
}

resource "aws_ecr_repository" "service" {
  #checkov:skip=CKV_AWS_136:Encrypted with ECR's own key; the images hold no secret
  for_each             = toset(["worker", "api", "frontend"])
  name                 = "thumbnail-${each.key}"
  image_tag_mutability = "IMMUTABLE"
  image_scanning_configuration {
    scan_on_push = true
  }
  encryption_configuration {
    encryption_type = "AES256"
  }
}

resource "aws_ecr_lifecycle_policy" "service" {
  for_each   = aws_ecr_repository.service
  repository = each.value.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "The last ones, to go back to"
      selection = {
        tagStatus   = "any"
        countType   = "imageCountMoreThan"
        countNumber = var.images_kept
      }
      action = { type = "expire" }
    }]
  })
}
