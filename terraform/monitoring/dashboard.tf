locals {
  lb = data.aws_lb.this.arn_suffix

  widgets = [
    {
      title = "Queue"
      stat  = "Maximum"
      metrics = [
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", local.queue, { label = "waiting" }],
        ["AWS/SQS", "ApproximateNumberOfMessagesNotVisible", "QueueName", local.queue, { label = "being worked on" }],
      ]
    },
    {
      title = "Age of the oldest message (s)"
      stat  = "Maximum"
      metrics = [
        ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", local.queue, { label = "queue" }],
        ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", local.dlq, { label = "dead-letter queue" }],
      ]
    },
    {
      title = "Messages a minute"
      stat  = "Sum"
      metrics = [
        ["AWS/SQS", "NumberOfMessagesSent", "QueueName", local.queue, { label = "announced" }],
        ["AWS/SQS", "NumberOfMessagesDeleted", "QueueName", local.queue, { label = "done" }],
        ["AWS/SQS", "NumberOfMessagesSent", "QueueName", local.dlq, { label = "given up" }],
      ]
    },
    {
      title = "Requests and errors"
      stat  = "Sum"
      metrics = [
        ["AWS/ApplicationELB", "RequestCount", "LoadBalancer", local.lb],
        ["AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", "LoadBalancer", local.lb],
        ["AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", "LoadBalancer", local.lb],
      ]
    },
    {
      title = "Response time (s)"
      stat  = "p95"
      metrics = [
        ["AWS/ApplicationELB", "TargetResponseTime", "LoadBalancer", local.lb],
      ]
    },
    {
      title = "Running pods"
      stat  = "Average"
      metrics = [
        ["ContainerInsights", "service_number_of_running_pods", "ClusterName", local.name, "Namespace", "thumbnail", "Service", "thumbnail-worker"],
        ["ContainerInsights", "service_number_of_running_pods", "ClusterName", local.name, "Namespace", "thumbnail", "Service", "thumbnail-api"],
      ]
    },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = local.name
  dashboard_body = jsonencode({
    widgets = [for index, widget in local.widgets : {
      type   = "metric"
      x      = (index % 2) * 12
      y      = floor(index / 2) * 6
      width  = 12
      height = 6
      properties = {
        title   = widget.title
        region  = var.region
        stat    = widget.stat
        period  = 60
        metrics = widget.metrics
      }
    }]
  })
}
