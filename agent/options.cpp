// Declarations of the agent's options. Names and meanings of [agent] and of the inputs' common
// options follow Telegraf; [buffer] and [status] are ours.
#include "agent/options.h"

namespace holdfast::agent {

using config::Rules;
using config::Schema;

namespace {

// Options of Telegraf that are accepted because its files have them.
Schema<AgentOptions> with_ineffective(Schema<AgentOptions> schema) {
  using O = AgentOptions;
  constexpr std::string_view kNoProcessors = "there are no processors";
  constexpr std::string_view kInRing = "points are kept in the ring on disk, see [buffer]";
  return std::move(schema)
      .option("logtarget", &O::logtarget, "Where the log goes.",
              Rules{.choices = {"", "file", "stderr"},
                    .no_effect = "the log goes to `logfile`, or to stderr if there is none"})
      .option("snmp_translator", &O::snmp_translator, "How names of SNMP are resolved.",
              Rules{.choices = {"netsnmp", "gosmi"}, .no_effect = "no input speaks SNMP"})
      .option("statefile", &O::statefile, "File for the state of plugins.",
              Rules{.no_effect = "what must outlive a restart is in the ring and beside it"})
      .option("skip_processors_before_aggregators", &O::skip_processors_before_aggregators,
              "Leave out the processors before aggregators.", Rules{.no_effect = kNoProcessors})
      .option("skip_processors_after_aggregators", &O::skip_processors_after_aggregators,
              "Leave out the processors after aggregators.", Rules{.no_effect = kNoProcessors})
      .option("buffer_strategy", &O::buffer_strategy, "Where points wait for their output.",
              Rules{.choices = {"memory", "disk", "disk_write_through"}, .no_effect = kInRing})
      .option("buffer_directory", &O::buffer_directory, "Directory of buffers on disk.",
              Rules{.no_effect = "the ring's place is `path` in [buffer]"})
      .option("buffer_disk_sync", &O::buffer_disk_sync, "Sync each write to a buffer on disk.",
              Rules{.no_effect = "`sync` in [buffer] says when the ring is synced"})
      .option("flush_buffer_when_full", &O::flush_buffer_when_full, "Send full batches at once.",
              Rules{.no_effect = "full batches always go at once"})
      .option("utc", &O::utc, "Times in UTC.", Rules{.no_effect = "points always have UTC"});
}

}  // namespace

const Schema<AgentOptions>& agent_schema() {
  using O = AgentOptions;
  static const auto schema = with_ineffective(
      Schema<O>{}
          .option("interval", &O::interval, "Time between two gathers of an input.",
                  Rules{.min = 0.001})
          .option("round_interval", &O::round_interval,
                  "Align gathers to multiples of the interval (:00, :10, :20...).")
          .option("collection_jitter", &O::collection_jitter,
                  "Delay each gather by a random time up to this.")
          .option("collection_offset", &O::collection_offset,
                  "Shift the schedule of gathers by this.")
          .option("precision", &O::precision,
                  "Round timestamps to this; 0s follows the interval, 1s at the coarsest.")
          .option("flush_interval", &O::flush_interval,
                  "Send what is there at least this often; full batches go at once.",
                  Rules{.min = 0.001})
          .option("flush_jitter", &O::flush_jitter, "Add a random time up to this to each flush.")
          .option("metric_batch_size", &O::metric_batch_size,
                  "Most points in one request; 0 stands for 5000.", Rules{.min = 0, .max = 1e6})
          .option("metric_buffer_limit", &O::metric_buffer_limit,
                  "Points an output may keep in memory.",
                  Rules{.no_effect = "the backlog lies in the ring, bounded by [buffer] size"})
          .option("shutdown_timeout", &O::shutdown_timeout,
                  "At stop: time for the last gathers and the last flush.")
          .option("hostname", &O::hostname, "Value of the host tag; empty: the system's name.")
          .option("omit_hostname", &O::omit_hostname, "Do not add the host tag.")
          .option("always_include_local_tags", &O::always_include_local_tags,
                  "Tags of an input's `tags` table stay, whatever its taginclude and tagexclude "
                  "say.")
          .option("always_include_global_tags", &O::always_include_global_tags,
                  "The same for global tags and `host`.")
          .option("debug", &O::debug, "Log at level debug.")
          .option("quiet", &O::quiet, "Log errors only.")
          .option("logfile", &O::logfile,
                  "File that the log goes to, its directory made if missing; empty: stderr.")
          .option("logfile_rotation_interval", &O::logfile_rotation_interval,
                  "Begin a new log file when it is this old; 0: never.")
          .option("logfile_rotation_max_size", &O::logfile_rotation_max_size,
                  "Begin a new log file when it is this large; 0: never.")
          .option("logfile_rotation_max_archives", &O::logfile_rotation_max_archives,
                  "Log files of before that are kept; -1: all.", Rules{.min = -1})
          .option("logformat", &O::logformat, "Form of log lines; structured: JSON.",
                  Rules{.choices = {"text", "structured"}})
          .option("log_with_timezone", &O::log_with_timezone,
                  "Zone of the times in the log: local, or a name as Europe/Berlin; empty: UTC.")
          .option("structured_log_message_key", &O::structured_log_message_key,
                  "Key of the message in structured log lines.")
          .option("config_url_retry_attempts", &O::config_url_retry_attempts,
                  "How often to ask for a configuration behind a URL that a later --config names; "
                  "0: three times, -1: without end.",
                  Rules{.min = -1}));
  return schema;
}

const Schema<BufferOptions>& buffer_schema() {
  using O = BufferOptions;
  static const auto schema =
      Schema<O>{}
          .option("path", &O::path,
                  "The ring file; empty: $STATE_DIRECTORY/ring, else "
                  "$XDG_STATE_HOME/holdfast/ring, else ~/.local/state/holdfast/ring.")
          .option("size", &O::size,
                  "Size of the ring file, reserved at the start. After a change the next start "
                  "copies the backlog into a file of the new size.",
                  Rules{.min = 1 << 20})
          .option("sync", &O::sync,
                  "When blocks are made durable against a power cut: every sync_interval, always "
                  "(before a listener answers), or never (left to the kernel).",
                  Rules{.choices = {"interval", "always", "never"}})
          .option("sync_interval", &O::sync_interval,
                  "Time between two syncs, each skipped when nothing is new.", Rules{.min = 0.01})
          .option("mode", &O::mode,
                  "durable: every block is written at once. spill: gathered points wait in memory "
                  "and are written only when an output falls behind.",
                  Rules{.choices = {"durable", "spill"}})
          .option("spill_after", &O::spill_after,
                  "mode = \"spill\": points that some output has not taken for so long are "
                  "written; what "
                  "a crash may cost.",
                  Rules{.min = 1})
          .option("overflow", &O::overflow,
                  "When the ring is full: drop the oldest points, or refuse new ones (listeners "
                  "answer 503).",
                  Rules{.choices = {"drop_oldest", "refuse_new"}})
          .option("max_age", &O::max_age,
                  "Points stored longer ago are dropped instead of sent; 0: never too old.")
          .option(
              "compression", &O::compression,
              "Who compresses: isal is fast, zlib is everywhere, auto is isal up to level 3 and "
              "libdeflate above. Small blocks that come seldom take zlib's best with a dictionary, "
              "but for isal. none stores the lines as they are and compresses each time they are "
              "sent.",
              Rules{.choices = {"auto", "zlib", "isal", "none"}})
          .option("compression_level", &O::compression_level,
                  "1 costs least CPU, 9 stores and sends the fewest bytes; isal has 1, and 2 for "
                  "all above.",
                  Rules{.min = 1, .max = 9});
  return schema;
}

const Schema<StatusOptions>& status_schema() {
  using O = StatusOptions;
  static const auto schema =
      Schema<O>{}
          .option("listen", &O::listen,
                  "Address of /status.json and /health over HTTP; empty: off.")
          .option("socket", &O::socket,
                  "Unix socket that `holdfast status` asks; empty: $RUNTIME_DIRECTORY/status.sock, "
                  "else beside the ring.");
  return schema;
}

const Schema<InputOptions>& input_schema() {
  using O = InputOptions;
  static const auto schema =
      Schema<O>{}
          .option("alias", &O::alias, "Name of this instance, in logs and status.")
          .option("interval", &O::interval, "In place of the agent's interval.",
                  Rules{.min = 0.001})
          .option("precision", &O::precision, "In place of the agent's precision.")
          .option("collection_jitter", &O::collection_jitter, "In place of the agent's.")
          .option("collection_offset", &O::collection_offset, "In place of the agent's.")
          .option("name_override", &O::name_override, "Another name for the measurement.")
          .option("name_prefix", &O::name_prefix, "Put before the measurement's name.")
          .option("name_suffix", &O::name_suffix, "Put after the measurement's name.")
          .option("tags", &O::tags, "Tags to add to each point that does not have them.")
          .option("time_source", &O::time_source,
                  "Time of the points: their own, or when the gather began or was done.",
                  Rules{.choices = {"metric", "collection_start", "collection_end"}})
          .option("startup_error_behavior", &O::startup_error_behavior,
                  "If a listener cannot start: error ends the agent, retry tries again at each "
                  "interval, ignore and probe go on without this input.",
                  Rules{.choices = {"error", "retry", "ignore", "probe"}})
          .option("log_level", &O::log_level,
                  "Level of this input's log lines; empty: the agent's.",
                  Rules{.choices = {"", "error", "warn", "info", "debug", "trace"}})
          .option("labels", &O::labels, "What --select chooses by.");
  return schema;
}

}  // namespace holdfast::agent
