# A cluster and two services whose images `release-tool` deploys, and whose everything else is
# Terraform's. After any deployment `terraform plan` says "No changes": ../../docs/terraform.md.

locals {
  services = {
    catalogue-api = { port = 8080, memory = 1024, count = 2 }
    orders-api    = { port = 8081, memory = 1024, count = 1 }
  }
}

resource "aws_ecs_cluster" "shop" {
  name = "bookshop-${var.environment}"
}

# Written by `release-tool deploy`. Terraform only makes it exist.
resource "aws_ssm_parameter" "image" {
  for_each = local.services

  name           = "/bookshop/images/${var.environment}/${each.key}"
  type           = "String"
  insecure_value = "${var.first_images}/${each.key}:${var.first_tag}"

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

  family       = "bookshop-${var.environment}-${each.key}"
  track_latest = true # what was deployed is what Terraform compares with
  skip_destroy = true # keeps the revisions that a rollback goes back to

  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  execution_role_arn       = aws_iam_role.execution.arn
  cpu                      = var.cpu
  memory                   = each.value.memory

  container_definitions = jsonencode([
    {
      name         = each.key
      image        = data.aws_ssm_parameter.image[each.key].insecure_value
      essential    = true
      portMappings = [{ containerPort = each.value.port, protocol = "tcp" }]
      environment = [
        { name = "ENVIRONMENT", value = var.environment },
        { name = "PORT", value = tostring(each.value.port) },
      ]
      ulimits     = [{ name = "nofile", softLimit = 4096, hardLimit = 8192 }]
      stopTimeout = 30
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
  launch_type     = "FARGATE"

  network_configuration {
    subnets         = var.subnets
    security_groups = var.security_groups
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }
}
