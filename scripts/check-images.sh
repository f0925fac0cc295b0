#!/usr/bin/env bash
# Fails unless every service has an image of the tag IMAGE_TAG: better before a rollout than during it.
# Environment: IMAGE_TAG, AWS_REGION, ECR_BASE_WORKER, ECR_BASE_API, ECR_BASE_FRONTEND.
set -euo pipefail

: "${IMAGE_TAG:?}" "${AWS_REGION:?}" "${ECR_BASE_WORKER:?}" "${ECR_BASE_API:?}" "${ECR_BASE_FRONTEND:?}"
for base in "$ECR_BASE_WORKER" "$ECR_BASE_API" "$ECR_BASE_FRONTEND"; do
    aws ecr describe-images --region "$AWS_REGION" --repository-name "${base#*/}" \
        --image-ids "imageTag=$IMAGE_TAG" --query 'imageDetails[0].imageDigest' --output text
done
