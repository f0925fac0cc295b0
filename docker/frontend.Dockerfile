# syntax=docker/dockerfile:1
# The dashboard and the small server that hands it out.
#
#   docker buildx build . --file docker/frontend.Dockerfile
#
# It runs as nobody in particular (65532), needs no writable place, and holds Debian's libc, the program, the built
# dashboard, and busybox's wget for the health check.

# Both can be another registry's copy, or a digest.
ARG RUST=docker.io/library/rust:1.95.0-slim-trixie
ARG DEBIAN=docker.io/library/debian:trixie-slim

FROM ${RUST} AS build
# hadolint ignore=DL3008 # the newest of a stable release is the one with the security fixes
RUN apt-get update \
    && apt-get install --yes --no-install-recommends build-essential cmake libclang-dev nasm pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# The dashboard is WebAssembly; xtask installs the target that it needs.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo xtask web \
    && cargo build --profile dist --locked --package frontend-svc \
    && install -D --strip target/dist/thumbnail-frontend /out/usr/bin/thumbnail-frontend \
    && mkdir -p /out/srv \
    && cp -r web/dist /out/srv/web

FROM ${DEBIAN} AS rootfs
COPY docker/rootfs.sh /rootfs.sh
RUN apt-get update \
    && /rootfs.sh /rootfs busybox-static libc6 libgcc-s1 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /out /rootfs

FROM scratch
COPY --from=rootfs /rootfs /
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="thumbnail-frontend" \
    org.opencontainers.image.description="The dashboard of the thumbnail pipeline" \
    org.opencontainers.image.licenses="(MIT OR Apache-2.0)" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
ENV FRONTEND_ADDR=0.0.0.0:3000 \
    WEB_DIR=/srv/web
USER 65532:65532
# Fails the build if a library is missing.
RUN ["/usr/bin/thumbnail-frontend", "--version"]
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
    CMD ["/usr/bin/busybox", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:3000/healthz"]
ENTRYPOINT ["/usr/bin/thumbnail-frontend"]
