# Two ECS services whose images `release-tool` deploys, and whose everything else is Terraform's.
#
#   release-tool sandbox serve
#   terraform init && terraform apply
#
# After any deployment `terraform plan` says "No changes". docs/terraform.md tells why.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.37" # the first that has track_latest
    }
  }
}

variable "endpoint" {
  description = "Where the sandbox answers."
  type        = string
  default     = "http://127.0.0.1:4566"
}

variable "environment" {
  description = "The environment's id in the manifest."
  type        = string
  default     = "prod"
}

variable "first_image" {
  description = "What a service runs until something is deployed to it."
  type        = string
  default     = "registry.example/bookshop/first:1"
}

# The sandbox takes any credentials; the access key tells it the account.
provider "aws" {
  region     = "eu-west-1"
  access_key = "AKIA000000000000USER"
  secret_key = "not verified"

  skip_metadata_api_check = true

  endpoints {
    ecs = var.endpoint
    ssm = var.endpoint
    sts = var.endpoint
  }
}

locals {
  services = {
    catalogue-api = { port = 8080, memory = 256, count = 2 }
    orders-api    = { port = 8081, memory = 512, count = 1 }
  }
}

resource "aws_ecs_cluster" "shop" {
  name = "bookshop-${var.environment}"
}

# Written by `release-tool deploy`. Terraform only makes it exist.
resource "aws_ssm_parameter" "image" {
  for_each = local.services

  name  = "/bookshop/images/${var.environment}/${each.key}"
  type  = "String"
  value = var.first_image

  lifecycle {
    ignore_changes = [value, insecure_value]
  }
}

# What is deployed now.
data "aws_ssm_parameter" "image" {
  for_each = local.services

  name = aws_ssm_parameter.image[each.key].name
}

resource "aws_ecs_task_definition" "service" {
  for_each = local.services

  family       = "${var.environment}-${each.key}"
  track_latest = true # what was deployed is what Terraform compares with
  skip_destroy = true # keeps the revisions that a rollback goes back to

  container_definitions = jsonencode([
    {
      name         = each.key
      image        = data.aws_ssm_parameter.image[each.key].insecure_value
      essential    = true
      memory       = each.value.memory
      portMappings = [{ containerPort = each.value.port, protocol = "tcp" }]
      environment  = [{ name = "ENVIRONMENT", value = var.environment }]
    }
  ])

  tags = {
    project     = "bookshop"
    environment = var.environment
  }
}

resource "aws_ecs_service" "service" {
  for_each = local.services

  name            = each.key
  cluster         = aws_ecs_cluster.shop.arn
  task_definition = aws_ecs_task_definition.service[each.key].arn
  desired_count   = each.value.count

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }
}
