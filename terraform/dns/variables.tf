variable "region" {
  description = "AWS region of the load balancer; its certificate must be in the same one."
  type        = string
  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "A region looks like ap-southeast-2."
  }
}

variable "environment" {
  description = "Name of the environment, as given to terraform/pipeline."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,11}$", var.environment))
    error_message = "At most 12 lower-case letters, digits and hyphens."
  }
}

variable "domain_name" {
  description = "The root domain, such as example.com."
  type        = string
  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.domain_name))
    error_message = "Not a domain name in lower case."
  }
}

variable "subdomain" {
  description = "What stands before the root domain."
  type        = string
  default     = "thumbnail"
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", var.subdomain))
    error_message = "Not one label of a domain name."
  }
}

variable "step" {
  description = "1: zone and certificate, whose name servers the registrar must be told. 2: also validation and the record of the service."
  type        = number
  validation {
    condition     = contains([1, 2], var.step)
    error_message = "1 or 2."
  }
}
