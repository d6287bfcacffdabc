// The commands of the program. Each returns its exit status.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/selection.h"

namespace holdfast::agent {

// Exit statuses.
constexpr int kExitDone = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitConfiguration = 78;  // EX_CONFIG: systemd does not start it again

// Options of `buffer export` and `buffer trim`, as typed.
struct BufferArguments {
  std::string since, until;       // export
  std::string before, keep_last;  // trim
  std::string reader;
  bool gzip = false;
  bool pending = false;
  bool all = false;
  bool remove = false;
  bool dry_run = false;
};

// Options of `rejected …`, as typed.
struct RejectedArguments {
  std::vector<std::string> ids;
  std::string output;       // alias or reader; empty: all
  std::string older_than;   // purge
  std::uint64_t lines = 0;  // show, if limit_lines
  bool limit_lines = false;
  bool all = false;
};

// Options of `run` that say when the configuration is read anew, besides SIGHUP.
struct WatchArguments {
  std::string mode;  // "notify", "poll"; empty: not watched
  base::Duration interval{std::chrono::milliseconds(250)};
  base::Duration debounce{std::chrono::milliseconds(250)};
};

// What the command line says.
struct CommandLine {
  std::string command = "run";
  std::vector<std::string> config_files;
  std::vector<std::string> config_directories;
  std::vector<std::string> names;  // plugins, for `config sample`; categories, for `plugins`
  std::string file;                // for `buffer`, `config migrate`
  std::string log_format;          // empty: as [agent] says
  bool debug = false;
  bool quiet = false;
  bool json = false;
  bool watch = false;
  Selection selection;
  std::int64_t config_url_attempts = 0;  // 0: as [agent] says
  std::int64_t test_wait_seconds = 0;    // time for listeners, with `test` and `once`
  std::string pidfile;
  std::string usage;                 // the plugin that --usage names
  std::vector<std::string> remarks;  // about flags that have no effect; printed
  bool skip_unsupported = false;
  BufferArguments buffer;
  RejectedArguments rejected;
  WatchArguments watch_config;
};

[[nodiscard]] int run(const CommandLine& line);
[[nodiscard]] int check(const CommandLine& line);
[[nodiscard]] int test(const CommandLine& line);
[[nodiscard]] int once(const CommandLine& line);
[[nodiscard]] int status(const CommandLine& line);
[[nodiscard]] int buffer_info(const CommandLine& line);
[[nodiscard]] int buffer_verify(const CommandLine& line);
[[nodiscard]] int buffer_dump(const CommandLine& line);
[[nodiscard]] int buffer_export(const CommandLine& line);
[[nodiscard]] int buffer_trim(const CommandLine& line);
[[nodiscard]] int rejected_list(const CommandLine& line);
[[nodiscard]] int rejected_show(const CommandLine& line);
[[nodiscard]] int rejected_retry(const CommandLine& line);
[[nodiscard]] int rejected_purge(const CommandLine& line);
[[nodiscard]] int plugins(const CommandLine& line);
// Names of plugins, as --input-list and --output-list print them.
[[nodiscard]] int list_inputs(const CommandLine& line);
[[nodiscard]] int list_outputs(const CommandLine& line);
// The sample of one plugin.
[[nodiscard]] int usage(const CommandLine& line);
[[nodiscard]] int config_sample(const CommandLine& line);
[[nodiscard]] int config_migrate(const CommandLine& line);
[[nodiscard]] int print_version();

}  // namespace holdfast::agent
