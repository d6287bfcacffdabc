# shellcheck shell=bash disable=SC2034,SC2154
# The agents that `pipeline` feeds, each as functions of one set of names. Sourced, after lib.sh.
#
#   NAME_check              ends the script if the agent is not there
#   NAME_version            one line
#   NAME_start              starts it (agent_pid), delivering to sink_port
#   NAME_port <producer>    where producer 0, 1, ... feeds; NAME_target: the path to post to
#   NAME_arrived            points that have arrived (of several outputs, at all of them)
#   NAME_progress           changes as long as anything arrives
#   NAME_began, NAME_finished <seconds since 1970>
#                           when the first and the last bytes arrived, if that is known better than
#                           by the time given
#   NAME_report             more results, of what arrived ($work/report is fresh)
#   NAME_clean              removes what it left on disk

# holdfast

holdfast_check() { :; }
holdfast_version() { version_of_build; }

holdfast_config() {
  cat <<TOML
[agent]
  hostname = "server-0017"
  flush_interval = "1s"
  metric_batch_size = 5000
[buffer]
  path = "$work/ring"
  size = "$ring"
  sync = "interval"
  ${level:+compression_level = $level}
  ${compression:+compression = \"$compression\"}
[status]
  listen = ""
  socket = "$work/status.sock"
TOML
  local i
  for ((i = 0; i < producers; ++i)); do
    cat <<TOML
[[inputs.influxdb_listener]]
  alias = "producer$i"
  service_address = "127.0.0.1:0"
  max_connections = $((connections + 16))
TOML
  done
  for ((i = 1; i <= outputs; ++i)); do
    cat <<TOML
[[outputs.influxdb]]
  alias = "output$i"
  urls = ["http://127.0.0.1:$sink_port"]
  database = "bench$i"
  skip_database_creation = true
TOML
  done
}

holdfast_start() {
  holdfast_config >"$work/holdfast.toml"
  start_agent
}
holdfast_port() {
  sed -n "s/.*producer$1.*listening on .*(port \([0-9]*\)).*/\1/p" "$work/agent.log"
}
holdfast_target() { echo "/write?db=bench"; }
holdfast_arrived() {
  sink_report
  value_of distinct "$work/report"
}
holdfast_progress() { value_of lines "$work/report"; }
holdfast_began() { value_of first_s "$work/report"; }
holdfast_finished() { value_of last_s "$work/report"; }

holdfast_report() {
  agent_status
  result disk "$(calculate "$(json_number bytes_written "$work/status.json") / $points")"
  result wire "$(calculate "$(value_of wire_bytes "$work/report") / $points / $outputs")"
  result raw "$(calculate "$(value_of raw_bytes "$work/report") / $points / $outputs")"
  result syncs "$(json_number syncs "$work/status.json")"
  result duplicates "$(value_of duplicates "$work/report")"
  result bad_bodies "$(value_of bad_bodies "$work/report")"
}

holdfast_clean() { rm -f "$work/ring" "$work/status.sock"; }

# vmagent: each field is a row of its own, sent as Prometheus remote write. The server takes it
# without looking into it, so vmagent's own account says how many rows were sent.

readonly fields_of_a_line=4

vmagent_check() {
  command -v vmagent >/dev/null || die "vmagent is missing: apt-get install victoria-metrics"
}
vmagent_version() { echo "vmagent $(dpkg-query -W -f='${Version}' victoria-metrics 2>/dev/null)"; }

vmagent_start() {
  local copies=() i
  for ((i = 1; i <= outputs; ++i)); do
    copies+=("-remoteWrite.url=http://127.0.0.1:$sink_port/api/v1/write$i")
  done
  vmagent -httpListenAddr=127.0.0.1:0 -remoteWrite.tmpDataPath="$work/vmagent" \
    -remoteWrite.flushInterval=1s -remoteWrite.label=host=server-0017 "${copies[@]}" \
    >"$work/agent.log" 2>&1 &
  agent_pid=$!
  wait_for 30 "the start of vmagent" vmagent_is_up
  vmagent_http_port=$(listening_port "$agent_pid")
}
vmagent_is_up() { [[ -n $(listening_port "$agent_pid") ]]; }
vmagent_port() { echo "$vmagent_http_port"; }
vmagent_target() { echo "/write?db=bench"; }

vmagent_metrics() { curl -sf "http://127.0.0.1:$vmagent_http_port/metrics" >"$work/metrics"; }
vmagent_sum() { # <metric>: of all its labels
  awk -v name="$1" '{ split($1, key, "{") } key[1] == name { sum += $2 } END { printf "%.0f", sum }' \
    "$work/metrics"
}

# Rows are counted when they are put into a block; they have arrived when no block is on its way.
vmagent_arrived() {
  vmagent_metrics || die "vmagent does not answer"
  local rows waiting
  rows=$(vmagent_sum vmagent_remotewrite_block_size_rows_sum)
  waiting=$(($(vmagent_sum vmagent_remotewrite_block_size_rows_count) - \
    $(vmagent_sum vmagent_remotewrite_blocks_sent_total)))
  if ((waiting > 0)); then echo 0; else echo $((rows / fields_of_a_line / outputs)); fi
}
vmagent_progress() { vmagent_sum vmagent_remotewrite_blocks_sent_total; }
vmagent_began() { echo "$1"; }
vmagent_finished() { echo "$1"; }

vmagent_report() {
  result disk "$(calculate "$(vmagent_sum vm_persistentqueue_bytes_written_total) / $points")"
  result wire "$(calculate "$(vmagent_sum vmagent_remotewrite_bytes_sent_total) / $points / $outputs")"
  result requests "$(value_of other_requests "$work/report")"
}

vmagent_clean() { rm -rf "$work/vmagent"; }
