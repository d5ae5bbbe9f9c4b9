#!/bin/sh
# Builds etcd, kube-apiserver and kubectl into the folder $1, those that are not there: some four minutes on two cores.
set -eu
cd "$(dirname "$0")"
kubernetes=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
version=k8s.io/component-base/version
export CGO_ENABLED=0

build() {
  [ -x "$1/$2" ] || go build -ldflags "-s -w -X $version.gitVersion=$kubernetes" -o "$1/$2" "$3"
}

mkdir -p "$1"
build "$1" etcd go.etcd.io/etcd/server/v3
build "$1" kubectl k8s.io/kubernetes/cmd/kubectl
build "$1" kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
# Custom resource definitions are read from these modules as they are.
go mod download sigs.k8s.io/gateway-api@v1.6.3 istio.io/api@v1.31.1
