// syslog: messages of RFC 5424 and RFC 3164 over TCP, UDP and unix sockets (telegraf-compat section
// 7.13). The socket is done by socket_input.cpp, the messages by syslog_*.cpp; here is what becomes
// of them.
#include <memory>
#include <utility>

#include "inputs/socket_input.h"
#include "inputs/syslog_message.h"

namespace holdfast::inputs {
namespace {

constexpr std::uint16_t kDefaultPort = 6514;  // RFC 5425
constexpr std::uint64_t kDefaultMessageBytes = 8192;
constexpr double kLargestMessage = 64.0 * 1024 * 1024;

struct SyslogOptions {
  std::string server = "tcp://127.0.0.1:6514";
  std::string framing = "octet-counting";
  std::string trailer = "LF";
  bool best_effort = false;
  std::string syslog_standard = "RFC5424";
  std::string sdparam_separator = "_";
  config::Bytes max_message_length{kDefaultMessageBytes};
};

const config::Schema<SyslogOptions>& syslog_schema() {
  using Options = SyslogOptions;
  static const auto schema =
      config::Schema<Options>{}
          .option("server", &Options::server,
                  "Address to listen on: tcp://host:port, udp://host:port, unix:///path or "
                  "unixgram:///path; the port is 6514 unless it is given.")
          .option("framing", &Options::framing,
                  "How messages on a connection are told apart (RFC 6587): by their length in "
                  "front of them, or by the trailer behind them.",
                  {.choices = {"octet-counting", "non-transparent"}})
          .option("trailer", &Options::trailer, "What ends a message, for `non-transparent`.",
                  {.choices = {"LF", "NUL"}})
          .option("best_effort", &Options::best_effort,
                  "Of a message that is not quite right, take what stands in front of the mistake.")
          .option("syslog_standard", &Options::syslog_standard, "What messages look like.",
                  {.choices = {"RFC5424", "RFC3164"}})
          .option("sdparam_separator", &Options::sdparam_separator,
                  "Between the names of an element of structured data and of its parameter, in the "
                  "field's name.")
          .option("max_message_length", &Options::max_message_length,
                  "Longest message on a connection; longer ones are left out.",
                  {.min = 1, .max = kLargestMessage});
  return schema;
}

struct Conversion {
  bool rfc3164 = false;
  bool best_effort = false;
  std::string separator;
  const base::Clock& clock;
};

std::string_view without_end(std::string_view text, std::string_view blanks) {
  return text.substr(0, text.find_last_not_of(blanks) + 1);  // npos + 1 is 0
}

class SyslogParser final : public MessageParser {
 public:
  explicit SyslogParser(Conversion conversion) : conversion_(std::move(conversion)) {}

  void parse(std::string_view text, const sockets::IpAddress& source, Accumulator& out) override {
    text = without_end(text, std::string_view("\r\n\0", 3));
    if (text.empty()) return;
    SyslogMessage message;
    const auto parsed = conversion_.rfc3164 ? parse_rfc3164(text, conversion_.clock.wall(), message)
                                            : parse_rfc5424(text, message);
    if (!parsed) {
      out.add_error({parsed.error().code, "syslog message: " + parsed.error().message});
      if (!conversion_.best_effort || !message.begun) return;
    }
    fill(message, source);
    out.add(point_);
  }

 private:
  void fill(const SyslogMessage& message, const sockets::IpAddress& source) {
    point_.reset("syslog");
    point_.tag("severity", severity_name(message.severity));
    point_.tag("facility", facility_name(message.facility));
    point_.tag("hostname", message.hostname);
    point_.tag("appname", message.appname);
    if (source.known()) point_.tag("source", source.text());
    point_.field("severity_code", std::int64_t{message.severity});
    point_.field("facility_code", std::int64_t{message.facility});
    if (message.version) point_.field("version", std::uint64_t{*message.version});
    if (message.timestamp_ns) point_.field("timestamp", *message.timestamp_ns);
    if (!message.procid.empty()) point_.field("procid", message.procid);
    if (!message.msgid.empty()) point_.field("msgid", message.msgid);
    if (message.message) point_.field("message", without_end(*message.message, " \t\r\n\v\f"));
    for (const auto& element : message.elements) add(element);
  }

  void add(const SyslogMessage::Element& element) {
    if (element.params.empty()) {
      point_.field(element.id, true);
      return;
    }
    for (const auto& [name, value] : element.params) {
      key_.assign(element.id).append(conversion_.separator).append(name);
      point_.field(key_, std::string_view(value));
    }
  }

  const Conversion conversion_;
  line::Point point_{""};
  std::string key_;
};

std::unique_ptr<sockets::Framing> framing_of(const SyslogOptions& options) {
  if (options.framing == "octet-counting") return sockets::make_octet_counting();
  return sockets::make_delimiter_framing(options.trailer == "NUL" ? std::string(1, '\0') : "\n");
}

std::unique_ptr<Input> create(config::Table& table, config::Diagnostics& diagnostics,
                              const InputContext& context) {
  const SyslogOptions options = syslog_schema().parse(table, diagnostics);
  auto setup = take_socket_options(table, diagnostics, "server", options.server, kDefaultPort);
  if (!setup) return nullptr;
  SocketMessages messages;
  messages.framing = framing_of(options);
  messages.max_message_bytes = static_cast<std::size_t>(options.max_message_length.count);
  messages.make_parser = [conversion =
                              Conversion{options.syslog_standard == "RFC3164", options.best_effort,
                                         options.sdparam_separator, context.clock}] {
    return std::make_unique<SyslogParser>(conversion);
  };
  return std::make_unique<SocketInput>(std::move(*setup), std::move(messages), context);
}

}  // namespace

const InputPlugin& syslog_plugin() {
  static const InputPlugin plugin{.name = "syslog",
                                  .summary = "Syslog messages over TCP, UDP and unix sockets",
                                  .times = Times::kOwn,
                                  .options =
                                      [] {
                                        auto options = syslog_schema().describe();
                                        for (auto& option : socket_options()) {
                                          options.push_back(std::move(option));
                                        }
                                        return options;
                                      },
                                  .create = create};
  return plugin;
}

}  // namespace holdfast::inputs
