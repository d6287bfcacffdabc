// tail: follows files line by line. Options, and the plugin around TailService.
#include <algorithm>
#include <memory>
#include <utility>

#include "agent/base/codes.h"
#include "inputs/parsers/formats.h"
#include "inputs/tail_service.h"

namespace holdfast::inputs {
namespace {

constexpr std::string_view kDefaultFormat = "influx";

struct TailOptions {
  config::StringList files;
  std::string initial_read_offset = "saved-or-end";
  bool from_beginning = false;
  bool pipe = false;
  std::string watch_method = "inotify";
  std::int64_t max_undelivered_lines = 1000;
  std::string character_encoding;
  std::string path_tag = "path";
  config::StringList filters;
};

const config::Schema<TailOptions>& tail_schema() {
  using Options = TailOptions;
  static const auto schema =
      config::Schema<Options>{}
          .option("files", &Options::files,
                  "Files to follow, as paths or globs; `**` goes through any number of folders. "
                  "Looked for again at each interval.")
          .option("initial_read_offset", &Options::initial_read_offset,
                  "Where to begin in files that are there at the start: where reading had stopped "
                  "(else at the beginning or the end), or always there. Files that come later are "
                  "read from their beginning.",
                  {.choices = {"saved-or-end", "saved-or-beginning", "beginning", "end"}})
          .option("from_beginning", &Options::from_beginning,
                  "Deprecated: `true` is initial_read_offset = \"beginning\".")
          .option("pipe", &Options::pipe, "Also read from named pipes.")
          .option("watch_method", &Options::watch_method,
                  "How growth is noticed: the kernel tells (inotify), or every file is looked at "
                  "every 250 ms (poll), as network file systems need.",
                  {.choices = {"inotify", "poll"}})
          .option("max_undelivered_lines", &Options::max_undelivered_lines,
                  "Reading pauses while so many lines are not in the ring yet.",
                  {.min = 1, .max = 1'000'000})
          .option(
              "character_encoding", &Options::character_encoding,
              "Encoding of the files: utf-8, utf-16le, utf-16be or another name iconv(3) knows. "
              "Empty: the bytes are taken as they are.")
          .option("path_tag", &Options::path_tag, "Tag for the file's path; empty: none.")
          .option("filters", &Options::filters,
                  "What to take out of the lines: `ansi_color`, the escape sequences of terminals.",
                  {.choices = {"ansi_color"}});
  return schema;
}

const config::Schema<tail::MultilineOptions>& multiline_schema() {
  using Options = tail::MultilineOptions;
  static const auto schema =
      config::Schema<Options>{}
          .option("pattern", &Options::pattern,
                  "Regular expression (RE2, as in Go) for lines that belong to a neighbour. Empty, "
                  "and no quotation: each line stands alone.")
          .option("match_which_line", &Options::match_which_line,
                  "Which neighbour: a line that matches is joined to the one before it, or the one "
                  "after it.",
                  {.choices = {"previous", "next"}})
          .option("invert_match", &Options::invert_match,
                  "Lines that do not match are those that are joined.")
          .option("preserve_newline", &Options::preserve_newline,
                  "Keep the line feeds between joined lines.")
          .option("quotation", &Options::quotation,
                  "Also join lines within quotes of this kind; a backslash makes a quote a plain "
                  "character.",
                  {.choices = {"ignore", "single-quotes", "double-quotes", "backticks"}})
          .option("timeout", &Options::timeout,
                  "Lines are passed on when no other came for so long.", {.min = 0.001});
  return schema;
}

std::vector<config::OptionInfo> describe() {
  auto options = tail_schema().describe();
  for (config::OptionInfo info : multiline_schema().describe()) {
    info.name = "multiline." + info.name;
    options.push_back(std::move(info));
  }
  options.push_back(parsers::data_format_option(kDefaultFormat));
  return options;
}

// The table [inputs.tail.multiline]; null if lines stand alone.
std::shared_ptr<const tail::MultilineRule> take_multiline(config::Table& table,
                                                          config::Diagnostics& diagnostics) {
  config::Table::Entry* entry = table.take("multiline");
  if (entry == nullptr) return nullptr;
  auto* nested = std::get_if<std::shared_ptr<config::Table>>(&entry->value.data);
  if (nested == nullptr) {
    diagnostics.error(entry->value.where,
                      fmt::format("`multiline`: found {}, expected a table", entry->value.shown()));
    return nullptr;
  }
  const auto options = multiline_schema().parse(**nested, diagnostics);
  (*nested)->report_unused(diagnostics, multiline_schema().names());
  if (!options.enabled()) return nullptr;
  auto rule = tail::MultilineRule::compile(options);
  if (rule) return *rule;
  diagnostics.error((*nested)->where("pattern"),
                    fmt::format("`pattern` is no regular expression: {}", rule.error().message));
  return nullptr;
}

FirstOffset first_offset_of(const TailOptions& options) {
  if (options.from_beginning || options.initial_read_offset == "beginning") {
    return FirstOffset::kBeginning;
  }
  if (options.initial_read_offset == "end") return FirstOffset::kEnd;
  return options.initial_read_offset == "saved-or-beginning" ? FirstOffset::kSavedOrBeginning
                                                             : FirstOffset::kSavedOrEnd;
}

void check_old_names(const config::Table& table, config::Diagnostics& diagnostics) {
  const config::Table::Entry* old = table.find("from_beginning");
  if (old == nullptr) return;
  diagnostics.warning(old->where,
                      "`from_beginning` is deprecated, use initial_read_offset = \"beginning\"");
  if (table.find("initial_read_offset") == nullptr) return;
  diagnostics.error(old->where,
                    "`from_beginning` and `initial_read_offset` exclude each other: leave out the "
                    "former");
}

// The same for the same input after a restart, whatever else of its options has changed.
std::string state_name(const TailOptions& options, const config::Table& table) {
  std::string identity;
  const config::Table::Entry* alias = table.find("alias");
  const auto* text = alias == nullptr ? nullptr : std::get_if<std::string>(&alias->value.data);
  if (text != nullptr && !text->empty()) {
    identity = "alias\n" + *text;
  } else {
    config::StringList files = options.files;
    std::sort(files.begin(), files.end());
    for (const std::string& file : files) identity += "file\n" + file + "\n";
  }
  return fmt::format("tail-{:016x}", base::hash64(identity));
}

// What CSV expects before the first row of values.
std::size_t head_lines_of(const config::Table& table) {
  const auto value_of = [&](const char* name) {
    const config::Table::Entry* entry = table.find(name);
    return entry == nullptr ? nullptr : &entry->value.data;
  };
  const auto* format = value_of("data_format");
  const auto* name = format == nullptr ? nullptr : std::get_if<std::string>(format);
  if (name == nullptr || *name != "csv") return 0;
  std::int64_t lines = 0;
  for (const char* option : {"csv_skip_rows", "csv_metadata_rows", "csv_header_row_count"}) {
    const auto* value = value_of(option);
    const auto* number = value == nullptr ? nullptr : std::get_if<std::int64_t>(value);
    if (number != nullptr) lines += std::clamp<std::int64_t>(*number, 0, 1000);
  }
  return static_cast<std::size_t>(lines);
}

TailSettings settings_of(const TailOptions& options, config::Table& table,
                         config::Diagnostics& diagnostics, const InputContext& context) {
  TailSettings settings;
  auto finder = files::FileFinder::compile(options.files);
  if (finder) {
    settings.finder = std::move(*finder);
  } else {
    diagnostics.error(table.where("files"), "`files`: " + finder.error().message);
  }
  settings.text.encoding = options.character_encoding;
  const auto decoder = files::TextDecoder::open(options.character_encoding);
  if (!decoder) {
    diagnostics.error(table.where("character_encoding"),
                      "`character_encoding`: " + decoder.error().message);
  } else if (decoder->line_feed().empty()) {
    diagnostics.error(table.where("character_encoding"),
                      fmt::format("`character_encoding`: found \"{}\", expected an encoding with a "
                                  "settled order of bytes, such as utf-16le or utf-16be",
                                  options.character_encoding));
  }
  settings.text.strip_escapes = !options.filters.empty();
  settings.text.rule = take_multiline(table, diagnostics);
  settings.make_parser =
      parsers::take_format(table, diagnostics, kDefaultFormat, {"tail", context.clock});
  settings.head_lines = head_lines_of(table);
  settings.first_offset = first_offset_of(options);
  settings.pipe = options.pipe;
  settings.poll = options.watch_method == "poll";
  settings.max_undelivered = static_cast<std::size_t>(options.max_undelivered_lines);
  settings.path_tag = options.path_tag;
  settings.state_directory = context.state_directory;
  settings.state_name = state_name(options, table);
  return settings;
}

class Tail final : public ServiceInput {
 public:
  Tail(TailSettings settings, const InputContext& context)
      : settings_(std::make_shared<const TailSettings>(std::move(settings))),
        clock_(context.clock),
        log_(context.log) {}

