#!/usr/bin/env bash
# What the agent costs while it does its usual work: the nine host inputs every 10 s, delivered to a
# server that takes everything. Prints a line a minute, then memory, its slope, CPU and writes.
#
#   tests/bench/idle.sh [options]
#     --minutes N    how long (10)
#     --interval T   between gathers (10s; 1s with --wide)
#     --wide         the host has 256 cpus and 1000 network interfaces: files of bench_host
#     --peer NAME    at the same time, another agent that gathers about the same: collectd (Debian's
#                    packages collectd-core and libyajl2); not with --wide
#     --build DIR    a build directory (build/release, by the preset)
#     --maps         at the end, where holdfast's memory is: by file and kind of mapping
#
# Exit status 0 unless an agent ended before its time; goals that are missed are said, no more.
set -euo pipefail

minutes=10
interval=''
wide=no
peer=''
build=''
maps=no
while [[ $# -gt 0 ]]; do
  case $1 in
    --minutes)
      [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || { echo "$1 needs a number" >&2; exit 2; }
      minutes=$2; shift 2 ;;
    --interval)
      [[ ${2:-} =~ ^[1-9][0-9]*s$ ]] || { echo "$1 needs seconds, as 10s" >&2; exit 2; }
      interval=$2; shift 2 ;;
    --peer | --build) printf -v "${1#--}" %s "${2:?$1 needs a value}"; shift 2 ;;
    --wide) wide=yes; shift ;;
    --maps) maps=yes; shift ;;
    *) sed -n '2,/^set /{/^# \{0,1\}/s///p}' "${BASH_SOURCE[0]}"; exit 2 ;;
  esac
done
# Goals; empty: none. CPU in seconds an hour, which depends on the interval.
goal_resident_kib=$((14 * 1024))
goal_dirty_kib=$((3 * 1024))
goal_cpu=1.2
if [[ $wide == yes ]]; then
  goal_resident_kib=''
  goal_dirty_kib=''
  goal_cpu=36
fi
if [[ -n $interval ]]; then
  goal_cpu=''
elif [[ $wide == yes ]]; then
  interval=1s
else
  interval=10s
fi
readonly settle_s=120 # until then caches and the allocator fill
readonly sample_every_s=10

# shellcheck source=tests/bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
case $peer in
  '') ;;
  collectd)
    if ! command -v collectd >/dev/null || ! ldconfig -p | grep 'libyajl\.so\.2 ' >/dev/null; then
      die "collectd is missing: apt-get install collectd-core libyajl2"
    fi
    [[ $wide == no ]] || die "collectd reads the real host only" ;;
  *) die "there is no peer called $peer" ;;
esac
use_build "$build"

host_pid=''
peer_pid=''
stop_the_rest() {
  stop_process "$host_pid"
  stop_process "$peer_pid"
  stop_all
}
trap stop_the_rest EXIT
trap 'stop_the_rest; exit 130' INT TERM

# Links what a folder of the real host has and the wide one has not.
link_rest() { # <real> <wide>
  local file
  for file in "$1"/*; do
    [[ -e $2/${file##*/} ]] || ln -s "$file" "$2/"
  done
}

start_wide_host() {
  cmake --build "$build_dir" --target bench_host >&2
  "$build_dir/tests/bench/bench_host" --folder "$work/host" >"$work/host.out" &
  host_pid=$!
  wait_for 30 "the wide host" grep -q '^ready' "$work/host.out"
  link_rest /proc "$work/host/proc"
  link_rest /sys "$work/host/sys"
  link_rest /sys/class "$work/host/sys/class"
  export HOST_PROC=$work/host/proc HOST_SYS=$work/host/sys
}

start_collectd() {
  cat >"$work/collectd.conf" <<CONF
FQDNLookup false
Hostname "bench"
Interval ${interval%s}
BaseDir "$work"
PIDFile "$work/collectd.pid"
TypesDB "/usr/share/collectd/types.db"
LoadPlugin cpu
LoadPlugin df
LoadPlugin disk
LoadPlugin interface
LoadPlugin load
LoadPlugin memory
LoadPlugin processes
LoadPlugin swap
LoadPlugin uptime
LoadPlugin write_http
<Plugin write_http>
  <Node "bench">
    URL "http://127.0.0.1:$sink_port/collectd"
    Format "JSON"
  </Node>
</Plugin>
CONF
  collectd -f -C "$work/collectd.conf" >"$work/collectd.log" 2>&1 &
  peer_pid=$!
}

