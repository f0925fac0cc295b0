# The bucket: videos under uploads/, pictures and manifests under thumbnails/. It tells the queue of every new video.

locals {
  # The same prefixes stand in k8s/base; a test compares them.
  upload_prefix    = "uploads/"
  thumbnail_prefix = "thumbnails/"
}

module "bucket" {
  source           = "../modules/private-bucket"
  name             = var.bucket
  force_destroy    = var.destroy_bucket_contents
  old_version_days = var.old_version_days
  # The journal of contract/src/journal.rs: its entries are read within seconds. What instances of the API share,
  # thumbnails/.shared, stays: its old versions go as all old versions do.
  expire_days = { "${local.thumbnail_prefix}.recent/" = 1 }
}

# Browsers upload straight to the bucket, by presigned requests.
resource "aws_s3_bucket_cors_configuration" "uploads" {
  count  = length(var.upload_origins) > 0 ? 1 : 0
  bucket = module.bucket.id
  cors_rule {
    allowed_origins = var.upload_origins
    allowed_methods = ["GET", "PUT"]
    allowed_headers = ["content-type", "if-none-match", "x-amz-*"]
    expose_headers  = ["ETag"] # which completing a multipart upload needs
    max_age_seconds = 3600
  }
}

resource "aws_s3_bucket_notification" "uploads" {
  bucket = module.bucket.id

  # Every upload: workers tell by its name whether it is a video. S3 itself could by a rule for each suffix alone, of
  # which a bucket has a hundred at most, each in one case.
  queue {
    id            = "uploads"
    queue_arn     = aws_sqs_queue.uploads.arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = local.upload_prefix
  }

  # S3 sends a test message at once, and refuses a queue that does not let it.
  depends_on = [aws_sqs_queue_policy.uploads]
}
