#!/usr/bin/env bash
# Builds the images on a Debian without Docker and without a registry of images, and shows their sizes: bases by
# mmdebstrap, the images by buildah, with the host's Rust. Slow, so not part of any check.
#
#   scripts/local-images.sh [worker|api|frontend]...
#
# Needs root, and the packages buildah, podman, runc and mmdebstrap. SUITE (trixie) picks Debian's release.
set -euo pipefail
cd "$(dirname "$0")/.."

suite=${SUITE:-trixie}
services=("$@")
if [ ${#services[@]} = 0 ]; then
    services=(worker api frontend)
fi
work=$(pwd)/target/images
mkdir -p "$work"
# Machines behind a proxy have its certificates here; the build must trust them, the image does not get them.
certificates=/etc/ssl/certs/ca-certificates.crt
run=(--isolation chroot --network host)

import() { # NAME ARCHIVE
    local container
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$2" / >/dev/null
    buildah commit --quiet "$container" "$1" >/dev/null
    buildah rm "$container" >/dev/null
}

debian=localhost/debian:$suite-slim
if ! buildah inspect --type image "$debian" >/dev/null 2>&1; then
    # Sources in the form that the registry's image has, and the security updates.
    cat >"$work/debian.sources" <<SOURCES
Types: deb
URIs: http://deb.debian.org/debian
Suites: $suite $suite-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://deb.debian.org/debian-security
Suites: $suite-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCES
    # shellcheck disable=SC2016 # mmdebstrap gives the hook its $1
    mmdebstrap --variant=apt --include=ca-certificates \
        --customize-hook='rm -f "$1/etc/apt/sources.list" "$1"/etc/apt/sources.list.d/*' \
        --customize-hook="copy-in $work/debian.sources /etc/apt/sources.list.d" \
        "$suite" "$work/debian.tar" \
        "deb http://deb.debian.org/debian $suite main" \
        "deb http://deb.debian.org/debian $suite-updates main" \
        "deb http://deb.debian.org/debian-security $suite-security main"
    import "$debian" "$work/debian.tar"
    rm "$work/debian.tar"
fi

rust=localhost/rust:$suite
if ! buildah inspect --type image "$rust" >/dev/null 2>&1; then
    container=$(buildah from "$debian")
    buildah add --quiet "$container" "$(rustc --print sysroot)" /usr/local/rust >/dev/null
    buildah config --env PATH=/usr/local/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        --env CARGO_HOME=/usr/local/cargo "$container"
    buildah commit --quiet "$container" "$rust" >/dev/null
    buildah rm "$container" >/dev/null
fi

for service in "${services[@]}"; do
    image=localhost/thumbnail-$service:local
    buildah build "${run[@]}" --layers --format docker --file "docker/$service.Dockerfile" --tag "$image" \
        --build-arg "DEBIAN=$debian" --build-arg "RUST=$rust" --build-arg VERSION=local \
        --env "SSL_CERT_FILE=$certificates" --env "CARGO_HTTP_CAINFO=$certificates" \
        --volume "$certificates:$certificates:ro" --unsetenv SSL_CERT_FILE --unsetenv CARGO_HTTP_CAINFO .
    buildah push --quiet --compression-format gzip "$image" "oci-archive:$work/$service.tar"
    printf '%s: %s MB compressed\n' "$service" "$(($(stat --format %s "$work/$service.tar") / 1000000))"
done
