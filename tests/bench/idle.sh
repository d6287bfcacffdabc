#!/usr/bin/env bash
# What the agent costs while it does its usual work: the nine host inputs every 10 s, delivered to a
# server that takes everything. Prints a line a minute, then memory, its slope, CPU and writes.
#
#   tests/bench/idle.sh [options]
#     --minutes N    how long (10)
#     --build DIR    a build directory (build/release, by the preset)
#     --maps         at the end, where the memory is: by file and kind of mapping
#
# Exit status 0 unless the agent ended before its time; goals that are missed are said, no more.
set -euo pipefail

minutes=10
build=''
maps=no
while [[ $# -gt 0 ]]; do
  case $1 in
    --minutes)
      [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || { echo "$1 needs a number" >&2; exit 2; }
      minutes=$2; shift 2 ;;
    --build) build=${2:?$1 needs a value}; shift 2 ;;
    --maps) maps=yes; shift ;;
    *) sed -n '2,/^set /{/^# \{0,1\}/s///p}' "${BASH_SOURCE[0]}"; exit 2 ;;
  esac
done

readonly goal_resident_kib=$((16 * 1024))
readonly goal_dirty_kib=$((3 * 1024))
readonly settle_s=120 # until then caches and the allocator fill
readonly sample_every_s=10

# shellcheck source=tests/bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
use_build "$build"

start_sink 0 0
cat >"$work/holdfast.toml" <<TOML
[agent]
  interval = "10s"
  flush_interval = "10s"
[buffer]
  path = "$work/ring"
[status]
  listen = ""
  socket = "$work/status.sock"
[[outputs.influxdb]]
  urls = ["http://127.0.0.1:$sink_port"]
  database = "bench"
[[inputs.cpu]]
[[inputs.disk]]
[[inputs.diskio]]
[[inputs.kernel]]
[[inputs.mem]]
[[inputs.net]]
[[inputs.processes]]
[[inputs.swap]]
[[inputs.system]]
TOML
start_agent
kill -0 "$agent_pid" || die "the agent has ended"

sample() { # appends: seconds, resident KiB, private dirty KiB, descriptors, CPU seconds
  local descriptors=("/proc/$agent_pid/fd/"*)
  echo "$1 $(memory_kib VmRSS "$agent_pid") $(private_dirty_kib "$agent_pid") ${#descriptors[@]} $(cpu_seconds "$agent_pid")" \
    >>"$work/samples"
}

printf '%8s %13s %18s %5s %12s\n' minute 'resident KiB' 'private dirty KiB' fds 'CPU seconds'
begin=$SECONDS
while ((SECONDS - begin < minutes * 60)); do
  next=$(((SECONDS - begin) / sample_every_s * sample_every_s + sample_every_s))
  sleep $((begin + next - SECONDS))
  kill -0 "$agent_pid" || die "the agent has ended"
  sample "$next"
  if ((next % 60 == 0)); then
    tail -n 1 "$work/samples" |
      awk '{ printf "%8d %13d %18d %5d %12.2f\n", $1 / 60, $2, $3, $4, $5 }'
  fi
done

if [[ $maps == yes ]]; then
  echo
  echo "where it is (KiB resident, private dirty):"
  awk '
    /^[0-9a-f]+-[0-9a-f]+ / {
      name = $6 == "" ? "[anonymous]" : $6
      sub(/.*\//, "", name)
      sub(/^\[stack.*/, "[stack]", name)
    }
    /^Rss:/ { resident[name] += $2 }
    /^Private_Dirty:/ { dirty[name] += $2 }
    END { for (name in resident) printf "  %6d %6d  %s\n", resident[name], dirty[name], name }
  ' "/proc/$agent_pid/smaps" | sort -rn
fi

agent_status
awk -v settle="$settle_s" -v goal_resident="$goal_resident_kib" -v goal_dirty="$goal_dirty_kib" \
  -v syncs="$(json_number syncs "$work/status.json")" \
  -v written="$(json_number bytes_written "$work/status.json")" \
  -v delivered="$(json_number delivered "$work/status.json")" '
  function slope(sum_x, sum_y, sum_xx, sum_xy, n) {
    return n > 1 ? (n * sum_xy - sum_x * sum_y) / (n * sum_xx - sum_x * sum_x) : 0
  }
  function verdict(good) { return good ? "met" : "MISSED" }
  { resident = $2; dirty = $3; seconds = $1; cpu = $5 }
  NR == 1 { first_cpu = $5; first_s = $1 }
  $1 >= settle {
    x = $1 / 3600; n++; sx += x; sxx += x * x
    sr += $2; sxr += x * $2; sd += $3; sxd += x * $3
    if ($2 < low || n == 1) low = $2
    if ($2 > high) high = $2
  }
  END {
    hours = seconds / 3600
    printf "\nresident              %d KiB   goal %d: %s\n", resident, goal_resident,
           verdict(resident <= goal_resident)
    printf "private dirty         %d KiB   goal %d: %s\n", dirty, goal_dirty,
           verdict(dirty <= goal_dirty)
    if (n > 1) {
      # What one page more or less between the first and the last sample would make of it.
      step = 4 / ((n - 1) * 10 / 3600)
      rise = slope(sx, sr, sxx, sxr, n)
      dirty_rise = slope(sx, sd, sxx, sxd, n)
      printf "slope, resident       %+.0f KiB an hour over %d samples (between %d and %d)   goal 0: %s\n",
             rise, n, low, high, verdict(rise <= step)
      printf "slope, private dirty  %+.0f KiB an hour   goal 0: %s\n", dirty_rise, verdict(dirty_rise <= step)
    } else {
      print "slope                 too short to say: two minutes pass before samples count"
    }
    if (seconds > first_s)
      printf "CPU                   %.1f seconds an hour\n", (cpu - first_cpu) / (seconds - first_s) * 3600
    printf "syncs                 %d (%.0f an hour)\n", syncs, syncs / hours
    printf "written to the ring   %d bytes (%.0f an hour)\n", written, written / hours
    printf "points delivered      %d\n", delivered
  }' "$work/samples"
