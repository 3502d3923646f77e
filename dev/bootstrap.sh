#!/usr/bin/env bash
# Puts in place what the make targets need; a second run has nothing to do.
#   bootstrap.sh python     Python, the virtual environment .venv from hash-pinned requirements
#   bootstrap.sh programs   the same, and the programs that the integration tests start: nginx, openssl, curl
#   bootstrap.sh cluster    Python as above, and what the development cluster and its images need (CLUSTER=kind|local)
# On Debian as root it installs missing packages; elsewhere it says what is missing. One line an error.
set -euo pipefail
cd "$(dirname "$0")/.."

MINIMUM=3.11
REQUIREMENTS=(requirements/dev.txt requirements/build.txt)

say() { echo "$*" >&2; }
fail() { say "error: $*"; exit 1; }

apt_install() {
  [[ $(id -u) -eq 0 ]] && command -v apt-get >/dev/null || fail "missing: apt-get install $*"
  say "installing $*"
  local log; log=$(mktemp)
  if ! { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@"; } >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    fail "apt-get install $* failed; see above"
  fi
  rm -f "$log"
}

# Prints the first Python that is new enough.
find_python() {
  local candidate
  for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if "$candidate" -c "import sys; sys.exit(sys.version_info < (${MINIMUM/./, }))" 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

install_packages() {
  local packages=()
  find_python >/dev/null || packages+=(python3)
  { find_python >/dev/null && "$(find_python)" -c 'import ensurepip' 2>/dev/null; } || packages+=(python3-venv)
  command -v openssl >/dev/null || packages+=(openssl)
  if [[ ${#packages[@]} -gt 0 ]]; then apt_install "${packages[@]}"; fi
}

# What the environment is made of; the stamp holds its digest.
fingerprint() { { cat pyproject.toml "${REQUIREMENTS[@]}"; pwd; } | sha256sum | cut -d' ' -f1; }

make_environment() {
  local want stamp=.venv/.made-from
  want=$(fingerprint)
  if [[ -x .venv/bin/python && $(cat "$stamp" 2>/dev/null) == "$want" ]] && .venv/bin/python -c '' 2>/dev/null; then return; fi
  install_packages
  local python; python=$(find_python) || fail "Python $MINIMUM or newer is needed"
  say "making .venv with $("$python" --version)"
  local pip=(.venv/bin/python -m pip --disable-pip-version-check install --quiet) arguments=() file
  for file in "${REQUIREMENTS[@]}"; do arguments+=(-r "$file"); done
  "$python" -m venv .venv || fail "python -m venv failed: apt-get install python3-venv"
  "${pip[@]}" --require-hashes "${arguments[@]}" || fail "pip could not install the pinned requirements; see above"
  "${pip[@]}" --no-deps --no-build-isolation --editable . || fail "pip could not install the project; see above"
  echo "$want" >"$stamp"
  say "made .venv in $SECONDS s"
}

# nginx is in a folder that not every PATH has.
install_programs() {
  local packages=() program
  for program in nginx openssl curl; do
    PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" command -v "$program" >/dev/null || packages+=("$program")
  done
  if [[ ${#packages[@]} -eq 0 ]]; then return; fi
  # Debian starts a server that it installs, now and at each boot; the tests start their own.
  local policy=/usr/sbin/policy-rc.d ours=
  if [[ $(id -u) -eq 0 && ! -e $policy ]]; then
    ours=$policy
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  apt_install "${packages[@]}"
  if [[ -n $ours ]]; then rm -f "$ours"; fi
  if [[ " ${packages[*]} " == *" nginx "* ]]; then update-rc.d nginx disable >/dev/null 2>&1 || true; fi
}

case "${1:-}" in
  python) make_environment ;;
  programs)
    make_environment
    install_programs
    ;;
  cluster)
    make_environment
    exec .venv/bin/python -m dev.cluster prepare
    ;;
  *) fail "usage: dev/bootstrap.sh python|programs|cluster" ;;
esac
