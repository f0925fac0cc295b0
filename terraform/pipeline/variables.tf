variable "region" {
  description = "AWS region of everything here."
  type        = string
  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "A region looks like ap-southeast-2."
  }
}

variable "environment" {
  description = "Name of the environment; part of every name, so that two fit into one account."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,11}$", var.environment))
    error_message = "At most 12 lower-case letters, digits and hyphens."
  }
}

variable "bucket" {
  description = "Name of the bucket for videos and thumbnails; unique in the world."
  type        = string
}

variable "destroy_bucket_contents" {
  description = "Whether `terraform destroy` deletes the videos and thumbnails."
  type        = bool
  default     = false
}

variable "test_source_bucket" {
  description = "Bucket whose videos the dashboard's test button copies into uploads/; empty for none."
  type        = string
  default     = ""
}

variable "upload_origins" {
  description = "Origins whose pages may upload to the bucket, such as https://thumbnail.example.com."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for origin in var.upload_origins : can(regex("^https?://[^/*]+$", origin))])
    error_message = "An origin is a scheme and a host, without a path or a wildcard."
  }
}

variable "vpc_cidr" {
  description = "Addresses of the VPC: a /16 is split into two public and two private subnets."
  type        = string
  default     = "10.20.0.0/16"
  validation {
    condition     = can(cidrsubnet(var.vpc_cidr, 4, 3))
    error_message = "Not an IPv4 range with room for four subnets."
  }
}

variable "zone_letters" {
  description = "The two availability zones; EKS and the load balancer want two. Named, because a list from AWS could change and move the subnets."
  type        = list(string)
  default     = ["a", "b"]
  validation {
    condition     = length(distinct(var.zone_letters)) == 2 && alltrue([for letter in var.zone_letters : can(regex("^[a-z]$", letter))])
    error_message = "Two different letters."
  }
}

variable "interface_endpoints" {
  description = "Whether SQS, STS, ECR and CloudWatch Logs are reached by private endpoints (about 7 USD a month each and zone) rather than by the NAT gateway."
  type        = bool
  default     = false
}

variable "kubernetes_version" {
  description = "Kubernetes version of the cluster."
  type        = string
  default     = "1.32"
  validation {
    condition     = can(regex("^1\\.[0-9]{2}$", var.kubernetes_version))
    error_message = "A version looks like 1.32."
  }
}

variable "cluster_api_cidrs" {
  description = "Addresses from which the cluster's API may be reached; GitHub's runners have no fixed ones."
  type        = list(string)
  default     = ["0.0.0.0/0"]
}

variable "cluster_admin_role_arns" {
  description = "Roles that may administer the cluster besides the one that made it."
  type        = set(string)
  default     = []
}

variable "visibility_timeout_seconds" {
  description = "How long a message stays hidden after a worker that took it died. Workers extend it while they live."
  type        = number
  default     = 60
  validation {
    condition     = var.visibility_timeout_seconds >= 30 && var.visibility_timeout_seconds <= 43200
    error_message = "From 30 seconds, below which a slow moment gives a video to two workers, to 12 hours."
  }
}

variable "max_receive_count" {
  description = "Deliveries after which a message goes to the dead-letter queue."
  type        = number
  default     = 5
  validation {
    condition     = var.max_receive_count >= 3
    error_message = "Less than 3 gives up at a restart."
  }
}

variable "old_version_days" {
  description = "How long deleted and replaced objects can be brought back, in days."
  type        = number
  default     = 7
}

variable "log_retention_days" {
  description = "How long logs are kept, in days."
  type        = number
  default     = 30
}

variable "container_insights" {
  description = "Whether the add-on for CloudWatch Container Insights is installed."
  type        = bool
  default     = true
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds every role (output of terraform/bootstrap); null for none."
  type        = string
  default     = null
}
