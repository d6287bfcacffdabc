#!/usr/bin/env bash
# Installs what is needed from Debian, builds, and runs all tests:
#
#   tests/run.sh            every leg: dev (all tests), asan, tsan
#   tests/run.sh dev        one leg alone; also: asan, tsan, format, tidy
#
# Ends with ctest's summary of each leg; exit status 0 only if all passed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
# shellcheck source=packaging/packages.sh
source packaging/packages.sh
install_packages "${build_packages[@]}" "${test_packages[@]}"

jobs=$(nproc)
launcher=()
if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi

# leg <preset> <ctest arguments>…
leg() {
  local preset=$1
  shift
  echo "== $preset: build"
  cmake --preset "$preset" "${launcher[@]}" >/dev/null
  cmake --build "build/$preset" --parallel "$jobs" | grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking|Re-checking)' || true
  [[ ${PIPESTATUS[0]} -eq 0 ]]
  echo "== $preset: tests"
  ctest --test-dir "build/$preset" --output-on-failure --parallel "$jobs" --no-tests=error "$@" | tail -n 40
  [[ ${PIPESTATUS[0]} -eq 0 ]]
}

check_format() {
  echo "== format"
  git ls-files '*.cpp' '*.h' | xargs clang-format --dry-run --Werror
}

check_tidy() {
  echo "== tidy"
  cmake --preset dev "${launcher[@]}" >/dev/null
  git ls-files 'agent/*.cpp' 'buffer/*.cpp' 'config/*.cpp' 'inputs/*.cpp' 'outputs/*.cpp' |
    xargs -P "$jobs" -n 4 clang-tidy --quiet -p build/dev
}

case ${1:-all} in
  format) check_format ;;
  tidy) check_tidy ;;
  dev) leg dev ;;
  asan) leg asan --label-exclude slow ;;
  # Only code with threads tells tsan anything.
  tsan) leg tsan --label-exclude slow --tests-regex '^(buffer|http|inputs|outputs|agent)_tests' ;;
  all)
    check_format
    leg tsan --label-exclude slow --tests-regex '^(buffer|http|inputs|outputs|agent)_tests'
    leg asan --label-exclude slow
    leg dev
    ;;
  *) echo "usage: tests/run.sh [dev|asan|tsan|format|tidy]" >&2; exit 2 ;;
esac
