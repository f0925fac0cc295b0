variable "name" {
  description = "Name of the bucket; unique in the world."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.name))
    error_message = "A bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens."
  }
}

variable "force_destroy" {
  description = "Whether destroying the bucket deletes what is in it."
  type        = bool
  default     = false
}

variable "old_version_days" {
  description = "How long replaced and deleted objects can be brought back, in days."
  type        = number
  default     = 30
}

variable "expire_days" {
  description = "Days after which objects go by themselves, by what their keys begin with."
  type        = map(number)
  default     = {}
}
