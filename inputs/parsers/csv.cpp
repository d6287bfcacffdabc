// csv: a row is a point; columns are fields, tags, the time or the measurement.
#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "inputs/parsers/csv_options.h"
#include "inputs/parsers/go_values.h"
#include "inputs/parsers/parser.h"

namespace holdfast::parsers {
namespace {

// A quoted field may go on over the lines of a file that is followed, but not for ever.
constexpr std::size_t kMaxOpenBytes = std::size_t{64} * 1024;
constexpr std::size_t kMaxOpenLines = 1000;
constexpr std::size_t kShownBytes = 60;

bool contains(const config::StringList& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

std::string_view trimmed(std::string_view text, std::string_view set) {
  const std::size_t begin = text.find_first_not_of(set);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(set) - begin + 1);
}

class CsvParser final : public Parser {
 public:
  CsvParser(std::shared_ptr<const CsvRules> rules, const ParserContext& context)
      : rules_(std::move(rules)),
        options_(rules_->options),
        time_(rules_->time),
        measurement_(context.measurement),
        clock_(context.clock) {
    reset();
  }

  [[nodiscard]] base::Status parse(std::string_view text, const AddPoint& add) override {
    if (options_.reset_mode == "always") reset();
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    line_ = 0;
    while (!text.empty()) {
      if (take_preface(text)) continue;
      const CsvRead read = read_record(rules_->dialect, text, line_, record_);
      if (read == CsvRead::kEnd) break;
      auto used = use(read, add);
      if (!used && !options_.skip_errors) return used;
    }
    return base::ok();
  }

  [[nodiscard]] base::Status parse_line(std::string_view line, const AddPoint& add) override {
    line_ = 0;
    if (open_.empty() && (skip_rows_ > 0 || metadata_rows_ > 0)) {
      std::string whole(line);
      whole += '\n';
      std::string_view text = whole;
      take_preface(text);
      return base::ok();
    }
    open_ += line;
    std::string_view text = open_;
    CsvRead read = read_record(rules_->dialect, text, line_, record_);
    const bool may_go_on = open_.size() < kMaxOpenBytes && line_ < kMaxOpenLines;
    if (read == CsvRead::kOpen && may_go_on) {
      open_ += '\n';
      return base::ok();
    }
    open_.clear();
    if (read == CsvRead::kEnd) return base::ok();
    auto used = use(read, add);
    return options_.skip_errors ? base::ok() : used;
  }

 private:
  void reset();
  bool take_preface(std::string_view& text);
  void add_metadata(std::string_view line);
  base::Status use(CsvRead read, const AddPoint& add);
  void add_header();
  base::Status fill(line::Point& point);
  [[nodiscard]] std::size_t columns() const;
  [[nodiscard]] std::string_view value_at(std::size_t column) const;
  [[nodiscard]] std::string_view measurement_of_row() const;
  [[nodiscard]] bool is_measurement(const std::string& name) const {
    return !name.empty() && name == options_.measurement_column &&
           !contains(options_.tag_columns, name);
  }
  base::Status add_column(std::size_t index, const std::string& name, std::string_view value,
                          line::Point& point);
  static void add_guessed(const std::string& name, std::string_view value, line::Point& point);
  static bool add_typed(const std::string& type, const std::string& name, std::string_view value,
                        line::Point& point);
  void add_metadata_tags(line::Point& point) const {
    for (const auto& [key, value] : metadata_) point.tag(key, value);
  }

