// exec: programs that are run at each interval, and what they print made points.
#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include <asio/post.hpp>

#include "inputs/child_options.h"
#include "inputs/command_batch.h"
#include "inputs/files/file_finder.h"
#include "inputs/input.h"
#include "inputs/parsers/formats.h"
#include "inputs/shell_words.h"

namespace holdfast::inputs {
namespace {

constexpr std::size_t kShownBytes = 512;
constexpr int kLoggedLines = 10;  // of stderr, each time

using Argv = std::vector<std::string>;

// One element a command: a list of words, or (the older form) a text to cut into words.
struct CommandList {
  std::vector<Argv> commands;
};

constexpr std::string_view kExpected = R"(a list of commands such as [["/bin/df", "-P"]])";

void report(const config::Value& value, const std::string& key, std::string_view problem,
            config::Diagnostics& diagnostics) {
  diagnostics.error(value.where,
                    fmt::format("`{}`: found {}, expected {}", key, problem, kExpected));
}

// Words, or nothing with the problem reported.
Argv read_command(const config::Value& value, const std::string& key,
                  config::Diagnostics& diagnostics) {
  if (const auto* text = std::get_if<std::string>(&value.data)) {
    auto words = shell_words(*text);
    if (words) return std::move(*words);
    diagnostics.error(value.where,
                      fmt::format("`{}` is {}: {}", key, value.shown(), words.error().message));
    return {};
  }
  const auto* list = std::get_if<config::Value::Array>(&value.data);
  Argv words;
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const auto* word = std::get_if<std::string>(&(*list)[i].data);
    if (word == nullptr) {
      report((*list)[i], key, (*list)[i].kind(), diagnostics);
      return {};
    }
    words.push_back(*word);
  }
  if (words.empty() || words.front().empty()) {
    report(value, key, list == nullptr ? value.kind() : "a command without a program", diagnostics);
    return {};
  }
  return words;
}

// Found by the schema beside those of config/schema.h.
void read_value(const config::Table::Entry& entry, const config::Rules&,
                config::Diagnostics& diagnostics, CommandList& out) {
  if (entry.value.invalid) return;
  const auto* list = std::get_if<config::Value::Array>(&entry.value.data);
  if (list == nullptr) return report(entry.value, entry.key, entry.value.kind(), diagnostics);
  out.commands.clear();
  for (const config::Value& value : *list) {
    if (value.invalid) continue;
    Argv words = read_command(value, entry.key, diagnostics);
    if (!words.empty()) out.commands.push_back(std::move(words));
  }
}
std::string show_value(const CommandList&) { return "[]"; }
constexpr std::string_view type_name(const CommandList*) { return "list of commands"; }

struct ExecOptions {
  CommandList commands;
  std::string command;
  base::Duration timeout = std::chrono::seconds(5);
  config::StringList environment;
  bool ignore_error = false;
  bool log_stderr = false;
};

const config::Schema<ExecOptions>& exec_schema() {
  using Options = ExecOptions;
  static const auto schema =
      config::Schema<Options>{}
          .option("commands", &Options::commands,
                  "Commands to run, each a list of words, or a text that is cut into words as a "
                  "shell does. The program may be a glob: all that it matches are run.")
          .option("command", &Options::command, "One more command, as a text: the older form.")
          .option("timeout", &Options::timeout,
                  "How long a command may take; then it is killed with all it has started.",
                  {.min = 0.001})
          .option("environment", &Options::environment,
                  "Variables for the commands, as \"NAME=value\", besides those of the agent.")
          .option("ignore_error", &Options::ignore_error,
                  "Take what a command prints although its exit status is not 0.")
          .option("log_stderr", &Options::log_stderr,
                  "Log what the commands write to stderr, as warnings.");
  return schema;
}

std::string_view first_line(std::string_view text) {
  return text.substr(0, text.find_first_of("\r\n")).substr(0, kShownBytes);
}

class Exec final : public ServiceInput {
 public:
  Exec(ExecOptions options, parsers::MakeParser make_parser, const InputContext& context)
      : options_(std::move(options)),
        make_parser_(std::move(make_parser)),
        clock_(context.clock),
        log_(context.log) {}

  // It is a service only to be able to end its commands at a stop.
  [[nodiscard]] bool gathers() const override { return true; }
  [[nodiscard]] base::Status start(const ServiceContext& context) override;
  void stop(std::function<void()> stopped) override;
  [[nodiscard]] base::Status gather(Accumulator& out) override;

 private:
  [[nodiscard]] std::vector<ChildOptions> expand() const;
  void take(const std::string& name, const ChildOptions& command, const CommandResult& result,
            Accumulator& out);
  [[nodiscard]] base::Status judge(const CommandResult& result) const;
  void log_stderr(const std::string& name, std::string_view text) const;
  void finish();

