# syntax=docker/dockerfile:1
# Makes thumbnails of the videos that an SQS queue announces.
#
#   docker buildx build . --file docker/worker.Dockerfile
#
# It runs as nobody in particular (65532), needs no writable place, and holds Debian's libraries, an FFmpeg of only the
# parts that thumbcore uses (docker/build-ffmpeg.sh), the program, and busybox's wget for the health check.

# Both can be another registry's copy, or a digest.
ARG RUST=docker.io/library/rust:1.95.0-slim-trixie
ARG DEBIAN=docker.io/library/debian:trixie-slim

# ---- FFmpeg, from Debian's source package
FROM ${DEBIAN} AS ffmpeg
RUN sed -i 's/^Types: deb$/Types: deb deb-src/' /etc/apt/sources.list.d/debian.sources
# hadolint ignore=DL3008 # the newest of a stable release is the one with the security fixes
RUN apt-get update \
    && apt-get install --yes --no-install-recommends build-essential dpkg-dev libdav1d-dev nasm pkg-config zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
COPY docker/build-ffmpeg.sh /build-ffmpeg.sh
RUN apt-get update && /build-ffmpeg.sh /opt/ffmpeg && rm -rf /var/lib/apt/lists/*

# ---- the program
FROM ${RUST} AS build
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends build-essential cmake libclang-dev libdav1d-dev nasm pkg-config zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
COPY --from=ffmpeg /opt/ffmpeg /opt/ffmpeg
ENV PKG_CONFIG_PATH=/opt/ffmpeg/lib/pkgconfig LD_LIBRARY_PATH=/opt/ffmpeg/lib
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --profile dist --locked --package worker-svc \
    && install -D --strip target/dist/thumbnail-worker /out/usr/bin/thumbnail-worker \
    && mkdir -p /out/usr/lib/ffmpeg /out/usr/share/doc/ffmpeg \
    && cp --no-dereference /opt/ffmpeg/lib/*.so.* /out/usr/lib/ffmpeg/ \
    && cp /opt/ffmpeg/COPYING.LGPLv2.1 /opt/ffmpeg/VERSION /out/usr/share/doc/ffmpeg/

# ---- what it runs on
FROM ${DEBIAN} AS rootfs
COPY docker/rootfs.sh /rootfs.sh
RUN apt-get update \
    && /rootfs.sh /rootfs busybox-static ca-certificates libc6 libdav1d7 libgcc-s1 zlib1g \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /out /rootfs

FROM scratch
COPY --from=rootfs /rootfs /
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="thumbnail-worker" \
    org.opencontainers.image.description="Makes thumbnails of the videos that an SQS queue announces" \
    org.opencontainers.image.licenses="(MIT OR Apache-2.0) AND LGPL-2.1-or-later" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
ENV LD_LIBRARY_PATH=/usr/lib/ffmpeg
USER 65532:65532
# Fails the build if a library is missing.
RUN ["/usr/bin/thumbnail-worker", "--version"]
EXPOSE 9090
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["/usr/bin/busybox", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:9090/health"]
ENTRYPOINT ["/usr/bin/thumbnail-worker"]