start_sink 0 0
cat >"$work/holdfast.toml" <<TOML
[agent]
  interval = "$interval"
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
[[ $wide == no ]] || start_wide_host
start_agent
[[ -z $peer ]] || "start_$peer"
declare -A pids=([holdfast]=$agent_pid)
[[ -z $peer ]] || pids[$peer]=$peer_pid

check_agents() {
  kill -0 "$agent_pid" || die "holdfast has ended"
  [[ -z $peer ]] || kill -0 "$peer_pid" || die "$peer has ended: $(tail -n 3 "$work/$peer.log")"
}

# Appends to $work/samples.NAME: seconds, resident KiB, private dirty KiB, descriptors, CPU seconds.
sample() { # <seconds>
  local name pid
  for name in "${!pids[@]}"; do
    pid=${pids[$name]}
    local descriptors=("/proc/$pid/fd/"*)
    echo "$1 $(memory_kib VmRSS "$pid") $(private_dirty_kib "$pid") ${#descriptors[@]} $(cpu_seconds "$pid")" \
      >>"$work/samples.$name"
  done
}

check_agents
printf '%8s %-10s %13s %18s %5s %12s\n' minute '' 'resident KiB' 'private dirty KiB' fds 'CPU seconds'
begin=$SECONDS
while ((SECONDS - begin < minutes * 60)); do
  next=$(((SECONDS - begin) / sample_every_s * sample_every_s + sample_every_s))
  sleep $((begin + next - SECONDS))
  check_agents
  sample "$next"
  ((next % 60 == 0)) || continue
  for name in holdfast $peer; do
    tail -n 1 "$work/samples.$name" | awk -v name="$name" \
      '{ printf "%8d %-10s %13d %18d %5d %12.2f\n", $1 / 60, name, $2, $3, $4, $5 }'
  done
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

summary() { # <name>
  printf '\n%s\n' "$1"
  awk -v settle="$settle_s" -v goal_resident="$goal_resident_kib" -v goal_dirty="$goal_dirty_kib" \
    -v goal_cpu="$goal_cpu" -v has_goals="$([[ $1 != holdfast ]] || echo 1)" '
    function slope(sum_x, sum_y, sum_xx, sum_xy, n) {
      return n > 1 ? (n * sum_xy - sum_x * sum_y) / (n * sum_xx - sum_x * sum_x) : 0
    }
    function goal(value, met) {
      return has_goals && value != "" ? sprintf("   goal %s: %s", value, met ? "met" : "MISSED") : ""
    }
    { resident = $2; dirty = $3; seconds = $1; cpu = $5 }
    NR == 1 { first_cpu = $5; first_s = $1 }
    $1 >= settle {
      x = $1 / 3600; n++; sx += x; sxx += x * x
      sr += $2; sxr += x * $2; sd += $3; sxd += x * $3
      if ($2 < low || n == 1) low = $2
      if ($2 > high) high = $2
    }
    END {
      printf "resident              %d KiB%s\n", resident,
             goal(goal_resident, resident <= goal_resident)
      printf "private dirty         %d KiB%s\n", dirty, goal(goal_dirty, dirty <= goal_dirty)
      if (n > 1) {
        # What one page more or less between the first and the last sample would make of it.
        step = 4 / ((n - 1) * 10 / 3600)
        rise = slope(sx, sr, sxx, sxr, n)
        dirty_rise = slope(sx, sd, sxx, sxd, n)
        printf "slope, resident       %+.0f KiB an hour over %d samples (between %d and %d)%s\n",
               rise, n, low, high, goal(0, rise <= step)
        printf "slope, private dirty  %+.0f KiB an hour%s\n", dirty_rise, goal(0, dirty_rise <= step)
      } else {
        print "slope                 too short to say: two minutes pass before samples count"
      }
      if (seconds > first_s) {
        an_hour = (cpu - first_cpu) / (seconds - first_s) * 3600
        printf "CPU                   %.1f seconds an hour%s\n", an_hour,
               goal(goal_cpu, an_hour <= goal_cpu)
      }
    }' "$work/samples.$1"
}

summary holdfast
agent_status
awk -v hours="$(calculate "$minutes / 60" 6)" \
  -v syncs="$(json_number syncs "$work/status.json")" \
  -v written="$(json_number bytes_written "$work/status.json")" \
  -v delivered="$(json_number delivered "$work/status.json")" 'BEGIN {
    printf "syncs                 %d (%.0f an hour)\n", syncs, syncs / hours
    printf "written to the ring   %d bytes (%.0f an hour)\n", written, written / hours
    printf "points delivered      %d\n", delivered
  }'
if [[ -n $peer ]]; then
  summary "$peer"
  sink_report
  echo "requests              $(value_of other_requests "$work/report")"
fi