  std::shared_ptr<const CsvRules> rules_;
  const CsvOptions& options_;  // of the rules
  std::optional<TimeFormat> time_;
  std::string measurement_;
  const base::Clock& clock_;
  std::int64_t skip_rows_ = 0, metadata_rows_ = 0, header_rows_ = 0;  // still expected
  config::StringList names_;
  std::map<std::string, std::string> metadata_;
  std::string open_;      // lines of a record that is not complete
  std::size_t line_ = 0;  // of the text, from 0
  CsvRecord record_;
};

void CsvParser::reset() {
  skip_rows_ = options_.skip_rows;
  metadata_rows_ = options_.metadata_rows;
  header_rows_ = options_.header_row_count;
  names_ = options_.column_names;
  metadata_.clear();
  open_.clear();
}

// A line to leave out or with metadata; false when there are no more of them.
bool CsvParser::take_preface(std::string_view& text) {
  if (skip_rows_ > 0) {
    --skip_rows_;
    (void)take_line(text);
  } else if (metadata_rows_ > 0) {
    --metadata_rows_;
    add_metadata(take_line(text));
  } else {
    return false;
  }
  ++line_;
  return true;
}

void CsvParser::add_metadata(std::string_view line) {
  const std::string& set = options_.metadata_trim_set;
  for (const std::string& separator : options_.metadata_separators) {
    const std::size_t at = line.find(separator);
    if (at == std::string_view::npos) continue;
    const std::string_view key = trimmed(line.substr(0, at), set);
    if (key.empty()) continue;
    metadata_[std::string(key)] = trimmed(line.substr(at + separator.size()), set);
    return;
  }
}

base::Status CsvParser::use(CsvRead read, const AddPoint& add) {
  const std::size_t line = record_.first_line + 1;
  if (read == CsvRead::kBad) {
    return base::fail(base::ErrorCode::kInvalid,
                      "line {}: found a quote within a field, expected the field quoted and its "
                      "quotes doubled",
                      line);
  }
  if (read == CsvRead::kOpen) {
    return base::fail(base::ErrorCode::kInvalid, "line {}: found a quoted field without an end",
                      line);
  }
  if (header_rows_ > 0) {
    add_header();
    return base::ok();
  }
  line::Point point("");
  if (auto filled = fill(point); !filled) {
    return base::fail(base::ErrorCode::kInvalid, "line {}: {}", line, filled.error().message);
  }
  if (!point.fields().empty()) add(point);
  return base::ok();
}

void CsvParser::add_header() {
  --header_rows_;
  if (!options_.column_names.empty()) return;
  for (std::size_t i = 0; i < record_.fields.size(); ++i) {
    const std::string_view name =
        options_.trim_space ? trimmed(record_.fields[i], " ") : record_.fields[i];
    if (i == names_.size()) names_.emplace_back();
    names_[i] += name;
  }
  if (header_rows_ > 0) return;
  const auto skipped =
      std::min<std::size_t>(static_cast<std::size_t>(options_.skip_columns), names_.size());
  names_.erase(names_.begin(), names_.begin() + static_cast<std::ptrdiff_t>(skipped));
}

// Those that have a name and a value.
std::size_t CsvParser::columns() const {
  const auto skip = static_cast<std::size_t>(options_.skip_columns);
  const std::size_t values = record_.fields.size() > skip ? record_.fields.size() - skip : 0;
  return std::min(values, names_.size());
}

std::string_view CsvParser::value_at(std::size_t column) const {
  const std::string& value =
      record_.fields[static_cast<std::size_t>(options_.skip_columns) + column];
  return options_.trim_space ? trimmed(value, " ") : std::string_view(value);
}

std::string_view CsvParser::measurement_of_row() const {
  for (std::size_t i = 0; i < columns(); ++i) {
    if (!is_measurement(names_[i])) continue;
    const std::string_view value = value_at(i);
    if (!value.empty() && !contains(options_.skip_values, value)) return value;
  }
  return measurement_;
}

base::Status CsvParser::fill(line::Point& point) {
  bool timed = false;
  point.reset(measurement_of_row());
  if (options_.tag_overwrite) add_metadata_tags(point);
  for (std::size_t i = 0; i < columns(); ++i) {
    const std::string& name = names_[i];
    const std::string_view value = value_at(i);
    if (contains(options_.skip_values, value)) continue;
    const bool tag = contains(options_.tag_columns, name);
    if (tag) {
      point.tag(name, value);
    } else if (time_ && name == options_.timestamp_column) {
      const auto time = time_->parse(value, clock_.wall_ns());
      if (!time)
        return base::fail(base::ErrorCode::kInvalid, "column `{}`: {}", name, time.error().message);
      point.time(*time);
      timed = true;
    } else if (is_measurement(name)) {
      continue;
    } else if (auto added = add_column(i, name, value, point); !added) {
      return added;
    }
  }
  if (time_ && !timed) {
    return base::fail(base::ErrorCode::kInvalid,
                      "found no value in the column `{}`, expected the time",
                      options_.timestamp_column);
  }
  if (!options_.tag_overwrite) add_metadata_tags(point);
  return base::ok();
}

base::Status CsvParser::add_column(std::size_t index, const std::string& name,
                                   std::string_view value, line::Point& point) {
  const auto& types = options_.column_types;
  if (types.empty()) {
    add_guessed(name, value, point);
    return base::ok();
  }
  if (index >= types.size()) {
    return base::fail(base::ErrorCode::kInvalid,
                      "column `{}` is the {}th, but there are {} `csv_column_types`", name,
                      index + 1, types.size());
  }
  if (add_typed(types[index], name, value, point)) return base::ok();
  return base::fail(base::ErrorCode::kInvalid, "column `{}`: found `{}`, expected {}", name,
                    value.substr(0, kShownBytes), types[index]);
}

// A float that is not finite makes no field: no server takes it.
void CsvParser::add_guessed(const std::string& name, std::string_view value, line::Point& point) {
  if (const auto integer = number_of<std::int64_t>(value)) {
    point.field(name, *integer);
  } else if (const auto number = number_of<double>(value)) {
    if (std::isfinite(*number)) point.field(name, *number);
  } else if (const auto boolean = boolean_of(value)) {
    point.field(name, *boolean);
  } else {
    point.field(name, value);
  }
}

bool CsvParser::add_typed(const std::string& type, const std::string& name, std::string_view value,
                          line::Point& point) {
  if (type == "string") {
    point.field(name, value);
    return true;
  }
  if (type == "int") {
    const auto integer = number_of<std::int64_t>(value);
    if (integer) point.field(name, *integer);
    return integer.has_value();
  }
  if (type == "bool") {
    const auto boolean = boolean_of(value);
    if (boolean) point.field(name, *boolean);
    return boolean.has_value();
  }
  const auto number = number_of<double>(value);
  if (number && std::isfinite(*number)) point.field(name, *number);
  return number.has_value();
}

MakeParser configure(config::Table& table, config::Diagnostics& diagnostics,
                     const ParserContext& context) {
  return [rules = take_csv_rules(table, diagnostics), context] {
    return std::make_unique<CsvParser>(rules, context);
  };
}

}  // namespace

const Format& csv_format() {
  static const Format format{.name = "csv",
                             .summary = "Comma-separated values",
                             .options = [] { return describe_csv_options(); },
                             .configure = configure};
  return format;
}

}  // namespace holdfast::parsers
