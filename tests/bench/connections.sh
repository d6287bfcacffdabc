#!/usr/bin/env bash
# What connections cost: one busy connection, then 10 busy ones beside many that are open and idle.
# Prints memory of the agent and points a second for both, and the difference.
#
#   tests/bench/connections.sh [options]
#     --idle N           idle connections (1000)
#     --points N         points to feed in each of the two parts (1000000)
#     --tls              the idle ones speak TLS (a certificate is made by openssl)
#     --build DIR        a build directory (build/release, by the preset)
#
# Exit status 0 only if every point arrived and every idle connection was held.
set -euo pipefail

idle=1000
points=1000000
tls=''
build=''
while [[ $# -gt 0 ]]; do
  case $1 in
    --idle | --points)
      [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || { echo "$1 needs a number" >&2; exit 2; }
      printf -v "${1#--}" %s "$2"; shift 2 ;;
    --build) build=${2:?$1 needs a value}; shift 2 ;;
    --tls) tls=tls; shift ;;
    *) sed -n '2,/^set /{/^# \{0,1\}/s///p}' "${BASH_SOURCE[0]}"; exit 2 ;;
  esac
done

# shellcheck source=tests/bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
use_build "$build"
ulimit -n $((idle + 200)) || die "no more open files are allowed here"

make_certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
    -subj /CN=localhost -keyout "$work/key.pem" -out "$work/cert.pem" 2>"$work/openssl.log" ||
    die "openssl failed: $(<"$work/openssl.log")"
}

write_config() {
  cat >"$work/holdfast.toml" <<TOML
[agent]
  hostname = "server-0017"
  flush_interval = "1s"
[buffer]
  path = "$work/ring"
  size = "64MiB"
[status]
  listen = ""
  socket = "$work/status.sock"
[[inputs.influxdb_listener]]
  alias = "busy"
  service_address = "127.0.0.1:0"
[[inputs.influxdb_listener]]
  alias = "idle"
  service_address = "127.0.0.1:0"
  read_timeout = "1h"
  max_connections = $((idle + 10))
  ${tls:+tls_cert = \"$work/cert.pem\"
  tls_key = \"$work/key.pem\"}
[[outputs.influxdb]]
  urls = ["http://127.0.0.1:$sink_port"]
  database = "bench"
  skip_database_creation = true
TOML
}

port_of() { # <alias>
  sed -n "s/.*$1.*listening on .*(port \([0-9]*\)).*/\1/p" "$work/agent.log"
}

pss_kib() { awk '/^Pss:/ { print $2 }' "/proc/$agent_pid/smaps_rollup"; }

arrived() {
  kill -0 "$agent_pid" || die "the agent has ended"
  sink_report
  (($(value_of distinct "$work/report") >= points))
}

holder_pid=''
hold_idle() {
  mkfifo "$work/hold.in"
  python3 "$bench_dir/hold_connections.py" "$(port_of idle)" "$idle" $tls \
    <"$work/hold.in" >"$work/hold.out" 2>&1 &
  holder_pid=$!
  exec 4>"$work/hold.in"
  wait_for 120 "opening the idle connections" grep -q "^held $idle\$" "$work/hold.out"
}

# part <name> <busy connections> <idle connections>
part() {
  start_sink 0 "$points"
  write_config
  start_agent
  (($3 == 0)) || hold_idle
  local resting
  resting=$(memory_kib VmRSS "$agent_pid")
  "$feed" --port "$(port_of busy)" --points "$points" --lines 1000 --connections "$2" \
    >"$work/feed.out" || die "feeding failed: $(tr '\n' ' ' <"$work/feed.out")"
  rss[$1]=$(memory_kib VmRSS "$agent_pid")
  pss[$1]=$(pss_kib)
  wait_for 120 "the arrival of all points" arrived
  printf '%-5s %4s busy, %4s idle: %9s KiB before, %6s KiB resident, %6s KiB Pss, %8s points a second\n' \
    "$1" "$2" "$3" "$resting" "${rss[$1]}" "${pss[$1]}" \
    "$(calculate "$points / $(value_of seconds "$work/feed.out")" 0)"
  [[ -z $holder_pid ]] || kill -0 "$holder_pid" || die "the idle connections were not held"
  stop_process "$agent_pid"
  stop_process "$sink_pid"
  agent_pid='' sink_pid=''
  rm -f "$work/ring" "$work/status.sock"
}

declare -A rss pss
[[ -z $tls ]] || make_certificate
part one 1 0
part many 10 "$idle"
exec 4>&-
wait "$holder_pid" || true
printf 'more for %s idle and 9 busy connections: %s KiB resident, %s KiB Pss\n' "$idle" \
  $((rss[many] - rss[one])) $((pss[many] - pss[one]))
