variable "name" {
  description = "Name of the role."
  type        = string
}

variable "oidc_provider" {
  description = "The cluster's OIDC provider: its ARN, and its issuer without https://."
  type = object({
    arn    = string
    issuer = string
  })
}

variable "service_account" {
  description = "Who may take the role."
  type = object({
    namespace = string
    name      = string
  })
}

variable "policy" {
  description = "What it may do, as a JSON document; null where managed policies say all."
  type        = string
  default     = null
}

variable "managed_policy_arns" {
  description = "Managed policies that it has besides."
  type        = list(string)
  default     = []
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds the role; null for none."
  type        = string
  default     = null
}
