// json: an object is a point, an array of objects several. What is nested becomes fields with
// joined names.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "config/glob.h"
#include "inputs/parsers/go_time.h"
#include "inputs/parsers/json_path.h"
#include "inputs/parsers/parser.h"

namespace holdfast::parsers {
namespace {

using nlohmann::json;

// What a text may cost, whoever wrote it: the stack, and some 100 MB of memory at worst.
constexpr std::size_t kMaxDepth = 100;
constexpr std::size_t kMaxValues = 1'000'000;
// Of one point.
constexpr std::size_t kMaxFields = 10'000;
constexpr std::size_t kShownBytes = 200;

struct JsonOptions {
  bool strict = true;
  std::string query;
  config::StringList tag_keys;
  config::StringList string_fields;
  std::string name_key;
  std::string time_key;
  std::string time_format;
  std::string timezone;
};

const config::Schema<JsonOptions>& json_schema() {
  using Options = JsonOptions;
  static const auto schema =
      config::Schema<Options>{}
          .option("json_query", &Options::query,
                  "Which part of the text to take, as a GJSON path of names, indexes and `#` (all "
                  "elements): `data.0.rooms`, `a.#.b`. Empty: the whole text.")
          .option("tag_keys", &Options::tag_keys,
                  "Values that become tags, by their joined names; globs are allowed.")
          .option("json_string_fields", &Options::string_fields,
                  "Texts and booleans that become fields, by their joined names; globs are "
                  "allowed. Others are left out.")
          .option("json_name_key", &Options::name_key,
                  "The text of this name is the measurement, where there is one.")
          .option("json_time_key", &Options::time_key,
                  "The value of this name is the time; json_time_format must be set.")
          .option("json_time_format", &Options::time_format,
                  "How the time is written: unix, unix_ms, unix_us, unix_ns, a name such as "
                  "RFC3339, or a layout of Go such as `2006-01-02 15:04:05`.")
          .option("json_timezone", &Options::timezone,
                  "Zone of times that say none: UTC, Local or such as Europe/Berlin. Empty: UTC.")
          .option("json_strict", &Options::strict,
                  "One bad object of an array spoils the array; else it is left out.");
  return schema;
}

struct JsonRules {
  JsonOptions options;
  JsonPath query;
  config::GlobList tags;
  config::GlobList strings;
  std::optional<TimeFormat> time;
};

using Error = tl::unexpected<base::Error>;

// Before anything is built from it: how deep and how large what it describes is.
base::Status check_size(std::string_view text) {
  std::size_t depth = 0;
  std::size_t values = 1;
  std::size_t line = 1;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') ++line;
    if (quoted && c == '\\') ++i;
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '[' || c == '{') ++depth;
    if ((c == ']' || c == '}') && depth > 0) --depth;
    if (c == '[' || c == '{' || c == ',') ++values;
    if (depth > kMaxDepth) {
      return base::fail(base::ErrorCode::kInvalid,
                        "line {}: found more than {} levels within each other", line, kMaxDepth);
    }
    if (values > kMaxValues) {
      return base::fail(base::ErrorCode::kInvalid, "line {}: found more than {} values", line,
                        kMaxValues);
    }
  }
  return base::ok();
}

// "line 3, column 7: ..." out of the library's own words.
Error syntax_error(std::string_view words) {
  constexpr std::string_view kPlace = "parse error at ";
  words.remove_prefix(std::min(words.find("] ") + 2, words.size()));
  const bool placed = words.starts_with(kPlace);
  if (placed) words.remove_prefix(kPlace.size());
  return base::fail(base::ErrorCode::kInvalid, "{}{}",
                    placed ? "" : "in the text: ", words.substr(0, kShownBytes));
}

base::Result<json> parse_text(std::string_view text) {
  if (auto good = check_size(text); !good) return tl::unexpected(good.error());
  try {
    return json::parse(text);
  } catch (const json::exception& error) {
    return syntax_error(error.what());
  }
}

// Without an exponent, as short as possible: 12.5, 1536843000.25.
std::string plain_number(const json& value) {
  if (value.is_number_unsigned()) return fmt::format("{}", value.get<std::uint64_t>());
  if (value.is_number_integer()) return fmt::format("{}", value.get<std::int64_t>());
  std::array<char, 400> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value.get<double>(),
                                 std::chars_format::fixed);
  return {digits.data(), end.ptr};
}

