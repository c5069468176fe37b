#!/usr/bin/env bash
# The programs of a real cluster for the tests: kube-apiserver, etcd and kube-controller-manager.
#
#   tests/cluster.sh build   makes them where they are not there yet: minutes, and 2 GiB of memory, once
#   tests/cluster.sh find    prints the folder that holds them
#
# $KUBEBUILDER_ASSETS wins where it is set, as kubebuilder's envtest has it. Otherwise Go compiles tests/go/cluster into
# a cache ($VIGIE_CACHE, else $XDG_CACHE_HOME, else ~/.cache), in a folder named by the digest of all that it comes
# from. Where they can't be had without a fault of anybody's, such as without Go, both say why and end with 3: tests
# that need them are then not run.
set -euo pipefail
cd "$(dirname "$0")/go/cluster"
# shellcheck source=tests/go/cached.sh
source ../cached.sh

version() { sed -n 's#^\tk8s.io/kubernetes \(v[0-9.]*\)$#\1#p' go.mod; }
flags() {
    local version major minor rest known=k8s.io/component-base/version
    version=$(version)
    IFS=. read -r major minor rest <<<"${version#v}"
    echo "-s -w -X $known.gitVersion=$version -X $known.gitMajor=$major -X $known.gitMinor=$minor"
}

place() {
    folder kube "$(flags)" "no kube-apiserver can be built, and KUBEBUILDER_ASSETS names none"
}

# What others have brought; the controller manager is not among kubebuilder's own.
assets() {
    local name
    for name in kube-apiserver etcd; do
        if [[ ! -x $KUBEBUILDER_ASSETS/$name ]]; then
            echo "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS: there is no program $name in it" >&2
            return 1
        fi
    done
    echo "$KUBEBUILDER_ASSETS"
}

find_programs() {
    local folder
    if [[ -n ${KUBEBUILDER_ASSETS:-} ]]; then
        assets
        return
    fi
    folder=$(place)
    if [[ ! -d $folder ]]; then
        echo "no kube-apiserver is built yet: tests/cluster.sh build does it" >&2
        return "$not_run"
    fi
    echo "$folder"
}

# The three are one program, which tells by its name which of them it is.
finish() {
    local name
    for name in kube-apiserver etcd kube-controller-manager; do
        ln -s cluster "$1/$name"
    done
}

build_programs() {
    local folder
    if [[ -n ${KUBEBUILDER_ASSETS:-} ]]; then
        assets
        return
    fi
    folder=$(place)
    compile "$folder" "$(flags)" .
}

case ${1:-} in
    build) build_programs ;;
    find) find_programs ;;
    *)
        echo "usage: tests/cluster.sh build|find" >&2
        exit 2
        ;;
esac
