# What GitHub's jobs may do here. They bring a token of their own (OIDC), so there is no key to leak.

locals {
  github_issuer = "token.actions.githubusercontent.com"
  account       = data.aws_caller_identity.current.account_id
  iam           = "arn:${data.aws_partition.current.partition}:iam::${local.account}"
}

resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://${local.github_issuer}"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "github_trust" {
  # Building an image needs no environment's approval, and gives no right to deploy it.
  for_each = {
    deploy = [for name in var.deploy_environments : "repo:${var.github_repository}:environment:${name}"]
    push   = ["repo:${var.github_repository}:environment:registry"]
  }
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.github.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.github_issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.github_issuer}:sub"
      values   = each.value
    }
  }
}

resource "aws_iam_role" "github" {
  for_each             = data.aws_iam_policy_document.github_trust
  name                 = "github-thumbnail-${each.key}"
  description          = "For GitHub's jobs: ${each.key}"
  assume_role_policy   = each.value.json
  max_session_duration = 7200
}

# ---- push: images, and nothing else

data "aws_iam_policy_document" "push" {
  #checkov:skip=CKV_AWS_356:GetAuthorizationToken takes no resource
  statement {
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }
  statement {
    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:CompleteLayerUpload",
      "ecr:DescribeImages",
      "ecr:GetDownloadUrlForLayer",
      "ecr:InitiateLayerUpload",
      "ecr:PutImage",
      "ecr:UploadLayerPart",
    ]
    resources = [for repository in aws_ecr_repository.service : repository.arn]
  }
}

resource "aws_iam_role_policy" "push" {
  name   = "push"
  role   = aws_iam_role.github["push"].id
  policy = data.aws_iam_policy_document.push.json
}

# ---- deploy: everything but identities, and of those only the pipeline's own

resource "aws_iam_role_policy_attachment" "deploy" {
  role       = aws_iam_role.github["deploy"].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/PowerUserAccess"
}

data "aws_iam_policy_document" "deploy" {
  #checkov:skip=CKV_AWS_109:Its identities carry the boundary below, and are the pipeline's only
  statement {
    sid = "RolesWithinTheBoundary"
    actions = [
      "iam:AttachRolePolicy",
      "iam:CreateRole",
      "iam:PutRolePermissionsBoundary",
      "iam:PutRolePolicy",
    ]
    resources = ["${local.iam}:role/thumbnail-*"]
    condition {
      test     = "StringEquals"
      variable = "iam:PermissionsBoundary"
      values   = [aws_iam_policy.boundary.arn]
    }
  }
  statement {
    sid = "RolesOfThePipeline"
    actions = [
      "iam:DeleteRole",
      "iam:DeleteRolePolicy",
      "iam:DetachRolePolicy",
      "iam:GetRole",
      "iam:GetRolePolicy",
      "iam:ListAttachedRolePolicies",
      "iam:ListInstanceProfilesForRole",
      "iam:ListRolePolicies",
      "iam:TagRole",
      "iam:UntagRole",
      "iam:UpdateAssumeRolePolicy",
      "iam:UpdateRole",
      "iam:UpdateRoleDescription",
    ]
    resources = ["${local.iam}:role/thumbnail-*"]
  }
  statement {
    sid       = "RolesForServices"
    actions   = ["iam:PassRole"]
    resources = ["${local.iam}:role/thumbnail-*"]
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["eks.amazonaws.com", "eks-fargate-pods.amazonaws.com", "vpc-flow-logs.amazonaws.com"]
    }
  }
  statement {
    sid = "TheClustersOidcProvider"
    actions = [
      "iam:CreateOpenIDConnectProvider",
      "iam:DeleteOpenIDConnectProvider",
      "iam:GetOpenIDConnectProvider",
      "iam:TagOpenIDConnectProvider",
      "iam:UpdateOpenIDConnectProviderThumbprint",
    ]
    resources = ["${local.iam}:oidc-provider/oidc.eks.*"]
  }
  statement {
    sid       = "ReadTheBoundary"
    actions   = ["iam:GetPolicy", "iam:GetPolicyVersion"]
    resources = [aws_iam_policy.boundary.arn]
  }
}

resource "aws_iam_role_policy" "deploy" {
  name   = "identities"
  role   = aws_iam_role.github["deploy"].id
  policy = data.aws_iam_policy_document.deploy.json
}

# The most that any role of the pipeline can ever do, whatever policy is put on it.
data "aws_iam_policy_document" "boundary" {
  #checkov:skip=CKV_AWS_356:A boundary grants nothing; it bounds what policies grant
  #checkov:skip=CKV_AWS_107:A boundary grants nothing
  #checkov:skip=CKV_AWS_108:A boundary grants nothing
  #checkov:skip=CKV_AWS_109:A boundary grants nothing
  #checkov:skip=CKV_AWS_111:A boundary grants nothing
  #checkov:skip=CKV_AWS_110:A boundary grants nothing
  statement {
    actions = [
      "acm:DescribeCertificate",
      "acm:ListCertificates",
      "cloudwatch:PutMetricData",
      "cognito-idp:DescribeUserPoolClient",
      "ec2:*",
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:GetAuthorizationToken",
      "ecr:GetDownloadUrlForLayer",
      "elasticloadbalancing:*",
      "iam:CreateServiceLinkedRole",
      "iam:GetServerCertificate",
      "iam:ListServerCertificates",
      "kms:CreateGrant",
      "kms:DescribeKey",
      "logs:*",
      "s3:*",
      "shield:*",
      "sqs:*",
      "waf-regional:*",
      "wafv2:*",
      "xray:Put*",
    ]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "boundary" {
  #checkov:skip=CKV_AWS_289:A boundary grants nothing
  #checkov:skip=CKV_AWS_290:A boundary grants nothing
  #checkov:skip=CKV_AWS_287:A boundary grants nothing
  #checkov:skip=CKV_AWS_288:A boundary grants nothing
  #checkov:skip=CKV_AWS_286:A boundary grants nothing
  #checkov:skip=CKV_AWS_355:A boundary grants nothing
  name        = "thumbnail-boundary"
  description = "Bounds the roles that the deployment makes"
  policy      = data.aws_iam_policy_document.boundary.json
}
