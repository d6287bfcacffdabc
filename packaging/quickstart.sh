#!/usr/bin/env bash
# Builds holdfast and runs its main job: this machine's metrics, every second, through the ring on
# disk into an InfluxDB.
#
#   packaging/quickstart.sh                 a real InfluxDB is installed and run on loopback
#   HOLDFAST_URL=http://host:8086 …         your own InfluxDB instead (database $HOLDFAST_DATABASE,
#                                           default holdfast_quickstart; $HOLDFAST_USERNAME,
#                                           $HOLDFAST_PASSWORD)
#   packaging/quickstart.sh --seconds 20    stop by itself, compare the ledger with InfluxDB's count;
#                                           exit status 0 only if they agree
#   packaging/quickstart.sh --no-server     print line protocol to the terminal instead
#
# Ctrl-C stops everything that was started. Nothing is left behind but build/release.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=packaging/packages.sh
source "$root/packaging/packages.sh"

usage() { sed -n '2,14s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }
seconds=0
server=yes
while [[ $# -gt 0 ]]; do
  case $1 in
    --seconds) seconds=${2:?--seconds needs a number}; shift 2 ;;
    --no-server) server=no; shift ;;
    -h|--help) usage; exit 0 ;;
    *) echo "unknown argument: $1" >&2; usage >&2; exit 2 ;;
  esac
done
[[ $seconds =~ ^[0-9]+$ ]] || { echo "--seconds: '$seconds' is not a number" >&2; exit 2; }

needed=("${build_packages[@]}")
if [[ $server == yes ]]; then
  needed+=(curl)
  [[ -n ${HOLDFAST_URL:-} ]] || needed+=(influxdb)
fi
install_packages "${needed[@]}"

echo "building (the first time takes a few minutes)…" >&2
cmake -S "$root" --preset release -DHOLDFAST_TESTS=OFF >/dev/null
cmake --build "$root/build/release" --target holdfast >&2
holdfast=$root/build/release/holdfast

work=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-quickstart.XXXXXX")
agent_pid=''
influx_pid=''
finish() {
  trap - EXIT INT TERM
  [[ -z $agent_pid ]] || { kill -TERM "$agent_pid" 2>/dev/null && wait "$agent_pid" 2>/dev/null; } || true
  [[ -z $influx_pid ]] || { kill -TERM "$influx_pid" 2>/dev/null && kill -CONT "$influx_pid" && wait "$influx_pid" 2>/dev/null; } || true
  rm -rf "$work"
}
trap finish EXIT
trap 'finish; exit 130' INT TERM

# wait_for <what> <command>…: until the command succeeds, half a minute at most.
wait_for() {
  local what=$1 deadline=$((SECONDS + 30))
  shift
  until "$@" >/dev/null 2>&1; do
    if ((SECONDS >= deadline)); then
      echo "$what did not happen within 30 s" >&2
      [[ ! -f $work/influxd.log ]] || tail -n 5 "$work/influxd.log" >&2
      return 1
    fi
    sleep 0.1
  done
}

inputs='[[inputs.cpu]]
[[inputs.disk]]
  ignore_fs = ["tmpfs", "devtmpfs", "overlay", "squashfs", "iso9660"]
[[inputs.diskio]]
[[inputs.kernel]]
[[inputs.mem]]
[[inputs.net]]
[[inputs.processes]]
[[inputs.swap]]
[[inputs.system]]
'
agent_section='[agent]
  interval = "1s"
  precision = "1ms"
  flush_interval = "1s"
'

if [[ $server == no ]]; then
  printf '%s\n[buffer]\n  path = "%s/ring"\n  size = "1MiB"\n[status]\n  listen = ""\n%s[[outputs.file]]\n  files = ["stdout"]\n' \
    "$agent_section" "$work" "$inputs" >"$work/holdfast.toml"
  "$holdfast" --quiet run --config "$work/holdfast.toml" &
  agent_pid=$!
  if ((seconds > 0)); then
    sleep "$seconds"
    kill -0 "$agent_pid"
  else
    wait "$agent_pid"
  fi
  exit 0
fi

