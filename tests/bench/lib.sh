# shellcheck shell=bash disable=SC2034
# What the bench scripts share: building, starting and stopping processes, reading /proc. Sourced.
# Every process started here is stopped by its id when the script ends.

bench_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$bench_dir/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-bench.XXXXXX")
agent_pid=''
sink_pid=''
feed_pids=()
ticks_per_second=$(getconf CLK_TCK)

stop_process() { # <pid>: waits for its end; fine if it has ended
  [[ -n $1 ]] || return 0
  kill -TERM "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

stop_all() {
  trap - EXIT INT TERM
  local pid
  for pid in "${feed_pids[@]}"; do stop_process "$pid"; done
  stop_process "$agent_pid"
  stop_process "$sink_pid"
  rm -rf "$work"
}
trap stop_all EXIT
trap 'stop_all; exit 130' INT TERM

die() {
  echo "$*" >&2
  if [[ -s $work/agent.log ]]; then
    echo "the agent's last lines:" >&2
    tail -n 5 "$work/agent.log" >&2
  fi
  exit 1
}

# wait_for <seconds> <what> <command>…: until the command succeeds.
wait_for() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || die "$what did not happen in time"
    sleep 0.05
  done
}

# Sets build_dir (given; empty: build/release, made by the release preset), and holdfast, feed and
# sink to its programs, building them if need be.
use_build() {
  build_dir=${1:-$root/build/release}
  if [[ -z $1 ]]; then
    (cd "$root" && cmake --preset release -DHOLDFAST_TESTS=ON >/dev/null)
  fi
  cmake --build "$build_dir" --target holdfast bench_feed bench_sink >&2
  holdfast=$build_dir/holdfast
  feed=$build_dir/tests/bench/bench_feed
  sink=$build_dir/tests/bench/bench_sink
}

# The compiler and its flags, of the build directory in use, and the version of what it built.
build_description() {
  local cache=$build_dir/CMakeCache.txt type compiler
  type=$(sed -n 's/^CMAKE_BUILD_TYPE:[A-Z]*=//p' "$cache")
  compiler=$(sed -n 's/^CMAKE_CXX_COMPILER:[A-Z]*=//p' "$cache")
  echo "$("$compiler" --version | head -n 1), $(sed -n "s/^CMAKE_CXX_FLAGS_${type^^}:[A-Z]*=//p" "$cache")"
}
version_of_build() { "$holdfast" --version | head -n 1; }

value_of() { # <key> <file>: from lines `key value`
  sed -n "s/^$1 //p" "$2" | tail -n 1
}

json_number() { # <key> <file>: the first of that name in a pretty-printed document
  sed -n "s/^ *\"$1\": \([0-9]*\).*/\1/p" "$2" | head -n 1
}

# start_sink <port, 0 for any> <points to expect> [databases]: sets sink_pid and sink_port.
start_sink() {
  : >"$work/sink.out"
  "$sink" --port "$1" --points "$2" --databases "${3:-1}" >"$work/sink.out" 2>&1 &
  sink_pid=$!
  wait_for 10 "the start of the sink" grep -q '^port ' "$work/sink.out"
  sink_port=$(value_of port "$work/sink.out")
}

sink_report() { # writes what has arrived to $work/report
  exec 3<>"/dev/tcp/127.0.0.1/$sink_port"
  printf 'GET /report HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
  local line size=0
  while IFS= read -r line <&3 && line=${line%$'\r'} && [[ -n $line ]]; do
    [[ $line != Content-Length:* ]] || size=${line#*: }
  done
  head -c "$size" <&3 >"$work/report"
  exec 3>&-
}

start_agent() { # configuration: $work/holdfast.toml; its status socket: $work/status.sock
  "$holdfast" run --config "$work/holdfast.toml" 2>"$work/agent.log" &
  agent_pid=$!
  wait_for 30 "the start of holdfast" agent_is_up
  kill -0 "$agent_pid" || die "holdfast did not start"
}
agent_is_up() { [[ -S $work/status.sock ]] || ! kill -0 "$agent_pid"; }

agent_status() { # writes the status document to $work/status.json
  "$holdfast" status --json --config "$work/holdfast.toml" >"$work/status.json"
}

# CPU seconds a process has used so far, all its threads: "user system".
cpu_times() {
  local stat
  stat=$(<"/proc/$1/stat")
  # The name, in parentheses, may hold blanks. Behind it, utime and stime are words 12 and 13.
  awk -v hz="$ticks_per_second" '{ printf "%.2f %.2f\n", $12 / hz, $13 / hz }' <<<"${stat##*) }"
}

cpu_seconds() { cpu_times "$1" | awk '{ printf "%.2f\n", $1 + $2 }'; } # both together

# The port on 127.0.0.1 that a process listens on; empty if there is none yet.
listening_port() { # <pid>
  local sockets port
  sockets=$(find "/proc/$1/fd" -type l -printf '%l\n' | sed -n 's/^socket:\[\([0-9]*\)\]$/\1/p')
  port=$(awk -v sockets="$sockets" '
    BEGIN { count = split(sockets, list); for (i = 1; i <= count; i++) own[list[i]] = 1 }
    $4 == "0A" && ($10 in own) { split($2, address, ":"); print address[2]; exit }' /proc/net/tcp)
  [[ -z $port ]] || echo $((16#$port))
}

memory_kib() { # <key of /proc/PID/status: VmRSS, VmHWM, RssAnon…> <pid>
  awk -v key="$1:" '$1 == key { print $2 }' "/proc/$2/status"
}

private_dirty_kib() { awk '/^Private_Dirty:/ { print $2 }' "/proc/$1/smaps_rollup"; }

reset_peak() { echo 5 >"/proc/$1/clear_refs"; } # VmHWM begins anew

# Of numbers, one a line; of an even count the lower one.
median() { sort -g | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'; }

calculate() { awk "BEGIN { printf \"%.${2:-2}f\", $1 }"; } # <expression> [digits]
