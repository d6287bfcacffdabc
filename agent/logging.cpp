// From options to the logger's own.
#include "agent/logging.h"

namespace holdfast::agent {
namespace {

base::LogLevel level_of(const CommandLine& line, const AgentOptions& agent) {
  if (line.debug) return base::LogLevel::kDebug;
  if (line.quiet) return base::LogLevel::kError;
  if (agent.debug) return base::LogLevel::kDebug;
  return agent.quiet ? base::LogLevel::kError : base::LogLevel::kInfo;
}

}  // namespace

base::LogOptions log_options(const CommandLine& line, const AgentOptions& agent) {
  base::LogOptions options;
  options.level = level_of(line, agent);
  const bool json =
      line.log_format.empty() ? agent.logformat == "structured" : line.log_format == "json";
  options.format = json ? base::LogFormat::kJson : base::LogFormat::kText;
  options.journald = !json && base::stderr_is_journal();
  options.message_key = agent.structured_log_message_key;
  options.time_zone = agent.log_with_timezone;
  options.file = {agent.logfile, agent.logfile_rotation_interval,
                  agent.logfile_rotation_max_size.count, agent.logfile_rotation_max_archives};
  return options;
}

void adopt_logging(const CommandLine& line, const AgentOptions& agent, bool to_file,
                   const base::Logger& log) {
  base::LogOptions options = log_options(line, agent);
  if (!to_file) options.file = {};
  if (auto adopted = log.configure(options); !adopted) log.warn("{}", adopted.error().message);
}

}  // namespace holdfast::agent
