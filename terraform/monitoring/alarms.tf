# docs/operations.md has a runbook for each of them.

locals {
  sqs = { namespace = "AWS/SQS", dimensions = { QueueName = local.dlq } }
  # The workers' own metrics stay in the cluster, so what they log is counted here.
  log = { namespace = "Thumbnail/${var.environment}", dimensions = {} }
  alb = { namespace = "AWS/ApplicationELB", dimensions = { LoadBalancer = data.aws_lb.this.arn_suffix } }

  alarms = {
    dlq-not-empty = {
      source      = local.sqs
      metric      = "ApproximateNumberOfMessagesVisible"
      statistic   = "Maximum"
      threshold   = 0
      minutes     = 1
      description = "A video could not be processed: its message is in the dead-letter queue"
    }
    dlq-message-age = {
      source      = local.sqs
      metric      = "ApproximateAgeOfOldestMessage"
      statistic   = "Maximum"
      threshold   = 300
      minutes     = 1
      description = "A message has been in the dead-letter queue for five minutes"
    }
    worker-cannot-receive = {
      source      = local.log
      metric      = aws_cloudwatch_log_metric_filter.failed_receives.metric_transformation[0].name
      statistic   = "Sum"
      threshold   = 0
      minutes     = 3
      description = "Workers cannot receive messages, or cannot start, for three minutes"
    }
    queue-message-age = {
      source      = { namespace = "AWS/SQS", dimensions = { QueueName = local.queue } }
      metric      = "ApproximateAgeOfOldestMessage"
      statistic   = "Maximum"
      threshold   = 1800
      minutes     = 5
      description = "A video has waited for half an hour: workers are missing, too few, or do not receive"
    }
    elb-5xx-errors = {
      source      = local.alb
      metric      = "HTTPCode_ELB_5XX_Count"
      statistic   = "Sum"
      threshold   = 0
      minutes     = 1
      description = "The load balancer itself answered with an error: no healthy pod, or one that does not answer"
    }
    target-5xx-errors = {
      source      = local.alb
      metric      = "HTTPCode_Target_5XX_Count"
      statistic   = "Sum"
      threshold   = 0
      minutes     = 1
      description = "A pod answered with an error"
    }
    target-response-time = {
      source      = local.alb
      metric      = "TargetResponseTime"
      statistic   = "Average"
      threshold   = 2
      minutes     = 2
      description = "Answers took more than two seconds on average, for two minutes"
    }
    active-connection-count = {
      source      = local.alb
      metric      = "ActiveConnectionCount"
      statistic   = "Sum"
      threshold   = 500
      minutes     = 1
      description = "Unexpectedly many connections"
    }
  }
}

# A worker that waits longest between two polls that fail logs two such lines a minute.
resource "aws_cloudwatch_log_metric_filter" "failed_receives" {
  name           = "${local.name}-failed-receives"
  log_group_name = "/thumbnail/${var.environment}/pods"
  pattern        = "?\"cannot receive\" ?\"the service ends\""
  metric_transformation {
    name      = "FailedReceives"
    namespace = local.log.namespace
    value     = "1"
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = "${each.value.description}. Runbook: docs/operations.md#${each.key}"
  namespace           = each.value.source.namespace
  dimensions          = each.value.source.dimensions
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  period              = 60
  evaluation_periods  = each.value.minutes
  # Metrics are missing where nothing happens.
  treat_missing_data = "notBreaching"
  alarm_actions      = [aws_sns_topic.alarms.arn]
  ok_actions         = [aws_sns_topic.alarms.arn]
}