free_port() {
  # Two ports that nobody listens on right now.
  local port
  for _ in $(seq 50); do
    port=$((20000 + RANDOM % 20000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
  return 1
}

database=${HOLDFAST_DATABASE:-holdfast_quickstart}
url=${HOLDFAST_URL:-}
if [[ -z $url ]]; then
  port=$(free_port)
  rpc_port=$(free_port)
  url=http://127.0.0.1:$port
  cat >"$work/influxd.toml" <<TOML
reporting-disabled = true
bind-address = "127.0.0.1:$rpc_port"
[meta]
  dir = "$work/influx/meta"
[data]
  dir = "$work/influx/data"
  wal-dir = "$work/influx/wal"
[http]
  bind-address = "127.0.0.1:$port"
  log-enabled = false
[monitor]
  store-enabled = false
TOML
  influxd -config "$work/influxd.toml" >"$work/influxd.log" 2>&1 &
  influx_pid=$!
  wait_for "the start of InfluxDB" curl -fsS "$url/ping"
  echo "InfluxDB runs at $url (process $influx_pid)" >&2
fi

{
  printf '%s\n' "$agent_section"
  printf '[buffer]\n  path = "%s/ring"\n  size = "16MiB"\n[status]\n  listen = ""\n  socket = "%s/status.sock"\n' "$work" "$work"
  printf '[[outputs.influxdb]]\n  alias = "quickstart"\n  urls = ["%s"]\n  database = "%s"\n' "$url" "$database"
  [[ -z ${HOLDFAST_USERNAME:-} ]] || printf '  username = "${HOLDFAST_USERNAME}"\n'
  [[ -z ${HOLDFAST_PASSWORD:-} ]] || printf '  password = "${HOLDFAST_PASSWORD}"\n'
  # The host tag of this run alone, so that its points can be counted in a database that holds others.
  printf '[global_tags]\n  quickstart = "%s"\n%s' "${work##*.}" "$inputs"
} >"$work/holdfast.toml"

"$holdfast" run --config "$work/holdfast.toml" 2>"$work/agent.log" &
agent_pid=$!
wait_for "the start of holdfast" "$holdfast" status --config "$work/holdfast.toml" || {
  cat "$work/agent.log" >&2
  exit 1
}
echo "holdfast runs (process $agent_pid); its ring: $work/ring" >&2
if ((seconds == 0)); then
  if [[ -n $influx_pid ]]; then
    hint="in another terminal, kill -STOP $influx_pid takes the database away, kill -CONT $influx_pid brings it back"
  else
    hint="stop the database and start it again to see the ring fill and drain"
  fi
  while kill -0 "$agent_pid" 2>/dev/null; do
    [[ ! -t 1 ]] || printf '\033[H\033[2J'
    "$holdfast" status --config "$work/holdfast.toml" || true
    printf '%s; Ctrl-C ends\n' "$hint"
    sleep 1
  done
  cat "$work/agent.log" >&2
  exit 1
fi

for ((second = 0; second < seconds; ++second)); do
  sleep 1
  kill -0 "$agent_pid" 2>/dev/null || { cat "$work/agent.log" >&2; exit 1; }
  "$holdfast" status --config "$work/holdfast.toml" | sed -n 's/^output/output/p' || true
done
kill -TERM "$agent_pid"
wait "$agent_pid"
agent_pid=''

# The ledger as the ring file has it, not as the agent remembers it.
"$holdfast" buffer info "$work/ring"
ledger=$("$holdfast" buffer info "$work/ring" | sed -n 's/^reader quickstart: accepted \([0-9]*\) = delivered \([0-9]*\) .*/\1 \2/p')
read -r accepted delivered <<<"$ledger"

credentials=()
[[ -z ${HOLDFAST_USERNAME:-} ]] || credentials=(--user "$HOLDFAST_USERNAME:${HOLDFAST_PASSWORD:-}")
query() {
  curl -fsS "${credentials[@]}" -G "$url/query" --data-urlencode "db=$database" \
    --data-urlencode "q=$1" -H 'Accept: application/csv'
}
# Points of each measurement: the count of one field that each of its points has.
count_of() {
  local count
  count=$(query "SELECT count(\"$2\") FROM \"$1\" WHERE quickstart = '${work##*.}'" | tail -n 1 | cut -d, -f4)
  echo "${count:-0}"
}
total=0
missing=''
printf '\n%-12s %s\n' measurement "points in InfluxDB"
while read -r measurement field; do
  count=$(count_of "$measurement" "$field")
  [[ $count =~ ^[0-9]+$ ]] || count=0
  printf '%-12s %s\n' "$measurement" "$count"
  ((count > 0)) || missing+=" $measurement"
  total=$((total + count))
done <<'FIELDS'
cpu usage_idle
disk total
diskio reads
kernel boot_time
mem total
net bytes_recv
processes total
swap total
system load1
FIELDS
printf '%-12s %s\n\n' together "$total"
echo "ledger: accepted $accepted, delivered $delivered; InfluxDB has $total"
if [[ -n $missing ]]; then
  echo "no points of:$missing" >&2
  exit 1
fi
if [[ $accepted != "$delivered" || $delivered != "$total" ]]; then
  echo "they differ" >&2
  exit 1
fi
echo "they agree"
