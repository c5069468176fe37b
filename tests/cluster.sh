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

not_run=3

# What `go build` is told: no C, no symbols, nothing of the place where it is built.
export CGO_ENABLED=0
version() { sed -n 's#^\tk8s.io/kubernetes \(v[0-9.]*\)$#\1#p' go.mod; }
flags() {
    local version major minor rest known=k8s.io/component-base/version
    version=$(version)
    IFS=. read -r major minor rest <<<"${version#v}"
    echo "-s -w -X $known.gitVersion=$version -X $known.gitMajor=$major -X $known.gitMinor=$minor"
}

# The folder for what is compiled from this source by this Go.
folder() {
    local go digest
    if ! command -v go >/dev/null; then
        echo "Go is not installed: no kube-apiserver can be built, and KUBEBUILDER_ASSETS names none" >&2
        return "$not_run"
    fi
    if ! go=$(go version 2>&1); then
        echo "Go can't build a kube-apiserver, and KUBEBUILDER_ASSETS names none: $go" >&2
        return "$not_run"
    fi
    digest=$({ echo "$go" && flags && cat go.mod go.sum ./*.go; } | sha256sum)
    echo "${VIGIE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}}/vigie/kube-${digest:0:16}"
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
    folder=$(folder)
    if [[ ! -d $folder ]]; then
        echo "no kube-apiserver is built yet: tests/cluster.sh build does it" >&2
        return "$not_run"
    fi
    echo "$folder"
}

# Says how far `go build -v` is: one line for so many packages, the last ones take longest.
count_packages() {
    awk '/^go: |^[^ ]*: |^#|^\t/ { print; fflush(); next }
        ++packages % 200 == 0 { printf "%d packages compiled\n", packages; fflush() }'
}

build_programs() {
    local folder made
    if [[ -n ${KUBEBUILDER_ASSETS:-} ]]; then
        assets
        return
    fi
    folder=$(folder)
    if [[ -d $folder ]]; then
        echo "all there: $folder"
        return
    fi
    mkdir -p "${folder%/*}"
    made=$(mktemp -d "$folder.XXXXXX")
    # shellcheck disable=SC2064 # the folder of now
    trap "rm -rf '$made'" EXIT
    echo "compiling $(version) into $folder"
    go build -v -trimpath -ldflags="$(flags)" -o "$made/kube-apiserver" . 2>&1 | count_packages
    ln -s kube-apiserver "$made/etcd"
    ln -s kube-apiserver "$made/kube-controller-manager"
    chmod 755 "$made"
    # Somebody else may have been faster.
    mv -T "$made" "$folder" 2>/dev/null || [[ -d $folder ]]
    du -Lh "$folder/kube-apiserver"
}

case ${1:-} in
    build) build_programs ;;
    find) find_programs ;;
    *)
        echo "usage: tests/cluster.sh build|find" >&2
        exit 2
        ;;
esac
