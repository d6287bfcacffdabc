// influx: line protocol, checked as strictly as a listener checks it.
#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "agent/line/cursor.h"
#include "agent/line/ingest.h"
#include "inputs/parsers/parser.h"

namespace holdfast::parsers {
namespace {

struct InfluxOptions {
  base::Duration timestamp_precision{1};
  std::string parser_type = "internal";
};

const config::Schema<InfluxOptions>& influx_schema() {
  using Options = InfluxOptions;
  static const auto schema =
      config::Schema<Options>{}
          .option("influx_timestamp_precision", &Options::timestamp_precision,
                  "Unit of the timestamps: 1ns, 1us, 1ms or 1s.")
          .option("influx_parser_type", &Options::parser_type, "Which parser Telegraf uses.",
                  {.choices = {"internal", "upstream"},
                   .no_effect = "there is one parser, as strict as the strictest InfluxDB"});
  return schema;
}

std::optional<line::Precision> precision_of(base::Duration unit) {
  for (const auto precision : {line::Precision::kNanoseconds, line::Precision::kMicroseconds,
                               line::Precision::kMilliseconds, line::Precision::kSeconds}) {
    if (unit.count() == static_cast<std::int64_t>(precision)) return precision;
  }
  return std::nullopt;
}

template <class Number>
Number number_of(std::string_view digits) {
  Number value{};  // ingest has found it to be one
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

class InfluxParser final : public Parser {
 public:
  explicit InfluxParser(line::Precision precision) : precision_(precision) {}

  [[nodiscard]] base::Status parse(std::string_view text, const AddPoint& add) override {
    line::IngestOptions options;
    options.precision = precision_;
    options.now_ns = kNoTime;
    options.uint_support = true;
    line::LineChunks chunks(kChunkBytes, std::numeric_limits<std::uint32_t>::max());
    const auto ingested = line::ingest(text, options, chunks);
    for (const line::LineChunk& chunk : chunks.take()) {
      line::LineCursor lines(chunk.bytes);
      while (const auto parts = lines.next()) {
        fill(*parts);
        add(point_);
      }
    }
    if (ingested.bad_lines == 0) return base::ok();
    const line::LineError& first = ingested.errors.front();
    return base::fail(base::ErrorCode::kInvalid, "line {}: {} in `{}` ({} more bad lines)",
                      first.number, first.reason, first.excerpt, ingested.bad_lines - 1);
  }

 private:
  // The earliest that ingest takes stands for none.
  static constexpr std::int64_t kNoTime = std::numeric_limits<std::int64_t>::min() + 2;
  static constexpr std::size_t kChunkBytes = std::size_t{64} * 1024;

  void fill(const line::LineParts& parts) {
    line::unescape_name(parts.measurement, key_);
    point_.reset(key_);
    line::PairCursor tags(parts.tags, line::PairKind::kTags);
    while (const auto tag = tags.next()) {
      line::unescape(tag->key, key_);
      line::unescape(tag->value, value_);
      point_.tag(key_, value_);
    }
    line::PairCursor fields(parts.fields, line::PairKind::kFields);
    while (const auto field = fields.next()) {
      line::unescape(field->key, key_);
      add_field(field->value);
    }
    const auto time_ns = number_of<std::int64_t>(parts.timestamp);
    if (time_ns != kNoTime) point_.time(time_ns);
  }

  void add_field(std::string_view text) {
    const char first = text.front();
    const char last = text.back();
    if (first == '"') {
      line::unescape_string(text, value_);
      point_.field(key_, value_);
    } else if (last == 'i') {
      point_.field(key_, number_of<std::int64_t>(text));
    } else if (last == 'u') {
      point_.field(key_, number_of<std::uint64_t>(text));
    } else if (std::string_view("tTfF").find(first) != std::string_view::npos) {
      point_.field(key_, first == 't' || first == 'T');
    } else {
      point_.field(key_, number_of<double>(text));
    }
  }

  line::Precision precision_;
  line::Point point_{""};
  std::string key_, value_;
};

MakeParser configure(config::Table& table, config::Diagnostics& diagnostics, const ParserContext&) {
  const InfluxOptions options = influx_schema().parse(table, diagnostics);
  const auto precision = precision_of(options.timestamp_precision);
  if (!precision) {
    diagnostics.error(table.where("influx_timestamp_precision"),
                      "`influx_timestamp_precision`: found " +
                          base::format_duration(options.timestamp_precision) +
                          ", expected 1ns, 1us, 1ms or 1s");
    return {};
  }
  return [unit = *precision] { return std::make_unique<InfluxParser>(unit); };
}

}  // namespace

const Format& influx_format() {
  static const Format format{.name = "influx",
                             .summary = "Line protocol",
                             .options = [] { return influx_schema().describe(); },
                             .configure = configure};
  return format;
}

}  // namespace holdfast::parsers
