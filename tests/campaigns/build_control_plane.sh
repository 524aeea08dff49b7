#!/bin/sh
# Builds the control plane that test_control_plane.py wants, on Debian 12, from Debian's own source package (Kubernetes 1.20.2):
#   apt-get install golang-1.19-go golang-github-modern-go-reflect2-dev etcd-server && apt-get source kubernetes
#   sh tests/campaigns/build_control_plane.sh kubernetes-1.20* OUT && AZORA_CONTROL_PLANE=OUT make campaign
# About five minutes and 2 GB on two cores. Not part of any test or of CI.
set -e
[ $# = 2 ] || { sed -n '2,5p' "$0"; exit 2; }
mkdir -p "$2"
out=$(cd "$2" && pwd)
# Before Go modules: Kubernetes' own layout, with its vendored packages.
export PATH="/usr/lib/go-1.19/bin:$PATH" GO111MODULE=off GOFLAGS= CGO_ENABLED=0 GOPATH="$out/gopath" GOCACHE="$out/gocache"
root="$GOPATH/src/k8s.io/kubernetes"
mkdir -p "$(dirname "$root")"
[ -d "$root" ] || cp -r "$1" "$root"
cd "$root"
# The vendored reflect2 reads maps as Go before 1.18 laid them out, and would crash the server when a custom object is applied.
reflect2=vendor/github.com/modern-go/reflect2
rm -rf "$reflect2" && cp -rL /usr/share/gocode/src/github.com/modern-go/reflect2 "$reflect2" && rm -f "$reflect2"/*_test.go
if [ ! -f pkg/generated/openapi/zz_generated.openapi.go ]; then
    go build -o "$out/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
    inputs=$(grep -rlE --include='*.go' '^// ?\+k8s:openapi-gen=' staging/src/k8s.io pkg cmd plugin | xargs -n1 dirname | sort -u |
        grep -vE 'code-generator|sample-' | sed -e 's#^staging/src/#k8s.io/kubernetes/vendor/#' -e 's#^\(pkg\|cmd\|plugin\)/#k8s.io/kubernetes/\1/#' | paste -sd,)
    "$out/openapi-gen" -O zz_generated.openapi -h hack/boilerplate/boilerplate.generatego.txt -r "$out/report.txt" \
        -p k8s.io/kubernetes/pkg/generated/openapi -i "$inputs" --output-base "$GOPATH/src"
fi
version="-X k8s.io/component-base/version.gitVersion=v1.20.2 -X k8s.io/kubernetes/vendor/k8s.io/component-base/version.gitVersion=v1.20.2"
go build -ldflags "$version" -o "$out/" ./cmd/kube-apiserver ./cmd/kube-controller-manager ./cmd/kube-scheduler ./cmd/kubectl
