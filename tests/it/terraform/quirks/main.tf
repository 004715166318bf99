# Services that are each in Terraform in another way, of which only the first is as it should be.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "endpoint" {
  type = string
}

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
  first = "registry.example/quirks/first:1"
}

resource "aws_ecs_cluster" "all" {
  name = "quirks-prod"
}

# As it should be, in a module.
module "tidy" {
  source  = "./part"
  cluster = aws_ecs_cluster.all.arn
  name    = "tidy"
}

resource "aws_ssm_parameter" "image" {
  for_each = toset(["untracked", "sensitive", "family", "ignored", "exposed", "managed", "literal", "revision"])

  name           = "/quirks/images/prod/${each.key}"
  type           = "String"
  insecure_value = local.first

  lifecycle {
    ignore_changes = [value, insecure_value]
  }
}

resource "aws_ssm_parameter" "secure" {
  name  = "/quirks/images/prod/secure"
  type  = "SecureString"
  value = local.first

  lifecycle {
    ignore_changes = [value, insecure_value]
  }
}

# Its value is not ignored.
resource "aws_ssm_parameter" "reset" {
  name  = "/quirks/images/prod/reset"
  type  = "String"
  value = local.first
}

data "aws_ssm_parameter" "untracked" {
  name = aws_ssm_parameter.image["untracked"].name
}

data "aws_ssm_parameter" "sensitive" {
  name = aws_ssm_parameter.image["sensitive"].name
}

data "aws_ssm_parameter" "secure" {
  name = aws_ssm_parameter.secure.name
}

data "aws_ssm_parameter" "reset" {
  name = aws_ssm_parameter.reset.name
}

data "aws_ssm_parameter" "family" {
  name = aws_ssm_parameter.image["family"].name
}

data "aws_ssm_parameter" "ignored" {
  name = aws_ssm_parameter.image["ignored"].name
}

data "aws_ssm_parameter" "exposed" {
  name = aws_ssm_parameter.image["exposed"].name
}

data "aws_ssm_parameter" "revision" {
  name = aws_ssm_parameter.image["revision"].name
}

resource "aws_ecs_task_definition" "untracked" {
  family = "quirks-untracked"

  container_definitions = jsonencode([
    { name = "untracked", image = data.aws_ssm_parameter.untracked.insecure_value, memory = 64 }
  ])
}

resource "aws_ecs_service" "untracked" {
  name            = "untracked"
  cluster         = aws_ecs_cluster.all.arn
  task_definition = aws_ecs_task_definition.untracked.arn
  desired_count   = 1
}

resource "aws_ecs_task_definition" "sensitive" {
  family       = "quirks-sensitive"
  track_latest = true
  skip_destroy = true

  container_definitions = jsonencode([
    { name = "sensitive", image = data.aws_ssm_parameter.sensitive.value, memory = 64 }
  ])
}

resource "aws_ecs_service" "sensitive" {
  name            = "sensitive"
  cluster         = aws_ecs_cluster.all.arn
  task_definition = aws_ecs_task_definition.sensitive.arn
  desired_count   = 1
}

resource "aws_ecs_task_definition" "secure" {
  family       = "quirks-secure"
  track_latest = true
  skip_destroy = true

  container_definitions = jsonencode([
    { name = "secure", image = nonsensitive(data.aws_ssm_parameter.secure.value), memory = 64 }
  ])
}

resource "aws_ecs_service" "secure" {
  name            = "secure"
  cluster         = aws_ecs_cluster.all.arn
  task_definition = aws_ecs_task_definition.secure.arn
  desired_count   = 1
}

resource "aws_ecs_task_definition" "reset" {
  family       = "quirks-reset"
  track_latest = true
  skip_destroy = true

  container_definitions = jsonencode([
    { name = "reset", image = data.aws_ssm_parameter.reset.insecure_value, memory = 64 }
  ])
}