  ExecOptions options_;
  parsers::MakeParser make_parser_;
  const base::Clock& clock_;
  base::Logger log_;
  StopFlag stop_;
  // One for each command, as long as it is run: a parser may remember what came before.
  std::map<Argv, std::unique_ptr<parsers::Parser>> parsers_;

  std::mutex mutex_;
  bool gathering_ = false;  // under mutex_, as the following
  std::function<void()> stopped_;
  asio::io_context* io_ = nullptr;
};

base::Status Exec::start(const ServiceContext& context) {
  const std::lock_guard lock(mutex_);
  io_ = &context.io;
  stop_.lower();
  return base::ok();
}

void Exec::stop(std::function<void()> stopped) {
  stop_.raise();
  {
    const std::lock_guard lock(mutex_);
    if (gathering_) {
      stopped_ = std::move(stopped);
      return;
    }
  }
  stopped();
}

base::Status Exec::gather(Accumulator& out) {
  {
    const std::lock_guard lock(mutex_);
    if (stop_.is_raised()) return base::ok();
    gathering_ = true;
  }
  const auto commands = expand();
  const CommandLimits limits{.timeout = options_.timeout};
  const auto results = run_commands(commands, limits, clock_, stop_);
  for (std::size_t i = 0; i < commands.size(); ++i) {
    // Its words may hold a password: the program alone is named.
    const std::string name = fmt::format("command {} (`{}`)", i + 1, commands[i].argv.front());
    take(name, commands[i], results[i], out);
  }
  std::erase_if(parsers_, [&](const auto& parser) {
    return std::none_of(commands.begin(), commands.end(),
                        [&](const ChildOptions& command) { return command.argv == parser.first; });
  });
  finish();
  return base::ok();
}

void Exec::finish() {
  std::function<void()> stopped;
  {
    const std::lock_guard lock(mutex_);
    gathering_ = false;
    stopped = std::exchange(stopped_, nullptr);
  }
  if (stopped) asio::post(*io_, std::move(stopped));
}

// A program that no file matches is one to look for in PATH.
std::vector<ChildOptions> Exec::expand() const {
  std::vector<ChildOptions> all;
  for (const Argv& command : options_.commands.commands) {
    std::vector<std::string> programs;
    const auto finder = files::FileFinder::compile({command.front()});
    if (finder && files::FileFinder::is_pattern(command.front())) programs = finder->find().paths;
    if (programs.empty()) programs.push_back(command.front());
    for (std::string& program : programs) {
      ChildOptions child{command, options_.environment};
      child.argv.front() = std::move(program);
      all.push_back(std::move(child));
    }
  }
  return all;
}

base::Status Exec::judge(const CommandResult& result) const {
  if (!result.status) return result.status;
  if (result.end.good() || options_.ignore_error) return base::ok();
  const std::string_view words = first_line(result.error);
  return base::fail(base::ErrorCode::kInvalid, "{}{}{}", result.end.text(),
                    words.empty() ? "" : ": ", words);
}

void Exec::take(const std::string& name, const ChildOptions& command, const CommandResult& result,
                Accumulator& out) {
  if (options_.log_stderr) log_stderr(name, result.error);
  auto status = judge(result);
  if (status) {
    auto& parser = parsers_[command.argv];
    if (!parser) parser = make_parser_();
    status = parser->parse(result.out, [&out](line::Point& point) { out.add(point); });
  }
  if (!status) out.add_error({status.error().code, name + ": " + status.error().message});
}

void Exec::log_stderr(const std::string& name, std::string_view text) const {
  for (int lines = 0; !text.empty() && lines < kLoggedLines; ++lines) {
    const std::string_view line = first_line(text);
    if (!line.empty()) log_.warn("{}: {}", name, line);
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  }
}

std::unique_ptr<Input> create_exec(config::Table& table, config::Diagnostics& diagnostics,
                                   const InputContext& context) {
  ExecOptions options = exec_schema().parse(table, diagnostics);
  check_environment(options.environment, table, diagnostics);
  if (!options.command.empty()) {
    Argv words = read_command(table.find("command")->value, "command", diagnostics);
    if (!words.empty()) options.commands.commands.push_back(std::move(words));
  }
  if (options.commands.commands.empty()) {
    diagnostics.warning(table.where("commands"), "`commands` is empty: nothing is run");
  }
  auto make_parser = parsers::take_format(table, diagnostics, "json", {"exec", context.clock});
  if (!make_parser) return nullptr;
  return std::make_unique<Exec>(std::move(options), std::move(make_parser), context);
}

}  // namespace

const InputPlugin& exec_plugin() {
  static const InputPlugin plugin{.name = "exec",
                                  .summary = "What commands print, run at each interval",
                                  .takes_format = true,
                                  .options =
                                      [] {
                                        auto options = exec_schema().describe();
                                        options.push_back(parsers::data_format_option("json"));
                                        return options;
                                      },
                                  .create = create_exec};
  return plugin;
}

}  // namespace holdfast::inputs
