# shellcheck shell=bash
# What deploy/quickstart.sh and deploy/test.sh share. Sourced, never run.

# shellcheck disable=SC2034  # used by the scripts that source this file
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

step() { printf '\n== %s\n' "$*"; }

# One clear line, and out.
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# listed_packages SECTION...: the names in these sections of packages.txt.
listed_packages() {
  local section
  for section in "$@"; do
    awk -v section="$section" '$1 == section { print $2 }' "$ROOT/deploy/packages.txt"
  done
}

missing_packages() {
  local package
  for package in $(listed_packages "$@"); do
    dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null |
      grep -qx installed || printf '%s\n' "$package"
  done
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    return 1
  fi
}

# install_packages SECTION...: installs those that are not there, and nothing
# where all are.
install_packages() {
  command -v apt-get >/dev/null ||
    die "no apt-get here: install the equivalents of deploy/packages.txt, then run cmake --workflow --preset release"
  local missing
  mapfile -t missing < <(missing_packages "$@")
  if [ "${#missing[@]}" -eq 0 ]; then
    echo "all packages are installed"
    return
  fi
  echo "installing ${missing[*]}"
  [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
    die "packages are missing and there is neither root nor sudo; ask for: apt-get install ${missing[*]}"
  local log
  log=$(mktemp)
  if ! { as_root apt-get update &&
    as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get install --yes --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    die "could not install: ${missing[*]}"
  fi
  rm -f "$log"
}

# configure_and_build PRESET
configure_and_build() {
  if command -v ccache >/dev/null; then
    export CMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER-ccache}
  fi
  (cd "$ROOT" && cmake --preset "$1" && cmake --build --preset "$1") ||
    die "the build of preset '$1' failed; the first error is above"
}

is_mnist_dir() {
  local stem
  for stem in train-images-idx3 train-labels-idx1 t10k-images-idx3 t10k-labels-idx1; do
    [ -f "$1/$stem-ubyte.gz" ] || [ -f "$1/$stem-ubyte" ] || return 1
  done
}

# find_mnist [DIR]: prints the first folder that holds MNIST; fails where none does.
find_mnist() {
  local dir
  for dir in "${1:-}" "${TRAINYARD_MNIST_DIR:-}" "$ROOT/../shared/data/mnist" \
    "${HOME:-/nonexistent}/.cache/trainyard/mnist"; do
    if [ -n "$dir" ] && is_mnist_dir "$dir"; then
      (cd "$dir" && pwd)
      return
    fi
  done
  return 1
}
