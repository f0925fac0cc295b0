# One role a service account (IRSA): no pod holds a static credential.

locals {
  roles = {
    worker = {
      service_account = { namespace = "thumbnail", name = "thumbnail-worker" }
      policy          = data.aws_iam_policy_document.worker.json
      managed         = []
    }
    api = {
      service_account = { namespace = "thumbnail", name = "thumbnail-api" }
      policy          = data.aws_iam_policy_document.api.json
      managed         = []
    }
    keda = {
      service_account = { namespace = "keda", name = "keda-operator" }
      policy          = data.aws_iam_policy_document.keda.json
      managed         = []
    }
    load-balancer-controller = {
      service_account = { namespace = "kube-system", name = "aws-load-balancer-controller" }
      # AWS publishes it for the controller; scripts/versions.sh pins the controller.
      policy  = file("${path.module}/policies/load-balancer-controller.json")
      managed = []
    }
    cloudwatch = {
      service_account = { namespace = "amazon-cloudwatch", name = "cloudwatch-agent" }
      policy          = null
      managed         = ["arn:${local.partition}:iam::aws:policy/CloudWatchAgentServerPolicy"]
    }
  }
}

module "role" {
  source   = "../modules/irsa-role"
  for_each = local.roles

  name                 = "${local.name}-${each.key}"
  service_account      = each.value.service_account
  policy               = each.value.policy
  managed_policy_arns  = each.value.managed
  permissions_boundary = var.permissions_boundary
  oidc_provider = {
    arn    = aws_iam_openid_connect_provider.cluster.arn
    issuer = replace(aws_iam_openid_connect_provider.cluster.url, "https://", "")
  }
}