resource "aws_ecs_service" "reset" {
  name            = "reset"
  cluster         = aws_ecs_cluster.all.arn
  task_definition = aws_ecs_task_definition.reset.arn
  desired_count   = 1
}

resource "aws_ecs_task_definition" "family" {
  family       = "quirks-family"
  track_latest = true
  skip_destroy = true

  container_definitions = jsonencode([
    { name = "family", image = data.aws_ssm_parameter.family.insecure_value, memory = 64 }
  ])
}

resource "aws_ecs_service" "family" {
  name            = "family"
  cluster         = aws_ecs_cluster.all.arn
  task_definition = aws_ecs_task_definition.family.arn_without_revision
  desired_count   = 1
}

resource "aws_ecs_task_definition" "ignored" {
  family       = "quirks-ignored"
  skip_destroy = true

  container_definitions = jsonencode([
    { name = "ignored", image = local.first, memory = 64 }
  ])
}

resource "aws_ecs_service" "ignored" {
  name            = "ignored"
  cluster         = aws_ecs_cluster.all.arn
  task_definition = aws_ecs_task_definition.ignored.arn
  desired_count   = 1

  lifecycle {
    ignore_changes = [task_definition]
  }
}

resource "aws_ecs_task_definition" "exposed" {
  family       = "quirks-exposed"
  track_latest = true
  skip_destroy = true

  container_definitions = jsonencode([
    { name = "exposed", image = data.aws_ssm_parameter.exposed.insecure_value, memory = 64 }
  ])
}

resource "aws_ecs_service" "exposed" {
  name            = "exposed"
  cluster         = aws_ecs_cluster.all.arn
  task_definition = aws_ecs_task_definition.exposed.arn
  desired_count   = 1
}

output "exposed" {
  value = aws_ecs_task_definition.exposed.arn
}

# Reads the resource itself, without a data source.
resource "aws_ecs_task_definition" "managed" {
  family       = "quirks-managed"
  track_latest = true
  skip_destroy = true

  container_definitions = jsonencode([
    { name = "managed", image = aws_ssm_parameter.image["managed"].insecure_value, memory = 64 }
  ])
}

resource "aws_ecs_service" "managed" {
  name            = "managed"
  cluster         = aws_ecs_cluster.all.arn
  task_definition = aws_ecs_task_definition.managed.arn
  desired_count   = 1
}

resource "aws_ecs_task_definition" "literal" {
  family       = "quirks-literal"
  track_latest = true
  skip_destroy = true

  container_definitions = jsonencode([
    { name = "literal", image = local.first, memory = 64 }
  ])
}

resource "aws_ecs_service" "literal" {
  name            = "literal"
  cluster         = aws_ecs_cluster.all.arn
  task_definition = aws_ecs_task_definition.literal.arn
  desired_count   = 1
}

resource "aws_ecs_task_definition" "revision" {
  family       = "quirks-revision"
  track_latest = true
  skip_destroy = true

  container_definitions = jsonencode([
    { name = "revision", image = data.aws_ssm_parameter.revision.insecure_value, memory = 64 }
  ])
}

resource "aws_ecs_service" "revision" {
  name            = "revision"
  cluster         = aws_ecs_cluster.all.arn
  task_definition = "${aws_ecs_task_definition.revision.family}:${aws_ecs_task_definition.revision.revision}"
  desired_count   = 1
}

# Its parameter has become a SecureString, of which `insecure_value` is empty.
data "aws_ssm_parameter" "empty" {
  name = "/quirks/images/prod/empty"
}

resource "aws_ecs_task_definition" "empty" {
  family       = "quirks-empty"
  track_latest = true
  skip_destroy = true

  container_definitions = jsonencode([
    { name = "empty", image = data.aws_ssm_parameter.empty.insecure_value, memory = 64 }
  ])
}

resource "aws_ecs_service" "empty" {
  name            = "empty"
  cluster         = aws_ecs_cluster.all.arn
  task_definition = aws_ecs_task_definition.empty.arn
  desired_count   = 1
}
