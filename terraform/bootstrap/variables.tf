variable "region" {
  description = "AWS region of the state bucket and the image repositories."
  type        = string
  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "A region looks like ap-southeast-2."
  }
}

variable "state_bucket" {
  description = "Name of the bucket for Terraform's state; unique in the world."
  type        = string
}

variable "github_repository" {
  description = "Repository whose workflows may deploy, as owner/name."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "A repository looks like owner/name; wildcards would let others in."
  }
}

variable "deploy_environments" {
  description = "GitHub environments whose jobs may take the deploying role."
  type        = list(string)
  default     = ["dev", "prod"]
  validation {
    condition     = length(var.deploy_environments) > 0 && alltrue([for name in var.deploy_environments : can(regex("^[a-z0-9-]+$", name))])
    error_message = "Name at least one environment, in lower-case letters, digits and hyphens."
  }
}

variable "images_kept" {
  description = "How many images of each service are kept."
  type        = number
  default     = 30
  validation {
    condition     = var.images_kept >= 2
    error_message = "Keep at least the running image and the one before it."
  }
}
