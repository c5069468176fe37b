#!/usr/bin/env bash
# MinIO for the tests, an object store that people run (signatures, versions, policies, rules of lifecycle), and `mc`,
# which administers it.
#
#   tests/store.sh build   makes them where they are not there yet: minutes, once
#   tests/store.sh find    prints the folder that holds them
#
# Where they can't be had without a fault of anybody's, such as without Go, both say why and end with 3: tests that need
# them are then not run. They are programs of their own, under the AGPL: nothing of them is linked to ours.
set -euo pipefail
cd "$(dirname "$0")/go/store"
# shellcheck source=tests/go/cached.sh
source ../cached.sh

flags="-s -w"
place() {
    folder minio "$flags" "no MinIO can be built"
}

find_programs() {
    local folder
    folder=$(place)
    if [[ ! -d $folder ]]; then
        echo "no MinIO is built yet: tests/store.sh build does it" >&2
        return "$not_run"
    fi
    echo "$folder"
}

# All is there.
finish() {
    :
}

build_programs() {
    local folder
    folder=$(place)
    compile "$folder" "$flags" github.com/minio/minio github.com/minio/mc
}

case ${1:-} in
    build) build_programs ;;
    find) find_programs ;;
    *)
        echo "usage: tests/store.sh build|find" >&2
        exit 2
        ;;
esac
