terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.37" # the first that has track_latest
    }
  }
}

variable "region" {
  description = "The region of everything."
  type        = string
  default     = "eu-west-1"
}

variable "endpoint" {
  description = "Where `release-tool sandbox serve` answers, to try this without an account."
  type        = string
  default     = null
}

# Whatever credentials there are; those of the sandbox are made up, and tell it the account.
provider "aws" {
  region     = var.region
  access_key = var.endpoint == null ? null : "AKIA000000000000USER"
  secret_key = var.endpoint == null ? null : "not verified"

  skip_metadata_api_check = var.endpoint == null ? null : true

  dynamic "endpoints" {
    for_each = var.endpoint == null ? [] : [var.endpoint]

    content {
      ecs = endpoints.value
      iam = endpoints.value
      ssm = endpoints.value
      sts = endpoints.value
    }
  }
}
