# The cluster. Every pod runs on Fargate: no nodes to patch, and nothing to pay for while the queue is empty but the
# control plane, the load balancer and a few small pods.

data "aws_iam_policy_document" "cluster_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["eks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "cluster" {
  name                 = "${local.name}-cluster"
  description          = "The control plane of ${local.name}"
  assume_role_policy   = data.aws_iam_policy_document.cluster_trust.json
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy_attachment" "cluster" {
  role       = aws_iam_role.cluster.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/AmazonEKSClusterPolicy"
}

data "aws_iam_policy_document" "secrets_key" {
  #checkov:skip=CKV_AWS_109:A key's policy speaks of that key only
  #checkov:skip=CKV_AWS_111:A key's policy speaks of that key only
  #checkov:skip=CKV_AWS_356:A key's policy speaks of that key only
  statement {
    sid       = "GovernedByIamPolicies"
    actions   = ["kms:*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account}:root"]
    }
  }
}

resource "aws_kms_key" "secrets" {
  description             = "Secrets in the etcd of ${local.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 7
  policy                  = data.aws_iam_policy_document.secrets_key.json
}

resource "aws_eks_cluster" "this" {
  #checkov:skip=CKV_AWS_38:GitHub's runners have no fixed addresses; the API wants an IAM identity. Narrow it by cluster_api_cidrs
  #checkov:skip=CKV_AWS_39:GitHub's runners deploy from outside of the VPC
  name                          = local.name
  role_arn                      = aws_iam_role.cluster.arn
  version                       = var.kubernetes_version
  bootstrap_self_managed_addons = false
  enabled_cluster_log_types     = ["api", "audit", "authenticator", "controllerManager", "scheduler"]

  vpc_config {
    subnet_ids              = concat(aws_subnet.private[*].id, aws_subnet.public[*].id)
    endpoint_private_access = true
    endpoint_public_access  = true
    public_access_cidrs     = var.cluster_api_cidrs
  }

  access_config {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = true
  }

  encryption_config {
    resources = ["secrets"]
    provider {
      key_arn = aws_kms_key.secrets.arn
    }
  }

  depends_on = [aws_iam_role_policy_attachment.cluster, aws_cloudwatch_log_group.this]
}

resource "aws_eks_access_entry" "admin" {
  for_each      = var.cluster_admin_role_arns
  cluster_name  = aws_eks_cluster.this.name
  principal_arn = each.value
}

resource "aws_eks_access_policy_association" "admin" {
  for_each      = aws_eks_access_entry.admin
  cluster_name  = aws_eks_cluster.this.name
  principal_arn = each.value.principal_arn
  policy_arn    = "arn:${local.partition}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
  access_scope {
    type = "cluster"
  }
}

# ---- Fargate

data "aws_iam_policy_document" "fargate_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["eks-fargate-pods.amazonaws.com"]
    }
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:eks:${var.region}:${local.account}:fargateprofile/${local.name}/*"]
    }
  }
}

resource "aws_iam_role" "fargate" {
  name                 = "${local.name}-fargate"
  description          = "Pulls images and writes pod logs"
  assume_role_policy   = data.aws_iam_policy_document.fargate_trust.json
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy_attachment" "fargate" {
  role       = aws_iam_role.fargate.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/AmazonEKSFargatePodExecutionRolePolicy"
}

data "aws_iam_policy_document" "fargate_logs" {
  statement {
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this["pods"].arn}:*"]
  }
}

resource "aws_iam_role_policy" "fargate_logs" {
  name   = "logs"
  role   = aws_iam_role.fargate.id
  policy = data.aws_iam_policy_document.fargate_logs.json
}

# One a namespace: a pod outside of them stays pending, and nothing unexpected runs.
resource "aws_eks_fargate_profile" "namespace" {
  for_each               = toset(["thumbnail", "kube-system", "keda", "amazon-cloudwatch"])
  cluster_name           = aws_eks_cluster.this.name
  fargate_profile_name   = each.key
  pod_execution_role_arn = aws_iam_role.fargate.arn
  subnet_ids             = aws_subnet.private[*].id
  selector {
    namespace = each.key
  }
}

# ---- add-ons

# Its pods are for EC2 unless told otherwise; with `computeType` no deployment has to patch them.
resource "aws_eks_addon" "coredns" {
  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = "coredns"
  configuration_values        = jsonencode({ computeType = "Fargate" })
  resolve_conflicts_on_update = "OVERWRITE"

  depends_on = [aws_eks_fargate_profile.namespace]
}

# Container Insights. docs/operations.md says what it can and cannot do on Fargate.
resource "aws_eks_addon" "cloudwatch" {
  count                       = var.container_insights ? 1 : 0
  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = "amazon-cloudwatch-observability"
  service_account_role_arn    = module.role["cloudwatch"].arn
  resolve_conflicts_on_update = "OVERWRITE"

  depends_on = [aws_eks_fargate_profile.namespace, aws_eks_addon.coredns]
}

# ---- identities for pods

resource "aws_iam_openid_connect_provider" "cluster" {
  url            = aws_eks_cluster.this.identity[0].oidc[0].issuer
  client_id_list = ["sts.amazonaws.com"]
}
