# What `release-tool deploy` moves of quirks in prod.
# Needs version 6.21 or newer of the AWS provider.

data "aws_ecs_cluster" "quirks-prod" {
  cluster_name = "quirks-prod"
}

# Written by `release-tool deploy`. Terraform only makes it exist.
resource "aws_ssm_parameter" "tidy" {
  name           = "/quirks/images/prod/tidy"
  type           = "String"
  insecure_value = "registry.example/quirks/first:1"

  lifecycle {
    ignore_changes = [value, insecure_value]
  }
}

# What is deployed now.
data "aws_ssm_parameter" "tidy" {
  name = aws_ssm_parameter.tidy.name
}

# What looks like a secret is not printed. Give what ECS has for it, as
# `TF_VAR_…` for example, or better have it in `secrets`.
variable "tidy_token" {
  description = "The word of command at token of tidy."
  type        = string
  sensitive   = true
}

variable "tidy_password" {
  description = "The word of command at password of tidy."
  type        = string
  sensitive   = true
}

variable "tidy_DB_PASSWORD" {
  description = "The environment variable DB_PASSWORD of tidy."
  type        = string
  sensitive   = true
}

variable "tidy_splunk-token" {
  description = "The option of logging splunk-token of tidy."
  type        = string
  sensitive   = true
}

resource "aws_ecs_task_definition" "tidy" {
  family                   = "quirks-tidy"
  track_latest             = true
  skip_destroy             = true
  cpu                      = "256"
  memory                   = "512"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]

  container_definitions = jsonencode([
    {
      name  = "tidy"
      image = data.aws_ssm_parameter.tidy.insecure_value
      portMappings = [
        {
          containerPort = 8080
          hostPort      = 8080
          protocol      = "tcp"
        },
      ]
      command = ["serve", var.tidy_token, "--password", var.tidy_password, "--port", "8080"]
      environment = [
        {
          name  = "ZONE"
          value = "$${eu}"
        },
        {
          name  = "DB_PASSWORD"
          value = var.tidy_DB_PASSWORD
        },
      ]
      logConfiguration = {
        logDriver = "splunk"
        options = {
          splunk-token = var.tidy_splunk-token
          splunk-url   = "https://splunk.example"
        }
      }
      essential = true
    },
  ])
}

resource "aws_ecs_service" "tidy" {
  name                              = "tidy"
  cluster                           = data.aws_ecs_cluster.quirks-prod.arn
  task_definition                   = aws_ecs_task_definition.tidy.arn
  desired_count                     = 2
  health_check_grace_period_seconds = 30
  availability_zone_rebalancing     = "ENABLED"
  enable_execute_command            = true
  propagate_tags                    = "TASK_DEFINITION"
  tags = {
    team = "search"
  }

  capacity_provider_strategy {
    capacity_provider = "FARGATE"
    base              = 1
    weight            = 1
  }

  capacity_provider_strategy {
    capacity_provider = "FARGATE_SPOT"
    base              = 0
    weight            = 4
  }

  network_configuration {
    subnets          = ["subnet-1", "subnet-2"]
    security_groups  = ["sg-1"]
    assign_public_ip = false
  }

  load_balancer {
    target_group_arn = "arn:aws:elasticloadbalancing:eu-west-1:000000000000:targetgroup/tidy/0f"
    container_name   = "tidy"
    container_port   = 8080

    advanced_configuration {
      alternate_target_group_arn = "arn:aws:elasticloadbalancing:eu-west-1:000000000000:targetgroup/other/0f"
      production_listener_rule   = "arn:aws:elasticloadbalancing:eu-west-1:000000000000:listener-rule/app/shop/0f/1a/2b"
      role_arn                   = "arn:aws:iam::000000000000:role/balancer"
    }
  }

  service_connect_configuration {
    enabled   = true
    namespace = "shop"

    log_configuration {
      log_driver = "splunk"
      options = {
        splunk-url = "https://splunk.example"
      }
    }

    service {
      port_name = "http"

      client_alias {
        port = 80
      }
    }
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = false
  }

  # ECS changes the weights in the rules of listeners: write `ignore_changes = [action]` into their `lifecycle`.
  # For a provider older than 6.21 leave this block out, and `advanced_configuration` too: it leaves the strategy alone.
  deployment_configuration {
    strategy             = "LINEAR"
    bake_time_in_minutes = 5

    lifecycle_hook {
      hook_target_arn  = "arn:aws:lambda:eu-west-1:000000000000:function:smoke"
      role_arn         = "arn:aws:iam::000000000000:role/hooks"
      lifecycle_stages = ["POST_TEST_TRAFFIC_SHIFT"]
      hook_details = jsonencode({
        page = "/"
      })
    }

    linear_configuration {
      step_percent              = 25.0
      step_bake_time_in_minutes = 1
    }
  }

  # ECS has `deploymentConfiguration.deploymentCircuitBreaker.resetOnHealthyTask` too, which is left to you.
  # ECS has `serviceConnectConfiguration.logConfiguration.options.splunk-token` too, which is left to you.
  # ECS has `deploymentConfiguration.lifecycleHooks of PAUSE` too, which is left to you.

  # ECS does not go back by itself when a deployment fails: `enable` and `rollback` of `deployment_circuit_breaker` make it.
}
