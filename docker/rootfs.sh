#!/bin/sh
# Unpacks Debian packages into a folder that becomes an image's root:
#
#   docker/rootfs.sh FOLDER PACKAGE...
#
# Exactly the packages that are named: no shell, no package manager, no set-user-id program. What is not in an image
# needs no patch. What was unpacked is recorded where scanners look for it (var/lib/dpkg/status.d).
set -eu

root=${1:?folder}
shift
mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib" "$root/usr/lib64" "$root/var/lib/dpkg/status.d" "$root/tmp"
chmod 1777 "$root/tmp"
# As Debian's base-files has them; the loader is looked for in /lib64.
for name in bin sbin lib lib64; do
    ln -s "usr/$name" "$root/$name"
done

downloads=$(mktemp -d)
trap 'rm -rf "$downloads"' EXIT
(cd "$downloads" && apt-get download --quiet -o APT::Sandbox::User=root "$@")
for package in "$downloads"/*.deb; do
    # tar, because dpkg-deb puts folders in the place of the links above.
    dpkg-deb --fsys-tarfile "$package" | tar --extract --keep-directory-symlink --directory "$root"
    dpkg-deb --field "$package" >"$root/var/lib/dpkg/status.d/$(dpkg-deb --field "$package" Package)"
done
# Licences stay; manuals do not.
find "$root/usr/share" -mindepth 1 -maxdepth 1 ! -name doc ! -name ca-certificates -exec rm -rf {} +
find "$root/usr/share/doc" -type f ! -name copyright -delete

# What ca-certificates' own script would make.
if [ -d "$root/usr/share/ca-certificates" ]; then
    mkdir -p "$root/etc/ssl/certs"
    find "$root/usr/share/ca-certificates" -name '*.crt' | sort | xargs cat >"$root/etc/ssl/certs/ca-certificates.crt"
    rm -rf "$root/usr/share/ca-certificates"
fi
echo 'nonroot:x:65532:65532::/:/nonexistent' >"$root/etc/passwd"
echo 'nonroot:x:65532:' >"$root/etc/group"
