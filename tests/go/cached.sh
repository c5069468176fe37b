# shellcheck shell=bash
# Programs that Go compiles once, for scripts that source this within the folder of a Go module.
#
# They are kept in a cache ($VIGIE_CACHE, else $XDG_CACHE_HOME, else ~/.cache), in a folder named by the digest of all
# that they come from. Where they can't be had without a fault of anybody's, that is said, with 3 as the outcome.

not_run=3

# What `go build` is told: no C, no symbols, nothing of the place where it is built.
export CGO_ENABLED=0

# folder PREFIX FLAGS WHAT: the folder for what is compiled from this source by this Go.
folder() {
    local prefix=$1 flags=$2 what=$3 go digest
    if ! command -v go >/dev/null; then
        echo "Go is not installed: $what" >&2
        return "$not_run"
    fi
    if ! go=$(go version 2>&1); then
        echo "Go is of no use here: $what: $go" >&2
        return "$not_run"
    fi
    digest=$({ echo "$go" && echo "$flags" && cat ./*; } | sha256sum)
    echo "${VIGIE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}}/vigie/$prefix-${digest:0:16}"
}

# Says how far `go build -v` is: one line for so many packages, the last ones take longest.
count_packages() {
    awk '/^go: |^[^ ]*: |^#|^\t/ { print; fflush(); next }
        ++packages % 200 == 0 { printf "%d packages compiled\n", packages; fflush() }'
}

# compile FOLDER FLAGS PACKAGE...: makes FOLDER with the programs of these packages, and with what `finish FOLDER` adds.
compile() {
    local folder=$1 flags=$2 made
    shift 2
    if [[ -d $folder ]]; then
        echo "all there: $folder"
        return
    fi
    mkdir -p "${folder%/*}"
    made=$(mktemp -d "$folder.XXXXXX")
    # shellcheck disable=SC2064 # the folder of now
    trap "rm -rf '$made'" EXIT
    echo "compiling into $folder"
    go build -v -trimpath -ldflags="$flags" -o "$made/" "$@" 2>&1 | count_packages
    finish "$made"
    chmod 755 "$made"
    # Somebody else may have been faster.
    mv -T "$made" "$folder" 2>/dev/null || [[ -d $folder ]]
    du -Lh "$folder"
}
