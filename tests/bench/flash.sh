#!/usr/bin/env bash
# How many bytes reach the device: the nine host inputs every 10 s, with the ring on a file system
# of its own (ext4 in a loop device), whose device counts what is written to it. Needs root.
#
#   tests/bench/flash.sh [options]
#     --minutes N        how long (10)
#     --mode MODE        durable or spill (durable)
#     --outage           the server is away all the time
#     --build DIR        a build directory (build/release, by the preset)
set -euo pipefail

minutes=10
mode=durable
outage=no
build=''
while [[ $# -gt 0 ]]; do
  case $1 in
    --minutes)
      [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || { echo "$1 needs a number" >&2; exit 2; }
      minutes=$2; shift 2 ;;
    --mode)
      [[ ${2:-} =~ ^(durable|spill)$ ]] || { echo "$1 needs durable or spill" >&2; exit 2; }
      mode=$2; shift 2 ;;
    --outage) outage=yes; shift ;;
    --build) build=${2:?$1 needs a value}; shift 2 ;;
    *) sed -n '2,/^set /{/^# \{0,1\}/s///p}' "${BASH_SOURCE[0]}"; exit 2 ;;
  esac
done

# shellcheck source=tests/bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[[ $EUID -eq 0 ]] || die "needs root, for the loop device"
use_build "$build"

readonly image=$work/image mounted=$work/mounted
unmount() {
  stop_process "$agent_pid"
  agent_pid=''
  umount "$mounted" 2>/dev/null || true
  stop_all
}
trap unmount EXIT
truncate -s 256M "$image"
mkfs.ext4 -q -F "$image"
mkdir "$mounted"
mount -o loop "$image" "$mounted"
device=$(findmnt -n -o SOURCE "$mounted")
device=${device##*/}

start_sink 0 0
port=$sink_port
[[ $outage == no ]] || port=1
cat >"$work/holdfast.toml" <<TOML
[agent]
  interval = "10s"
  flush_interval = "10s"
[buffer]
  path = "$mounted/ring"
  mode = "$mode"
[status]
  listen = ""
  socket = "$work/status.sock"
[[outputs.influxdb]]
  urls = ["http://127.0.0.1:$port"]
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

sample() { # sets sectors, writes, bytes, syncs, points
  sectors=$(awk '{ print $7 }' "/sys/block/$device/stat")
  agent_status
  writes=$(json_number writes "$work/status.json")
  bytes=$(json_number bytes_written "$work/status.json")
  syncs=$(json_number syncs "$work/status.json")
  points=$(json_number accepted "$work/status.json")
  used=$(json_number used_bytes "$work/status.json")
}

# The file's first lap and the file system's own beginnings are not what it costs in the long run:
# every page of the ring is written once before.
head -c $((60 << 20)) /dev/zero >"$mounted/warm" && rm "$mounted/warm"
sync -f "$mounted"
sleep 15
sample
first=("$sectors" "$writes" "$bytes" "$syncs" "$points" "$used")
sleep $((minutes * 60))
kill -0 "$agent_pid" || die "the agent has ended"
sync -f "$mounted"
sample
awk -v minutes="$minutes" -v mode="$mode" -v outage="$outage" \
  -v sectors=$((sectors - first[0])) -v writes=$((writes - first[1])) \
  -v bytes=$((bytes - first[2])) -v syncs=$((syncs - first[3])) \
  -v points=$((points - first[4])) -v used=$((used - first[5])) '
  BEGIN {
    rounds = minutes * 6
    printf "mode %s, server away: %s, %d minutes, %d points in %d rounds\n", mode, outage, minutes, points, rounds
    if (outage == "yes" && points > 0)
      printf "stored in the ring       %.1f bytes a point   goal 85: %s\n", used / points,
             used / points <= 85 ? "met" : "MISSED"
    printf "written by the process   %.1f bytes a point, %d calls, %d bytes a round\n",
           points ? bytes / points : 0, writes, bytes / rounds
    device = sectors * 512
    goal = mode == "spill" && outage == "no" ? 0 : 3 * 4096 + 20 * 1024
    printf "reaching the device      %.1f bytes a point, %d bytes a round   goal %d: %s\n",
           points ? device / points : 0, device / rounds, goal, device / rounds <= goal ? "met" : "MISSED"
    printf "syncs                    %d (%.0f an hour)\n", syncs, syncs * 60 / minutes
  }'
