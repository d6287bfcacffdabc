// Fuzz target: any bytes as syslog messages of both standards, and as a stream of them in every
// framing. The first byte chooses the framing and how the stream comes in pieces; then what is cut
// from pieces must be what is cut from the whole.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "inputs/sockets/splitter.h"
#include "inputs/syslog_message.h"

namespace {

using holdfast::inputs::SyslogMessage;
namespace sockets = holdfast::sockets;

constexpr std::size_t kMaxMessageBytes = 64;

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

bool within(std::string_view part, std::string_view text) {
  return part.empty() ||
         (part.data() >= text.data() && part.data() + part.size() <= text.data() + text.size());
}

void check_message(std::string_view text, const SyslogMessage& message) {
  require(!holdfast::inputs::severity_name(message.severity).empty());
  require(!holdfast::inputs::facility_name(message.facility).empty());
  for (const std::string_view part :
       {message.hostname, message.appname, message.procid, message.msgid}) {
    require(within(part, text));
  }
  require(within(message.message.value_or(""), text));
  for (const auto& element : message.elements) {
    require(!element.id.empty() && within(element.id, text));
    for (const auto& [name, value] : element.params) {
      require(!name.empty() && within(name, text) && value.size() <= text.size());
    }
  }
}

void parse(std::string_view text) {
  SyslogMessage newer;
  const auto parsed = holdfast::inputs::parse_rfc5424(text, newer);
  require(!parsed || newer.begun);
  check_message(text, newer);
  SyslogMessage older;
  const holdfast::base::WallTime now{std::chrono::seconds(1'767'323'045)};
  if (holdfast::inputs::parse_rfc3164(text, now, older)) {
    require(older.begun && older.timestamp_ns.has_value());
  }
  check_message(text, older);
}

std::unique_ptr<sockets::Framing> framing_of(unsigned choice) {
  switch (choice % 6) {
    case 0:
      return sockets::make_octet_counting();
    case 1:
      return sockets::make_delimiter_framing("\n");
    case 2:
      return sockets::make_delimiter_framing("aab");
    case 3:
      return sockets::make_fixed_framing(5);
    case 4:
      return sockets::make_length_framing({1, 2, true, 4});
    default:
      return sockets::make_length_framing({0, 1, false, 0});
  }
}

struct Outcome {
  std::vector<std::string> messages;
  std::size_t errors = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome split(const sockets::Framing& framing, std::string_view stream, std::size_t piece) {
  Outcome outcome;
  sockets::Splitter splitter(framing, kMaxMessageBytes);
  const auto on_message = [&](std::string_view message) {
    require(!message.empty() && message.size() <= kMaxMessageBytes);
    outcome.messages.emplace_back(message);
  };
  const auto on_error = [&](const holdfast::base::Error&) { ++outcome.errors; };
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    const auto result = splitter.feed(stream.substr(at, piece), on_message, on_error);
    if (result == sockets::Reading::kBroken) return outcome;
  }
  splitter.finish(sockets::StreamEnd::kClosed, on_message, on_error);
  return outcome;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  parse(text);
  const auto framing = framing_of(data[0]);
  const Outcome whole = split(*framing, text, text.size());
  for (const std::string& message : whole.messages) parse(message);
  require(split(*framing, text, 1U + data[0] / 6U) == whole);
  return 0;
}