std::string plain_text(const json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>();
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  return plain_number(value);
}

std::string_view kind_of(const json& value) {
  if (value.is_array()) return "an array";
  if (value.is_string()) return "a string";
  if (value.is_boolean()) return "a boolean";
  return value.is_null() ? "null" : "a number";
}

// The values of one object, with their joined names.
class Flattened {
 public:
  struct Value {
    std::string name;
    const json* value;
  };

  // False if there are too many.
  bool add(const std::string& name, const json& value) {
    if (value.is_object()) {
      for (const auto& [key, inner] : value.items()) {
        if (!add(name.empty() ? key : name + "_" + key, inner)) return false;
      }
      return true;
    }
    if (value.is_array()) {
      std::size_t index = 0;
      for (const json& inner : value) {
        const std::string key = fmt::format("{}", index++);
        if (!add(name.empty() ? key : name + "_" + key, inner)) return false;
      }
      return true;
    }
    if (!value.is_null()) values_.push_back({name, &value});
    return values_.size() <= kMaxFields;
  }
  [[nodiscard]] const json* find(const std::string& name) const {
    const auto found = std::find_if(values_.begin(), values_.end(),
                                    [&](const Value& value) { return value.name == name; });
    return found == values_.end() ? nullptr : found->value;
  }
  [[nodiscard]] const std::vector<Value>& values() const { return values_; }

 private:
  std::vector<Value> values_;
};

class JsonParser final : public Parser {
 public:
  JsonParser(std::shared_ptr<const JsonRules> rules, const ParserContext& context)
      : rules_(std::move(rules)),
        time_(rules_->time),
        measurement_(context.measurement),
        clock_(context.clock) {}

  [[nodiscard]] base::Status parse(std::string_view text, const AddPoint& add) override {
    constexpr std::string_view kBlanks = " \t\r\n";
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    if (text.find_first_not_of(kBlanks) == std::string_view::npos) return base::ok();
    auto parsed = parse_text(text);
    if (!parsed) return tl::unexpected(parsed.error());
    if (rules_->query.empty()) return parse_value(*parsed, add);
    const auto part = rules_->query.take(*parsed);
    return part ? parse_value(*part, add) : base::ok();
  }

 private:
  base::Status parse_value(const json& value, const AddPoint& add);
  base::Status parse_array(const json& array, const AddPoint& add);
  base::Status parse_object(const json& object, line::Point& point);
  base::Status set_time(const Flattened& flat, line::Point& point);
  void add_value(const Flattened::Value& value, line::Point& point) const;
  Error wrong_kind(const json& value) const {
    return base::fail(base::ErrorCode::kInvalid,
                      "found {}{}, expected an object or an array of them", kind_of(value),
                      rules_->query.empty() ? "" : " where json_query leads");
  }

  std::shared_ptr<const JsonRules> rules_;
  std::optional<TimeFormat> time_;
  std::string measurement_;
  const base::Clock& clock_;
};

base::Status JsonParser::parse_value(const json& value, const AddPoint& add) {
  if (value.is_null()) return base::ok();
  if (value.is_array()) return parse_array(value, add);
  if (!value.is_object()) return wrong_kind(value);
  line::Point point("");
  if (auto good = parse_object(value, point); !good) return good;
  if (!point.fields().empty()) add(point);
  return base::ok();
}

base::Status JsonParser::parse_array(const json& array, const AddPoint& add) {
  const bool strict = rules_->options.strict;
  std::vector<line::Point> points;
  line::Point point("");
  for (std::size_t i = 0; i < array.size(); ++i) {
    auto good = array[i].is_object() ? parse_object(array[i], point) : wrong_kind(array[i]);
    if (!good) {
      if (!strict && array[i].is_object()) continue;
      return base::fail(base::ErrorCode::kInvalid, "element {} of the array: {}", i,
                        good.error().message);
    }
    if (point.fields().empty()) continue;
    if (strict) {
      points.push_back(point);
    } else {
      add(point);
    }
  }
  for (line::Point& one : points) add(one);
  return base::ok();
}

