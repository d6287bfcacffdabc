// socket_listener: messages in one of the data formats over TCP, UDP and unix sockets
// (telegraf-compat section 7.4). The socket is done by socket_input.cpp; here are the ways to split
// a connection, and the parser.
#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "inputs/parsers/formats.h"
#include "inputs/socket_input.h"

namespace holdfast::inputs {
namespace {

constexpr std::uint64_t kLeastMessageBytes = std::uint64_t{64} * 1024;
constexpr double kLargestFixedLength = 64.0 * 1024 * 1024;

struct ListenerOptions {
  std::string service_address;
  std::string splitting_strategy = "newline";
  std::string splitting_delimiter;
  std::int64_t splitting_length = 0;
};

const config::Schema<ListenerOptions>& listener_schema() {
  using Options = ListenerOptions;
  static const auto schema =
      config::Schema<Options>{}
          .option("service_address", &Options::service_address,
                  "Address to listen on: tcp://host:port, udp://host:port (tcp4, tcp6, udp4, udp6 "
                  "for one family; without a host all addresses; udp://group%interface:port for "
                  "multicast), unix:///path or unixgram:///path.",
                  {.required = true, .example = "tcp://127.0.0.1:8094"})
          .option("splitting_strategy", &Options::splitting_strategy,
                  "Where messages on a connection end. A datagram is a message.",
                  {.choices = {"newline", "null", "delimiter", "fixed length", "variable length"}})
          .option("splitting_delimiter", &Options::splitting_delimiter,
                  "Bytes that end a message, for `delimiter`, in hexadecimal: \"0x0d0a\".")
          .option("splitting_length", &Options::splitting_length,
                  "Bytes of each message, for `fixed length`.",
                  {.min = 0, .max = kLargestFixedLength});
  return schema;
}

struct LengthOptions {
  std::int64_t offset = 0;
  std::int64_t bytes = 0;
  std::string endianness = "be";
  std::int64_t header_length = 0;
};

const config::Schema<LengthOptions>& length_schema() {
  using Options = LengthOptions;
  constexpr double kLargestHeader = 1024;
  static const auto schema =
      config::Schema<Options>{}
          .option("offset", &Options::offset, "Of the number.", {.min = 0, .max = kLargestHeader})
          .option("bytes", &Options::bytes, "Of the number.",
                  {.min = 1, .max = 8, .required = true})
          .option("endianness", &Options::endianness, "Order of its bytes.",
                  {.choices = {"be", "le"}})
          .option("header_length", &Options::header_length, "Of all in front of the message.",
                  {.min = 0, .max = kLargestHeader});
  return schema;
}

constexpr const char* kLengthField = "splitting_length_field";

config::OptionInfo length_field_info() {
  return {kLengthField,
          "table",
          "{}",
          "Where the length stands, for `variable length`: {offset = 0, bytes = 4, endianness = "
          "\"be\", header_length = 4}. `endianness` is \"be\" or \"le\". The header is not part of "
          "the message and not counted; with header_length = 0 it is both.",
          {}};
}

std::vector<config::OptionInfo> all_options() {
  auto options = listener_schema().describe();
  options.push_back(length_field_info());
  for (auto& option : socket_options()) options.push_back(std::move(option));
  options.push_back(parsers::data_format_option("influx"));
  return options;
}

// Nothing if it is no hexadecimal text of at least one byte.
std::optional<std::string> parse_delimiter(std::string_view text) {
  for (const char* prefix : {"0x", "0X", "x", "X"}) {
    if (!text.starts_with(prefix)) continue;
    text.remove_prefix(std::string_view(prefix).size());
    break;
  }
  if (text.empty() || text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (; !text.empty(); text.remove_prefix(2)) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + 2, value, 16);
    if (error != std::errc{} || end != text.data() + 2) return std::nullopt;
    bytes += static_cast<char>(value);
  }
  return bytes;
}

// Null with the problem reported.
std::unique_ptr<sockets::Framing> delimiter_framing(const std::string& text, config::Table& table,
                                                    config::Diagnostics& diagnostics) {
  const auto bytes = parse_delimiter(text);
  if (bytes) return sockets::make_delimiter_framing(*bytes);
  diagnostics.error(table.where("splitting_delimiter"),
                    fmt::format("`splitting_delimiter`: found `{}`, expected bytes in "
                                "hexadecimal, such as \"0x0d0a\"",
                                text));
  return nullptr;
}

std::unique_ptr<sockets::Framing> length_framing(config::Table& table,
                                                 config::Diagnostics& diagnostics) {
  config::Table::Entry* entry = table.take(kLengthField);
  auto* inner =
      entry == nullptr ? nullptr : std::get_if<std::shared_ptr<config::Table>>(&entry->value.data);
  if (inner == nullptr) {
    diagnostics.error(table.where(kLengthField),
                      "`splitting_length_field`: expected a table such as {offset = 0, bytes = 4, "
                      "endianness = \"be\", header_length = 4}");
    return nullptr;
  }
  const LengthOptions options = length_schema().parse(**inner, diagnostics);
  (*inner)->report_unused(diagnostics, length_schema().names());
  sockets::LengthField field;
  field.offset = static_cast<std::size_t>(options.offset);
  field.bytes = static_cast<std::size_t>(options.bytes);
  field.little_endian = options.endianness == "le";
  field.header_length = static_cast<std::size_t>(options.header_length);
  if (field.header_length > 0 && field.header_length < field.offset + field.bytes) {
    diagnostics.error(table.where(kLengthField),
                      fmt::format("`splitting_length_field`: header_length is {}, expected 0 or at "
                                  "least offset + bytes ({})",
                                  field.header_length, field.offset + field.bytes));
    return nullptr;
  }
  return sockets::make_length_framing(field);
}

std::unique_ptr<sockets::Framing> take_framing(const ListenerOptions& options, config::Table& table,
                                               config::Diagnostics& diagnostics) {
  const std::string& strategy = options.splitting_strategy;
  if (strategy == "variable length") return length_framing(table, diagnostics);
  if (table.take(kLengthField) != nullptr) {
    diagnostics.warning(table.where(kLengthField),
                        "`splitting_length_field` has no effect without splitting_strategy = "
                        "\"variable length\"");
  }
  if (strategy == "delimiter") {
    return delimiter_framing(options.splitting_delimiter, table, diagnostics);
  }
  if (strategy == "null") return sockets::make_delimiter_framing(std::string(1, '\0'));
  if (strategy != "fixed length") return sockets::make_delimiter_framing("\n");
  if (options.splitting_length > 0) {
    return sockets::make_fixed_framing(static_cast<std::size_t>(options.splitting_length));
  }
  diagnostics.error(table.where("splitting_length"),
                    "`splitting_length`: expected at least 1 for splitting_strategy = \"fixed "
                    "length\"");
  return nullptr;
}

// One of the data formats on messages.
class FormatParser final : public MessageParser {
 public:
  explicit FormatParser(std::unique_ptr<parsers::Parser> parser) : parser_(std::move(parser)) {}

