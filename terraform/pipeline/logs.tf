# What is logged outside of the services' own metrics: refused connections, the cluster, the pods.

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:Encrypted with CloudWatch's own key; the services log neither secrets nor presigned URLs
  #checkov:skip=CKV_AWS_338:Kept as long as the variable says; a year is for who must keep logs that long
  for_each = {
    flow    = "/thumbnail/${var.environment}/vpc-flow"
    pods    = "/thumbnail/${var.environment}/pods"
    cluster = "/aws/eks/${local.name}/cluster" # the name that EKS writes to
  }
  name              = each.value
  retention_in_days = var.log_retention_days
}

data "aws_iam_policy_document" "flow_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["vpc-flow-logs.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

data "aws_iam_policy_document" "flow" {
  statement {
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this["flow"].arn}:*"]
  }
}

resource "aws_iam_role" "flow" {
  name                 = "${local.name}-vpc-flow"
  description          = "Writes the VPC's flow log"
  assume_role_policy   = data.aws_iam_policy_document.flow_trust.json
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy" "flow" {
  name   = "write"
  role   = aws_iam_role.flow.id
  policy = data.aws_iam_policy_document.flow.json
}

resource "aws_flow_log" "rejected" {
  vpc_id          = aws_vpc.this.id
  traffic_type    = "REJECT"
  iam_role_arn    = aws_iam_role.flow.arn
  log_destination = aws_cloudwatch_log_group.this["flow"].arn
}
