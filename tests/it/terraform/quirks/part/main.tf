variable "cluster" {
  type = string
}

variable "name" {
  type = string
}

resource "aws_ssm_parameter" "image" {
  name  = "/quirks/images/prod/${var.name}"
  type  = "String"
  value = "registry.example/quirks/first:1"

  lifecycle {
    ignore_changes = [value, insecure_value]
  }
}

data "aws_ssm_parameter" "image" {
  name = aws_ssm_parameter.image.name
}

resource "aws_ecs_task_definition" "this" {
  family       = "quirks-${var.name}"
  track_latest = true
  skip_destroy = true

  container_definitions = jsonencode([
    { name = var.name, image = data.aws_ssm_parameter.image.insecure_value, memory = 64 }
  ])
}

resource "aws_ecs_service" "this" {
  name            = var.name
  cluster         = var.cluster
  task_definition = aws_ecs_task_definition.this.arn
  desired_count   = 1
}
