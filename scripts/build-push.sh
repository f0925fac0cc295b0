#!/usr/bin/env bash
# Builds one service's image and pushes it with its SBOM and provenance.
#
#   IMAGE_TAG=1.0.5 scripts/build-push.sh worker|api|frontend
#
# Environment: IMAGE_TAG, AWS_REGION, and ECR_BASE_WORKER, ECR_BASE_API or ECR_BASE_FRONTEND.
set -euo pipefail
cd "$(dirname "$0")/.."

service=${1:?worker, api or frontend}
: "${IMAGE_TAG:?}" "${AWS_REGION:?}"
variable=ECR_BASE_${service^^}
base=${!variable:?}

aws ecr get-login-password --region "$AWS_REGION" |
    docker login --username AWS --password-stdin "${base%%/*}"
# SBOM and provenance need a builder of this kind.
docker buildx inspect thumbnail >/dev/null 2>&1 || docker buildx create --name thumbnail --driver docker-container

# The commit's time in place of the build's: the same commit gives the same layers.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
docker buildx build . --builder thumbnail --file "docker/$service.Dockerfile" \
    --build-arg "VERSION=$IMAGE_TAG" \
    --build-arg "REVISION=$(git rev-parse HEAD)" \
    --platform linux/amd64 --sbom=true --provenance=mode=max \
    --output "type=image,name=$base:$IMAGE_TAG,push=true,rewrite-timestamp=true,compression=zstd,oci-mediatypes=true"
