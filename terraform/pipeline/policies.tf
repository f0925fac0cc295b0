# What each service may do: exactly the operations that its code calls, on exactly what it calls them on. A test
# derives the list from the sources and compares it with these documents, both ways.

data "aws_iam_policy_document" "worker" {
  statement {
    sid       = "ReadVideosAndOwnOutputs"
    actions   = ["s3:GetObject"]
    resources = ["${module.bucket.arn}/${local.upload_prefix}*", "${module.bucket.arn}/${local.thumbnail_prefix}*"]
  }
  statement {
    sid       = "WriteThumbnails"
    actions   = ["s3:PutObject"]
    resources = ["${module.bucket.arn}/${local.thumbnail_prefix}*"]
  }
  # Without it S3 answers 403 for a missing object, and a missing video looks like a forbidden one.
  statement {
    sid       = "TellMissingFromForbidden"
    actions   = ["s3:ListBucket"]
    resources = [module.bucket.arn]
  }
  statement {
    sid = "TakeMessages"
    actions = [
      "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:ReceiveMessage",
    ]
    resources = [aws_sqs_queue.uploads.arn]
  }
  statement {
    sid       = "BuryHopelessMessages"
    actions   = ["sqs:GetQueueAttributes", "sqs:SendMessage"]
    resources = [aws_sqs_queue.dead.arn]
  }
}

data "aws_iam_policy_document" "api" {
  statement {
    sid       = "ListObjectsAndVersions"
    actions   = ["s3:ListBucket", "s3:ListBucketVersions"]
    resources = [module.bucket.arn]
  }
  statement {
    sid       = "ReadVideosAndThumbnails"
    actions   = ["s3:GetObject"]
    resources = ["${module.bucket.arn}/${local.upload_prefix}*", "${module.bucket.arn}/${local.thumbnail_prefix}*"]
  }
  # Also what the uploads that it presigns for browsers do.
  statement {
    sid       = "WriteUploads"
    actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
    resources = ["${module.bucket.arn}/${local.upload_prefix}*"]
  }
  # What people choose, the manifest that remembers it, the journal, and what instances share (thumbnails/.shared).
  # If-Match needs s3:GetObject as well.
  statement {
    sid       = "ReplacePicturesAndShare"
    actions   = ["s3:PutObject"]
    resources = ["${module.bucket.arn}/${local.thumbnail_prefix}*"]
  }
  statement {
    sid       = "Purge"
    actions   = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
    resources = ["${module.bucket.arn}/${local.upload_prefix}*", "${module.bucket.arn}/${local.thumbnail_prefix}*"]
  }
  statement {
    sid       = "ReadQueueLengths"
    actions   = ["sqs:GetQueueAttributes"]
    resources = [aws_sqs_queue.uploads.arn, aws_sqs_queue.dead.arn]
  }
  statement {
    sid       = "ShowAndTakeFailures"
    actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"]
    resources = [aws_sqs_queue.dead.arn]
  }
  statement {
    sid       = "RedriveAndRemind"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.uploads.arn]
  }

  dynamic "statement" {
    for_each = var.test_source_bucket == "" ? [] : ["arn:${local.partition}:s3:::${var.test_source_bucket}"]
    content {
      sid       = "ListTestVideos"
      actions   = ["s3:ListBucket"]
      resources = [statement.value]
    }
  }
  dynamic "statement" {
    for_each = var.test_source_bucket == "" ? [] : ["arn:${local.partition}:s3:::${var.test_source_bucket}/*"]
    content {
      sid       = "ReadTestVideos"
      actions   = ["s3:GetObject"]
      resources = [statement.value]
    }
  }
}

# KEDA asks how long the queue is.
data "aws_iam_policy_document" "keda" {
  statement {
    sid       = "ReadQueueLength"
    actions   = ["sqs:GetQueueAttributes"]
    resources = [aws_sqs_queue.uploads.arn]
  }
}