  void parse(std::string_view message, const sockets::IpAddress&, Accumulator& out) override {
    const auto parsed = parser_->parse(message, [&](line::Point& point) { out.add(point); });
    if (!parsed) out.add_error(parsed.error());
  }

 private:
  std::unique_ptr<parsers::Parser> parser_;
};

std::unique_ptr<Input> create(config::Table& table, config::Diagnostics& diagnostics,
                              const InputContext& context) {
  const ListenerOptions options = listener_schema().parse(table, diagnostics);
  auto setup =
      take_socket_options(table, diagnostics, "service_address", options.service_address, 0);
  SocketMessages messages;
  messages.framing = take_framing(options, table, diagnostics);
  auto make_parser =
      parsers::take_format(table, diagnostics, "influx", {"socket_listener", context.clock});
  if (!setup || messages.framing == nullptr || !make_parser) return nullptr;
  messages.max_message_bytes =
      static_cast<std::size_t>(std::max({kLeastMessageBytes, setup->server.socket.read_buffer_bytes,
                                         static_cast<std::uint64_t>(options.splitting_length)}));
  messages.make_parser = [make = std::move(make_parser)] {
    return std::make_unique<FormatParser>(make());
  };
  return std::make_unique<SocketInput>(std::move(*setup), std::move(messages), context);
}

}  // namespace

const InputPlugin& socket_listener_plugin() {
  static const InputPlugin plugin{
      .name = "socket_listener",
      .summary = "Messages in one of the data formats over TCP, UDP and unix sockets",
      .times = Times::kOwn,
      .takes_format = true,
      .options = all_options,
      .create = create};
  return plugin;
}

}  // namespace holdfast::inputs
