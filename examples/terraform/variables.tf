variable "environment" {
  description = "The environment's id in the manifest."
  type        = string
  default     = "prod"
}

variable "first_images" {
  description = "Where the images are that services run until something is deployed to them."
  type        = string
  default     = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/bookshop"
}

variable "first_tag" {
  description = "Their tag."
  type        = string
  default     = "v1"
}

variable "cpu" {
  description = "The CPU units of a task."
  type        = number
  default     = 256
}

variable "subnets" {
  description = "Where tasks run."
  type        = list(string)
  default     = ["subnet-0a1b2c3d4e5f60718"]
}

variable "security_groups" {
  description = "What may reach them."
  type        = list(string)
  default     = ["sg-0a1b2c3d4e5f60718"]
}
