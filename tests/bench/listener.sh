#!/usr/bin/env bash
# The main path under load: numbered points into influxdb_listener, through the ring, to a server
# that counts them. Prints what a million points cost.
#
#   tests/bench/listener.sh [options]
#     --points N         points to feed (2000000)
#     --lines N          lines of 105 bytes in one POST (5000)
#     --connections N    kept-alive connections that feed (4)
#     --outage           the server comes up after the last point: memory meanwhile, cost to drain
#     --runs N           so many times, then the medians (1)
#     --ring SIZE        size of the ring (64MiB; 512MiB with --outage)
#     --level N          the ring's compression_level (the agent's default)
#     --build DIR        a build directory (build/release, by the preset)
#     --profile FILE     perf record of the agent (of the drain, with --outage)
#
# Exit status 0 only if every point arrived.
set -euo pipefail

points=2000000
lines=5000
connections=4
outage=no
runs=1
ring=''
level=''
build=''
profile=''
while [[ $# -gt 0 ]]; do
  case $1 in
    --points | --lines | --connections | --runs)
      [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || { echo "$1 needs a number" >&2; exit 2; }
      printf -v "${1#--}" %s "$2"; shift 2 ;;
    --ring | --level | --build | --profile)
      printf -v "${1#--}" %s "${2:?$1 needs a value}"; shift 2 ;;
    --outage) outage=yes; shift ;;
    *) sed -n '2,/^set /{/^# \{0,1\}/s///p}' "${BASH_SOURCE[0]}"; exit 2 ;;
  esac
done
if [[ -z $ring ]]; then
  ring=64MiB
  [[ $outage == no ]] || ring=512MiB
fi

# shellcheck source=tests/bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
use_build "$build"

write_config() {
  cat >"$work/holdfast.toml" <<TOML
[agent]
  hostname = "server-0017"
  flush_interval = "1s"
  metric_batch_size = 5000
[buffer]
  path = "$work/ring"
  size = "$ring"
  sync = "interval"
  ${level:+compression_level = $level}
[status]
  listen = ""
  socket = "$work/status.sock"
[[inputs.influxdb_listener]]
  service_address = "127.0.0.1:0"
[[outputs.influxdb]]
  urls = ["http://127.0.0.1:$sink_port"]
  database = "bench"
  skip_database_creation = true
TOML
}

profile_pid=''
start_profile() {
  [[ -n $profile ]] || return 0
  perf record --quiet --freq 999 --call-graph fp --pid "$agent_pid" --output "$profile" &
  profile_pid=$!
}
stop_profile() {
  [[ -n $profile_pid ]] || return 0
  kill -INT "$profile_pid"
  wait "$profile_pid" || true
  profile_pid=''
}

all_arrived() {
  kill -0 "$agent_pid" || die "the agent has ended"
  sink_report
  (($(value_of distinct "$work/report") >= points))
}

# Waits for the last point, unless none comes any more.
wait_for_points() {
  local last=-1 still=0 now
  until all_arrived; do
    now=$(value_of lines "$work/report")
    if [[ $now == "$last" ]]; then still=$((still + 1)); else still=0; fi
    last=$now
    # An output in backoff may rest for five minutes.
    ((still < 3200)) || return 0
    sleep 0.1
  done
}

result() { # <key> <value> <what it is>
  echo "$1 $2" >>"$work/results"
  printf '  %-34s %s\n' "$3" "$2"
}

per_million() { calculate "($1) / $points * 1000000" 3; }

feed_points() {
  local port
  port=$(sed -n 's/.*listening on .*(port \([0-9]*\)).*/\1/p' "$work/agent.log")
  "$feed" --port "$port" --points "$points" --lines "$lines" --connections "$connections" \
    >"$work/feed.out" || die "feeding failed: $(tr '\n' ' ' <"$work/feed.out")"
}

report_delivery() {
  agent_status
  local written sent distinct
  written=$(json_number bytes_written "$work/status.json")
  sent=$(json_number bytes_sent "$work/status.json")
  distinct=$(value_of distinct "$work/report")
  result disk "$(calculate "$written / $points")" "bytes a point on disk"
  result wire "$(calculate "$sent / $points")" "bytes a point on the wire"
  result raw "$(calculate "$(value_of raw_bytes "$work/report") / $points")" "bytes a point inflated"
  result syncs "$(json_number syncs "$work/status.json")" "syncs"
  result busy "$(grep -c '^status_5' "$work/feed.out" || true)" "kinds of 5xx answers to the feeder"
  result lost "$(($(value_of acknowledged "$work/feed.out") - distinct))" "lost"
  result duplicates "$(value_of duplicates "$work/report")" "duplicates"
  result bad_bodies "$(value_of bad_bodies "$work/report")" "bodies that are not one gzip member"
}

run_steady() {
  local before after
  start_sink 0 "$points"
  write_config
  start_agent
  start_profile
  before=$(cpu_seconds "$agent_pid")
  feed_points
  wait_for_points
  after=$(cpu_seconds "$agent_pid")
  stop_profile
  result cpu "$(per_million "$after - $before")" "CPU seconds a million points"
  result rate "$(calculate "$points / ($(value_of last_s "$work/report") - $(value_of started_s "$work/feed.out"))" 0)" \
    "points a second, fed to delivered"
  result peak "$(memory_kib VmHWM "$agent_pid")" "peak resident memory, KiB"
  report_delivery
}

run_outage() {
  local before fed after
  start_sink 0 "$points"
  stop_process "$sink_pid" # its port is known now, and nobody listens there
  write_config
  start_agent
  before=$(cpu_seconds "$agent_pid")
  feed_points
  fed=$(cpu_seconds "$agent_pid")
  result cpu_in "$(per_million "$fed - $before")" "CPU seconds a million points, in"
  result rate_in "$(calculate "$points / $(value_of seconds "$work/feed.out")" 0)" "points a second, in"
  result rss_outage "$(memory_kib VmRSS "$agent_pid")" "resident memory in the outage, KiB"
  result dirty_outage "$(private_dirty_kib "$agent_pid")" "private dirty in the outage, KiB"
  result peak_in "$(memory_kib VmHWM "$agent_pid")" "peak resident memory, in, KiB"
  reset_peak "$agent_pid"
  start_profile
  fed=$(cpu_seconds "$agent_pid")
  start_sink "$sink_port" "$points"
  wait_for_points
  after=$(cpu_seconds "$agent_pid")
  stop_profile
  result cpu_drain "$(per_million "$after - $fed")" "CPU seconds a million points, drain"
  result rate_drain "$(calculate "$points / ($(value_of last_s "$work/report") - $(value_of first_s "$work/report") + 0.001)" 0)" \
    "points a second, drain"
  result peak_drain "$(memory_kib VmHWM "$agent_pid")" "peak resident memory, drain, KiB"
  report_delivery
}

median() { sort -g | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'; }

for ((run = 1; run <= runs; ++run)); do
  echo "run $run of $runs: $points points, $lines a POST, $connections connections, ring $ring, outage: $outage"
  if [[ $outage == yes ]]; then run_outage; else run_steady; fi
  stop_process "$agent_pid"
  stop_process "$sink_pid"
  agent_pid=''
  sink_pid=''
  rm -f "$work/ring" "$work/status.sock"
done
if ((runs > 1)); then
  echo "medians of $runs runs:"
  cut -d' ' -f1 "$work/results" | awk '!seen[$0]++' | while read -r key; do
    printf '  %-34s %s\n' "$key" "$(sed -n "s/^$key //p" "$work/results" | median)"
  done
fi
! grep -qE '^(lost|bad_bodies) [^0]' "$work/results"
