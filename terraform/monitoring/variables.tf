variable "region" {
  description = "AWS region of the pipeline."
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

variable "alert_email" {
  description = "Who is told of alarms."
  type        = string
  validation {
    condition     = can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", var.alert_email))
    error_message = "Not an e-mail address."
  }
}
