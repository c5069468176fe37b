#!/usr/bin/env bash
# All tests, from nothing: installs what is missing, then looks at style, lints, runs, and documents.
#
# The first step that fails ends the run. Each is announced, and timed at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
export PATH=$PWD/target/tools/bin:$PATH:/usr/sbin:/sbin
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never}
if [[ ${CI:-} == true ]]; then
    # Nobody builds this clone a second time.
    export CARGO_INCREMENTAL=0
fi

times=()
current=
trap '(($? == 0)) || printf "\nFAILED: %s\n" "$current" >&2' EXIT

# step NAME COMMAND...: runs it under a headline. Never within a condition: that would switch `set -e` off.
step() {
    local began=$SECONDS
    current=$1
    shift
    printf '\n=== %s: %s\n' "$current" "$*"
    "$@" </dev/null
    times+=("$(printf '%5d s  %s' $((SECONDS - began)) "$current")")
}

shell_scripts() {
    git grep --untracked -lE '^#!/(usr/bin/env bash|bin/sh)$'
}

check_scripts() {
    local scripts
    mapfile -t scripts < <(shell_scripts)
    shellcheck "${scripts[@]}"
}

check_dependencies() {
    cargo deny --locked check bans licenses sources
    # The fuzz targets are a workspace of their own: nothing else here notices that its lock file is old.
    cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null
    # Known flaws are listed in a database that is fetched from outside the package registries.
    if timeout 120 cargo deny fetch db >/dev/null 2>&1; then
        cargo deny --locked check advisories
    else
        echo "advisories: NOT CHECKED, their database can't be fetched from here"
    fi
}

check_prometheus() {
    promtool check rules deploy/prometheus/*.rules.yaml
    promtool check config deploy/prometheus/prometheus.yaml
    promtool test rules deploy/prometheus/tests/*.yaml
    amtool check-config deploy/prometheus/alertmanager.yaml
}

# The dashboards in the tree are what their program writes.
check_dashboards() {
    local written outcome=0
    written=$(mktemp -d)
    python3 dashboards/generate.py "$written"
    diff -r --exclude='*.py' --exclude=__pycache__ dashboards "$written" || outcome=$?
    rm -r "$written"
    return "$outcome"
}

# A first look at what most tests build on: the simulated API server is as the real one was, and kinds say of it what
# they are to say of both.
smoke() {
    cargo test --locked --test it -- simulation:: conformance::simulated::
}

# Counts what cargo's runners close with, so that the last line tells of them all.
counted=$target/tests.log
test_all() {
    cargo test --workspace --locked --no-fail-fast -- --skip real:: --skip drill:: 2>&1 | tee "$counted"
}

# By itself: several towns, each with a daemon that looks at everything all the time, take the whole machine. The real
# parts mostly wait, and go side by side.
drill() {
    cargo test --locked --test it -- drill::real_parts:: --test-threads=2 2>&1 | tee -a "$counted"
    cargo test --locked --test it -- drill:: --skip real:: --skip real_parts:: --test-threads=1 2>&1 | tee -a "$counted"
}

# The programs of a real cluster, and of a real object store; where they can't be had, that is told here and at the end.
not_run=()
build_real() {
    local script outcome
    for script in tests/cluster.sh tests/store.sh; do
        outcome=0
        "$script" build || outcome=$?
        if [[ $outcome == 3 ]]; then
            not_run+=("$("$script" find 2>&1 || true)")
        elif [[ $outcome != 0 ]]; then
            return "$outcome"
        fi
    done
}

# By themselves: a whole cluster starts for them, and databases that write backups.
test_real() {
    cargo test --locked --test it -- real:: 2>&1 | tee -a "$counted"
}

document() {
    RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --workspace --locked --no-deps --document-private-items
}

# Takes a shipped configuration, or tells why not.
take() {
    echo "vigie check-config $*"
    "$target/debug/vigie" check-config "${@/#/--config=}"
}

# A file of config/ stands alone; in a folder of it, the checklist goes with each environment in turn.
check_configurations() {
    local file
    shopt -s nullglob
    for file in config/*.yaml; do
        take "$file"
    done
    for file in config/*/*.yaml; do
        case $file in
            config/kinds/*) ;; # single checks: the tests parse them
            */checklist.yaml) ;;
            *) take "${file%/*}/checklist.yaml" "$file" ;;
        esac
    done
}

step "setup" tests/setup.sh
step "format" cargo fmt --all --check
step "scripts" check_scripts
step "spelling" typos
step "image" hadolint Dockerfile
step "dependencies" check_dependencies
step "rules" check_prometheus
step "dashboards" check_dashboards
step "lints" cargo clippy --workspace --all-targets --locked -- -D warnings
step "documentation" document
step "smoke" smoke
step "tests" test_all
step "fault drill" drill
step "real parts" build_real
step "tests of real parts" test_real
step "configurations" check_configurations

printf '\nTime taken:\n'
printf '%s\n' "${times[@]}"
printf '\n'
# The drills run by themselves, one on the simulated town and some on real programs: here they are one.
awk '/^[0-9]+ faults, [0-9]+ found, / { faults += $1; found += $3; wrong += $5; alarms += $8 }
    /^test result: / { passed += $4; failed += $6; ignored += $8 }
    END {
        printf "%d faults, %d found, %d wrong items, %d false alarms\n", faults, found, wrong, alarms
        printf "%d passed, %d failed, %d skipped\n", passed, failed, ignored
    }' "$counted"
for why in "${not_run[@]}"; do
    printf 'NOT RUN on real parts: %s\n' "$why"
done
