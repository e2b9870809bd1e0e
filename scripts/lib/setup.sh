# Sourced by the scripts people type: where we are, what is installed, what is built. Debian 12.
# shellcheck shell=bash

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

say() {
    if [ -t 1 ]; then printf '\n\033[1m== %s\033[0m\n' "$*"; else printf '\n== %s\n' "$*"; fi
}
die() {
    printf '%s\n' "$*" >&2
    exit 1
}

PACKAGES_BUILD=(
    g++-12 gcc-12 cmake ninja-build pkg-config libssl-dev libboost1.81-dev libboost-json1.81-dev libp11-dev libp11-kit-dev
    libjemalloc-dev libsqlite3-dev libtomlplusplus-dev libcli11-dev libspdlog-dev libtss2-dev softhsm2
)
PACKAGES_DEMO=(curl openssh-client openssl)
PACKAGES_TPM=(swtpm tpm2-tools tpm2-openssl libtss2-tcti-swtpm0 libtss2-tcti-device0)
PACKAGES_TEST=("${PACKAGES_TPM[@]}" catch2 curl jq nodejs opensc openssh-client python3 python3-cryptography python3-jsonschema python3-jwcrypto python3-yaml)
PACKAGES_BENCH=(p11-kit p11-kit-modules)
PACKAGES_ALL=(clang-19 clang-format-19 clang-tidy-19 libclang-rt-19-dev llvm-19)

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "installing packages needs root or sudo; missing: ${missing[*]}"
    fi
}

# Installs those of the packages that are not there. Nothing is asked of the network when none is missing.
need_packages() {
    missing=()
    local package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    local log
    log=$(mktemp /tmp/clawsigner-apt.XXXXXX)
    say "installing ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update ||
        die "apt-get update failed: is there a way to a Debian 12 mirror?"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends "${missing[@]}" \
        >"$log" 2>&1 || {
        tail -n 30 "$log" >&2
        die "apt-get install failed; the whole log is in $log"
    }
    rm -f "$log"
}
