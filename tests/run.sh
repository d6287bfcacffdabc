#!/usr/bin/env bash
# Installs what is needed from Debian, builds, and runs all tests:
#
#   tests/run.sh            format; the slow tests with the release build; the others under tsan and
#                           asan + ubsan
#   tests/run.sh dev        one leg alone; also: asan, tsan, release, format, tidy, fuzz
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

# build <preset> <target>…
build() {
  local preset=$1
  shift
  echo "== $preset: build"
  # quickstart.sh builds in the same folder without tests.
  cmake --preset "$preset" -DHOLDFAST_TESTS=ON "${launcher[@]}" >/dev/null
  cmake --build "build/$preset" --parallel "$jobs" --target "$@" >"build/$preset/log" || {
    grep -A 20 'FAILED' "build/$preset/log" | head -n 60
    return 1
  }
}

# leg <preset> <ctest arguments>…: runs the tests of what was built.
leg() {
  local preset=$1
  shift
  echo "== $preset: tests"
  ctest --test-dir "build/$preset" --output-on-failure --parallel "$jobs" --no-tests=error "$@" |
    grep -vE '^ +Start +[0-9]+:| Passed +[0-9.]+ sec$'
  [[ ${PIPESTATUS[0]} -eq 0 ]]
}

# What is shipped: the program as a whole and the enumeration of crashes. The compiler sees more
# when it optimizes: this build has warnings of its own.
release() {
  build release holdfast integration_tests kills crash
  leg release --tests-regex '^(integration_tests|kills|crash\.)'
}

# Everything in a plain debug build, for the daily work.
dev() {
  build dev all
  leg dev
}

asan() {
  build asan all
  leg asan --label-exclude slow
}

# Only code with threads tells tsan anything.
tsan() {
  build tsan {buffer_threads,tls,http,sockets,inputs,outputs,agent}_tests
  leg tsan --label-exclude slow --tests-regex '^(buffer_threads|tls|http|sockets|inputs|outputs|agent)_tests'
}

check_format() {
  echo "== format"
  git ls-files '*.cpp' '*.h' | xargs clang-format --dry-run --Werror
}

check_tidy() {
  echo "== tidy"
  install_packages "${tidy_packages[@]}"
  cmake --preset dev "${launcher[@]}" >/dev/null
  git ls-files 'agent/*.cpp' 'buffer/*.cpp' 'config/*.cpp' 'inputs/*.cpp' 'outputs/*.cpp' |
    xargs -P "$jobs" -n 4 clang-tidy --quiet -p build/dev --extra-arg=-Wno-unknown-warning-option
}

# Half a minute of each fuzz target, with clang's libFuzzer.
fuzz() {
  install_packages "${fuzz_packages[@]}"
  local source subject
  for source in tests/fuzz/*_fuzz.cpp; do
    subject=$(basename "$source" _fuzz.cpp)
    build fuzz "${subject}_fuzz"
    echo "== fuzz: $subject"
    mkdir -p "build/fuzz/found/$subject"
    "build/fuzz/tests/fuzz/${subject}_fuzz" -max_total_time=30 -print_final_stats=1 \
      "build/fuzz/found/$subject" "tests/fuzz/corpus/$subject" 2>&1 | tail -n 8
  done
}

case ${1:-all} in
  format) check_format ;;
  tidy) check_tidy ;;
  fuzz) fuzz ;;
  dev) dev ;;
  asan) asan ;;
  tsan) tsan ;;
  release) release ;;
  all)
    check_format
    release
    tsan
    asan
    ;;
  *) echo "usage: tests/run.sh [dev|asan|tsan|release|format|tidy|fuzz]" >&2; exit 2 ;;
esac