base::Status JsonParser::parse_object(const json& object, line::Point& point) {
  Flattened flat;
  if (!flat.add("", object)) {
    return base::fail(base::ErrorCode::kInvalid, "found an object of more than {} values",
                      kMaxFields);
  }
  const JsonOptions& options = rules_->options;
  const json* name = options.name_key.empty() ? nullptr : flat.find(options.name_key);
  point.reset(name != nullptr && name->is_string() ? name->get_ref<const std::string&>()
                                                   : measurement_);
  if (auto timed = set_time(flat, point); !timed) return timed;
  for (const Flattened::Value& value : flat.values()) {
    if (options.time_key.empty() || value.name != options.time_key) add_value(value, point);
  }
  return base::ok();
}

base::Status JsonParser::set_time(const Flattened& flat, line::Point& point) {
  const std::string& key = rules_->options.time_key;
  if (!time_) return base::ok();
  const json* value = flat.find(key);
  if (value == nullptr) {
    return base::fail(base::ErrorCode::kInvalid, "found no `{}`, expected the time", key);
  }
  auto time = time_->parse(plain_text(*value), clock_.wall_ns());
  if (!time) return base::fail(base::ErrorCode::kInvalid, "`{}`: {}", key, time.error().message);
  point.time(*time);
  return base::ok();
}

void JsonParser::add_value(const Flattened::Value& value, line::Point& point) const {
  if (rules_->tags.matches(value.name)) {
    point.tag(value.name, plain_text(*value.value));
  } else if (value.value->is_number()) {
    point.field(value.name, value.value->get<double>());
  } else if (!rules_->strings.matches(value.name)) {
    return;
  } else if (value.value->is_boolean()) {
    point.field(value.name, value.value->get<bool>());
  } else {
    point.field(value.name, std::string_view(value.value->get_ref<const std::string&>()));
  }
}

config::GlobList globs_of(const config::StringList& patterns, const char* option,
                          config::Table& table, config::Diagnostics& diagnostics) {
  auto globs = config::GlobList::compile(patterns);
  if (globs) return std::move(*globs);
  diagnostics.error(table.where(option), fmt::format("`{}`: {}", option, globs.error().message));
  return {};
}

void set_query(config::Table& table, config::Diagnostics& diagnostics, JsonRules& rules) {
  auto query = JsonPath::compile(rules.options.query);
  if (query) {
    rules.query = std::move(*query);
    return;
  }
  const std::string message = fmt::format(
      "`json_query` is {}, {}", config::quoted(rules.options.query), query.error().message);
  if (query.error().code == base::ErrorCode::kUnsupported) {
    diagnostics.unsupported(table.find("json_query")->value.where, message);
  } else {
    diagnostics.error(table.find("json_query")->value.where, message);
  }
}

void set_time(config::Table& table, config::Diagnostics& diagnostics, JsonRules& rules) {
  const JsonOptions& options = rules.options;
  if (options.time_key.empty()) return;
  if (options.time_format.empty()) {
    diagnostics.error(table.where("json_time_key"),
                      "`json_time_key` needs `json_time_format`, which is missing");
    return;
  }
  auto format = TimeFormat::compile(options.time_format, options.timezone);
  if (format) {
    rules.time = std::move(*format);
  } else {
    diagnostics.error(table.where("json_time_format"),
                      "`json_time_format` or `json_timezone`: " + format.error().message);
  }
}

MakeParser configure(config::Table& table, config::Diagnostics& diagnostics,
                     const ParserContext& context) {
  auto rules = std::make_shared<JsonRules>();
  rules->options = json_schema().parse(table, diagnostics);
  const JsonOptions& options = rules->options;
  rules->tags = globs_of(options.tag_keys, "tag_keys", table, diagnostics);
  rules->strings = globs_of(options.string_fields, "json_string_fields", table, diagnostics);
  set_query(table, diagnostics, *rules);
  set_time(table, diagnostics, *rules);
  return [rules = std::shared_ptr<const JsonRules>(std::move(rules)), context] {
    return std::make_unique<JsonParser>(rules, context);
  };
}

}  // namespace

const Format& json_format() {
  static const Format format{.name = "json",
                             .summary = "JSON objects",
                             .options = [] { return json_schema().describe(); },
                             .configure = configure};
  return format;
}

}  // namespace holdfast::parsers
