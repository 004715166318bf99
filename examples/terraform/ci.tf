# The role of the CI's jobs, and what it may: no more than deploying here. Printed by
#
#   release-tool iam-policy trust github --repo acme/bookshop --environment production --env prod \
#     --format terraform --role bookshop-deploy-prod
#   release-tool iam-policy deploy --env prod --format terraform
#
# once the stack had been applied. Print both again for your own repository and account.

# An account has one for each issuer: see `--provider`.
resource "aws_iam_openid_connect_provider" "token_actions_githubusercontent_com" {
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "bookshop_deploy_prod_trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.token_actions_githubusercontent_com.arn]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:sub"
      values   = ["repo:acme/bookshop:environment:production"]
    }
  }
}

resource "aws_iam_role" "bookshop_deploy_prod" {
  name               = "bookshop-deploy-prod"
  assume_role_policy = data.aws_iam_policy_document.bookshop_deploy_prod_trust.json
}

data "aws_iam_policy_document" "bookshop_deploy_prod" {
  statement {
    sid = "ActionsWithoutResources"
    actions = [
      "application-autoscaling:DescribeScalableTargets",
      "cloudwatch:DescribeAlarms",
      "ecs:DeregisterTaskDefinition",
      "ecs:DescribeTaskDefinition",
      "elasticloadbalancing:DescribeTargetHealth",
    ]
    resources = ["*"]
  }

  statement {
    sid       = "InClusters"
    actions   = ["ecs:ListTasks"]
    resources = ["*"]

    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = ["arn:aws:ecs:eu-west-1:000000000000:cluster/bookshop-prod"]
    }
  }

  statement {
    sid = "Services"
    actions = [
      "ecs:ContinueServiceDeployment",
      "ecs:DescribeServiceDeployments",
      "ecs:DescribeServiceRevisions",
      "ecs:DescribeServices",
      "ecs:ListServiceDeployments",
      "ecs:StopServiceDeployment",
      "ecs:UpdateService",
    ]
    resources = [
      "arn:aws:ecs:eu-west-1:000000000000:service-deployment/bookshop-prod/catalogue-api/*",
      "arn:aws:ecs:eu-west-1:000000000000:service-deployment/bookshop-prod/orders-api/*",
      "arn:aws:ecs:eu-west-1:000000000000:service-revision/bookshop-prod/catalogue-api/*",
      "arn:aws:ecs:eu-west-1:000000000000:service-revision/bookshop-prod/orders-api/*",
      "arn:aws:ecs:eu-west-1:000000000000:service/bookshop-prod/catalogue-api",
      "arn:aws:ecs:eu-west-1:000000000000:service/bookshop-prod/orders-api",
    ]
  }

  statement {
    sid       = "Tasks"
    actions   = ["ecs:DescribeTasks"]
    resources = ["arn:aws:ecs:eu-west-1:000000000000:task/bookshop-prod/*"]
  }

  statement {
    sid     = "Families"
    actions = ["ecs:RegisterTaskDefinition"]
    resources = [
      "arn:aws:ecs:eu-west-1:000000000000:task-definition/bookshop-prod-catalogue-api:*",
      "arn:aws:ecs:eu-west-1:000000000000:task-definition/bookshop-prod-orders-api:*",
    ]
  }

  statement {
    sid     = "TaggedFamilies"
    actions = ["ecs:TagResource"]
    resources = [
      "arn:aws:ecs:eu-west-1:000000000000:task-definition/bookshop-prod-catalogue-api:*",
      "arn:aws:ecs:eu-west-1:000000000000:task-definition/bookshop-prod-orders-api:*",
    ]

    condition {
      test     = "StringEquals"
      variable = "ecs:CreateAction"
      values   = ["RegisterTaskDefinition"]
    }
  }

  statement {
    sid       = "TaskRoles"
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::000000000000:role/bookshop-prod-execution"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }

  statement {
    sid       = "ReadParameters"
    actions   = ["ssm:GetParameters"]
    resources = ["arn:aws:ssm:eu-west-1:000000000000:parameter/bookshop/images/*"]
  }

  statement {
    sid = "WriteParameters"
    actions = [
      "ssm:DeleteParameter",
      "ssm:PutParameter",
    ]
    resources = ["arn:aws:ssm:eu-west-1:000000000000:parameter/bookshop/images/prod/*"]
  }

  statement {
    sid     = "Images"
    actions = ["ecr:BatchGetImage"]
    resources = [
      "arn:aws:ecr:eu-west-1:000000000000:repository/bookshop/catalogue-api",
      "arn:aws:ecr:eu-west-1:000000000000:repository/bookshop/orders-api",
    ]
  }
}

resource "aws_iam_policy" "bookshop_deploy_prod" {
  name   = "bookshop-deploy-prod"
  policy = data.aws_iam_policy_document.bookshop_deploy_prod.json
}

resource "aws_iam_role_policy_attachment" "bookshop_deploy_prod" {
  role       = aws_iam_role.bookshop_deploy_prod.name
  policy_arn = aws_iam_policy.bookshop_deploy_prod.arn
}
