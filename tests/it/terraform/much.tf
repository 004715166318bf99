# What `release-tool deploy` moves of quirks in prod.
# Needs version 5.37 or newer of the AWS provider.

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

# The manifest has an image for the container `tidy`, which is not in it.
resource "aws_ecs_task_definition" "tidy" {
  family                   = "quirks-tidy"
  track_latest             = true
  skip_destroy             = true
  cpu                      = "1024"
  memory                   = "2048"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE", "EC2"]
  execution_role_arn       = "arn:aws:iam::000000000000:role/execution"
  task_role_arn            = "arn:aws:iam::000000000000:role/task"

  container_definitions = jsonencode([
    {
      name              = "web"
      image             = "example.org/web@sha256:0000000000000000000000000000000000000000000000000000000000000000"
      essential         = true
      cpu               = 512
      memoryReservation = 256
      command           = ["serve", "--port", "8080", "", "a \"quoted\" word \\ and\na line"]
      entryPoint        = ["/bin/sh", "-c"]
      environment = [
        {
          name  = "ZONE"
          value = "eu"
        },
        {
          name  = "EMPTY"
          value = ""
        },
        {
          name  = "A"
          value = "1.0"
        },
      ]
      secrets = [
        {
          name      = "TOKEN"
          valueFrom = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:token-a1b2c3"
        },
      ]
      portMappings = [
        {
          containerPort = 8080
          protocol      = "tcp"
          name          = "http"
          appProtocol   = "http2"
          hostPort      = 8080
        },
      ]
      mountPoints = [
        {
          sourceVolume  = "books"
          containerPath = "/books"
          readOnly      = true
        },
      ]
      healthCheck = {
        command     = ["CMD-SHELL", "curl -f localhost || exit 1"]
        interval    = 7
        timeout     = 3
        retries     = 2
        startPeriod = 0
      }
      dependsOn = [
        {
          containerName = "log"
          condition     = "START"
        },
      ]
      linuxParameters = {
        initProcessEnabled = true
        capabilities = {
          drop = ["ALL"]
        }
      }
      ulimits = [
        {
          name      = "nofile"
          softLimit = 1024
          hardLimit = 65536
        },
      ]
      dockerLabels = {
        z = "1"
        a = "2"
      }
      systemControls = [
        {
          namespace = "net.core.somaxconn"
          value     = "1024"
        },
      ]
      startTimeout           = 60
      stopTimeout            = 30
      readonlyRootFilesystem = true
      user                   = "1000:1000"
      versionConsistency     = "enabled"
      restartPolicy = {
        enabled              = true
        ignoredExitCodes     = [0]
        restartAttemptPeriod = 180
      }
      logConfiguration = {
        logDriver = "awsfirelens"
        options = {
          Name = "es"
        }
      }
    },
    {
      name      = "log"
      image     = "public.ecr.aws/aws-observability/aws-for-fluent-bit:stable"
      essential = false
      firelensConfiguration = {
        type = "fluentbit"
        options = {
          enable-ecs-log-metadata = "true"
        }
      }
    },
  ])

  volume {
    name = "scratch"
  }

  volume {
    name = "books"

    efs_volume_configuration {
      file_system_id          = "fs-0a1b2c3d"
      transit_encryption      = "ENABLED"
      transit_encryption_port = 2999

      authorization_config {
        access_point_id = "fsap-0a1b2c3d"
        iam             = "ENABLED"
      }
    }
  }

  runtime_platform {
    cpu_architecture        = "ARM64"
    operating_system_family = "LINUX"
  }

  ephemeral_storage {
    size_in_gib = 40
  }

  tags = {
    z             = "first"
    a             = ""
    "Überschrift" = "ä ⚙"
  }
}

resource "aws_ecs_service" "tidy" {
  name                          = "tidy"
  cluster                       = data.aws_ecs_cluster.quirks-prod.arn
  task_definition               = aws_ecs_task_definition.tidy.arn
  desired_count                 = 1
  launch_type                   = "EC2"
  availability_zone_rebalancing = "ENABLED"

  deployment_circuit_breaker {
    enable   = false
    rollback = false
  }

  # ECS does not go back by itself when a deployment fails: `enable` and `rollback` of `deployment_circuit_breaker` make it.
}