  [[nodiscard]] base::Status start(const ServiceContext& context) override {
    auto service = std::make_shared<TailService>(settings_, context, clock_, log_);
    if (auto started = service->start(); !started) return started;
    const std::lock_guard lock(mutex_);
    service_ = std::move(service);
    return base::ok();
  }

  void stop(std::function<void()> stopped) override {
    std::shared_ptr<TailService> service;
    {
      const std::lock_guard lock(mutex_);
      service.swap(service_);
    }
    service->stop(std::move(stopped));
  }

  [[nodiscard]] bool gathers() const override { return true; }

  [[nodiscard]] base::Status gather(Accumulator& /*out*/) override {
    const std::lock_guard lock(mutex_);
    if (service_) service_->rescan();
    return base::ok();
  }

 private:
  std::shared_ptr<const TailSettings> settings_;
  const base::Clock& clock_;
  base::Logger log_;
  std::mutex mutex_;  // gathers come from the pool
  std::shared_ptr<TailService> service_;
};

}  // namespace

const InputPlugin& tail_plugin() {
  static const InputPlugin plugin{
      .name = "tail",
      .summary = "Lines of files as they are written",
      .times = Times::kOwn,
      .takes_format = true,
      .options = describe,
      .create = [](config::Table& table, config::Diagnostics& diagnostics,
                   const InputContext& context) -> std::unique_ptr<Input> {
        check_old_names(table, diagnostics);
        const TailOptions options = tail_schema().parse(table, diagnostics);
        return std::make_unique<Tail>(settings_of(options, table, diagnostics, context), context);
      }};
  return plugin;
}

}  // namespace holdfast::inputs
