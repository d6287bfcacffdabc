#!/bin/sh
# Breaks the ring in one way after the other and requires that the crash enumerator notices.
#   tests/crash/mutations.sh [NAME...]     the patches of mutations/, or only those named
# STATES and SEED (default 1) go to `crash`; else 50000 or as many as the patch says in a line
# `states: N` at its head. CMAKE_ARGS go to cmake.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
states=${STATES:-50000}
given=${STATES:-}
seed=${SEED:-1}

build() {
  ninja -C "$work/build" -j "${JOBS:-2}" crash >"$work/log" 2>&1
}

# What `crash` says goes to a file. 0: it found nothing wrong.
run() {
  timeout 300 "$work/build/tests/crash/crash" --states "$states" --seed "$seed" >"$work/out" 2>&1
}

try() {
  if ! patch -s -p1 -d "$work/tree" <"$1" >"$work/log" 2>&1; then
    verdict="DOES NOT APPLY: bring it up to date with the code"
    return 1
  fi
  noticed=1
  status=0
  states=${given:-$(sed -n 's/^states: //p' "$1")}
  states=${states:-50000}
  if ! build; then
    verdict="DOES NOT COMPILE"
  else
    run || status=$?
    words=$(sed -n 's/^ *wrong: //p; s/^VIOLATION: \(died\)/\1/p' "$work/out" | head -n 1)
    if [ "$status" -eq 0 ]; then
      verdict="SURVIVED $states states"
    elif [ "$status" -eq 124 ]; then
      verdict="noticed: hangs"
      noticed=0
    elif [ -n "$words" ]; then
      verdict="noticed: $(printf '%s' "$words" | cut -c 1-100)"
      noticed=0
    else
      verdict="NO VERDICT"
    fi
  fi
  patch -s -R -p1 -d "$work/tree" <"$1"
  return $noticed
}

mkdir "$work/tree"
(cd "$root" && tar -cf - --exclude=./.git --exclude=./build .) | tar -xf - -C "$work/tree"
# shellcheck disable=SC2086 # CMAKE_ARGS are several arguments
cmake -S "$work/tree" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug \
  -DCMAKE_CXX_FLAGS_DEBUG="-O1 -D_GLIBCXX_ASSERTIONS" ${CMAKE_ARGS:-} >"$work/log" 2>&1 && build || {
  cat "$work/log"
  exit 1
}
if ! run; then
  echo "the ring as it is fails already:"
  cat "$work/out"
  exit 1
fi

[ $# -gt 0 ] || set -- "$here"/mutations/*.patch
failed=0
for name in "$@"; do
  name=$(basename "$name" .patch)
  try "$here/mutations/$name.patch" || failed=1
  echo "$name: $verdict"
done
exit $failed
