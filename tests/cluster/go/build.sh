#!/bin/sh
# Builds etcd, kube-apiserver and kubectl into the folder $1, those that are not there: some four minutes on two cores.
set -eu
bin=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")"
kubernetes=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
export CGO_ENABLED=0

build() {
  [ -x "$bin/$1" ] ||
    go build -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$kubernetes" -o "$bin/$1" "$2"
}

build etcd go.etcd.io/etcd/server/v3
build kubectl k8s.io/kubernetes/cmd/kubectl
build kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
# Custom resource definitions are read from Go's cache of these; control-plane.ts names them too.
go mod download sigs.k8s.io/gateway-api@v1.6.3 istio.io/api@v1.31.1
