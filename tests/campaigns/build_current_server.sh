#!/bin/sh
# Builds a real API server of custom resources of Kubernetes 1.36.4 (apiextensions-apiserver) from Debian unstable's packages of its
# libraries, with kubectl 1.36.4 and etcd 3.5.30 beside it. Debian no longer packages the sources of kube-apiserver itself, so built-in
# kinds still come from 1.20.2 (build_control_plane.sh), in front of which this one serves the kinds of Argo:
#   sh tests/campaigns/build_current_server.sh OUT && AZORA_CURRENT_SERVER=OUT AZORA_CONTROL_PLANE=... make campaign
# Every package is pinned by its SHA-256; nothing is installed. About six minutes and 3 GB on two cores. Not part of any test or of CI.
set -e
[ $# = 1 ] || { sed -n '2,7p' "$0"; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
mkdir -p "$1/packages"
out=$(cd "$1" && pwd)
cd "$out/packages"
while read -r sum path; do
    file=$(basename "$path")
    [ -f "$file" ] || curl -sSf -o "$file" "$mirror/$path"
    echo "$sum  $file" | sha256sum -c --quiet
    dpkg-deb -x "$file" "$out/root"
done < "$here/current_server.sha256"
cp "$out/root/usr/bin/kubectl" "$out/root/usr/bin/etcd" "$out/"
export GOROOT="$out/root/usr/lib/go-1.27" GOPATH="$out/root/usr/share/gocode" GOCACHE="$out/gocache"
export GO111MODULE=off GOTOOLCHAIN=local GOFLAGS= CGO_ENABLED=0
"$GOROOT/bin/go" build -o "$out/" k8s.io/apiextensions-apiserver
