#!/usr/bin/env bash
# How long holdfast takes from its start to its first point: with a new ring of 64 MiB, with that
# ring closed, with one of 1 GiB that is full; and how large its binary is, stripped.
#
#   tests/bench/start.sh [options]
#     --runs N           starts of each kind, of which the median counts (11)
#     --build DIR        a build directory (build/release, by the preset)
#
# Delivered: to the first line that an output writes to a FIFO, gathered by a mem input; from the full
# ring, its oldest. Received: to the 204 for a point posted to a listener. Both from just before the
# fork.
# Exit status 0 if every start came to a point; goals that are missed are said, no more.
set -euo pipefail

runs=11
build=''
while [[ $# -gt 0 ]]; do
  case $1 in
    --runs)
      [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || { echo "$1 needs a number" >&2; exit 2; }
      runs=$2; shift 2 ;;
    --build) build=${2:?$1 needs a value}; shift 2 ;;
    *) sed -n '2,/^set /{/^# \{0,1\}/s///p}' "${BASH_SOURCE[0]}"; exit 2 ;;
  esac
done

readonly goal_start_ms=10
readonly goal_binary_bytes=3000000

# shellcheck source=tests/bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
use_build "$build"
cmake --build "$build_dir" --target bench_ring >&2

write_config() { # <ring> <its size>
  cat >"$work/holdfast.toml" <<TOML
[agent]
  interval = "1h"
  round_interval = false
  metric_batch_size = 1
[buffer]
  path = "$1"
  size = "$2"
[status]
  listen = ""
  socket = "$work/status.sock"
[[inputs.mem]]
[[inputs.influxdb_listener]]
  service_address = "127.0.0.1:0"
[[outputs.file]]
  files = ["$work/lines"]
TOML
}

# measure <what it is> <term or kill> <whether the ring is removed before each start: new or kept>
measure() {
  local what run
  for what in delivered received; do
    : >"$work/times"
    for ((run = 1; run <= runs; ++run)); do
      [[ $3 != new ]] || rm -f "$work/ring"
      rm -f "$work/lines" "$work/status.sock"
      # Where the point is not read from, it goes to a file.
      [[ $what == received ]] || mkfifo "$work/lines"
      python3 "$bench_dir/first_point.py" "$what" "$holdfast" "$work/holdfast.toml" \
        "$work/lines" "$2" >>"$work/times" 2>"$work/agent.log" || die "a start failed"
    done
    local took
    took=$(median <"$work/times")
    printf '%-44s %-9s %8s ms   goal %s: %s\n' "$1" "$what" "$took" "$goal_start_ms" \
      "$(verdict "$took <= $goal_start_ms")"
  done
}

verdict() { # <comparison>
  if awk "BEGIN { exit !($1) }"; then echo met; else echo MISSED; fi
}

: >"$work/times"
for ((run = 1; run <= runs; ++run)); do
  python3 "$bench_dir/first_point.py" nothing "$holdfast" >>"$work/times"
done
printf '%-44s %-9s %8s ms\n' "holdfast --version" "" "$(median <"$work/times")"
write_config "$work/ring" 64MiB
measure "new ring of 64 MiB" term new
measure "ring of 64 MiB, closed" term kept
echo "(filling a ring of 1 GiB)"
"$build_dir/tests/bench/bench_ring" --file "$work/ring.large" >"$work/ring.out"
write_config "$work/ring.large" 1GiB
# The first start makes readers of its own there.
measure "full ring of 1 GiB, closed" term kept
measure "full ring of 1 GiB, after kill -9" kill kept

strip -o "$work/stripped" "$holdfast"
bytes=$(stat --format %s "$work/stripped")
printf '%-44s %s bytes   goal %s: %s\n' "binary, stripped" "$bytes" "$goal_binary_bytes" \
  "$(verdict "$bytes <= $goal_binary_bytes")"
