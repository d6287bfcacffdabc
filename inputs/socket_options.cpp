// The options that inputs on sockets share.
#include <charconv>
#include <string>

#include <fmt/core.h>

#include "inputs/socket_input.h"
#include "inputs/tls_server_options.h"

namespace holdfast::inputs {
namespace {

constexpr std::uint64_t kDefaultDecompressedBytes = 500'000'000;
constexpr double kLargestReadBuffer = 1024.0 * 1024 * 1024;

struct SharedOptions {
  std::string socket_mode;
  std::int64_t max_connections = 0;
  base::Duration read_timeout{};
  config::Bytes read_buffer_size;
  base::Duration keep_alive_period{};
  std::string content_encoding = "identity";
  config::Bytes max_decompression_size{kDefaultDecompressedBytes};
  std::int64_t max_parallel_parsers = 0;
  config::StringList allowed_sources;
  std::string multicast_source;
};

const config::Schema<SharedOptions>& shared_schema() {
  using Options = SharedOptions;
  static const auto schema =
      config::Schema<Options>{}
          .option("socket_mode", &Options::socket_mode,
                  "Permissions of a unix socket, in octal; empty: 0660.")
          .option("max_connections", &Options::max_connections,
                  "Connections at a time; more are closed at once. 0: no limit.", {.min = 0})
          .option("read_timeout", &Options::read_timeout,
                  "A connection is closed when nothing comes for this long, or when a message "
                  "takes longer. 0s: never.",
                  {.min = 0})
          .option("read_buffer_size", &Options::read_buffer_size,
                  "Size of the kernel's receive buffer; 0: as the system has it. Messages on "
                  "connections may be as long as that, if it is more than 64KiB.",
                  {.min = 0, .max = kLargestReadBuffer})
          .option("keep_alive_period", &Options::keep_alive_period,
                  "Time between the probes of TCP on a silent connection; 0s: no probes. Unset: "
                  "as the system has it.",
                  {.min = 0})
          .option("content_encoding", &Options::content_encoding,
                  "How messages are packed: each datagram by itself, a connection as a whole.",
                  {.choices = {"identity", "gzip"}})
          .option("max_decompression_size", &Options::max_decompression_size,
                  "Largest datagram, inflated. Connections are inflated piece by piece.",
                  {.min = 1})
          .option("max_parallel_parsers", &Options::max_parallel_parsers,
                  "How many datagrams Telegraf parses at a time.",
                  {.no_effect = "the agent's worker pool parses"})
          .option("allowed_sources", &Options::allowed_sources,
                  "Who may send: IP addresses, and networks such as 192.0.2.0/24. Empty: all.")
          .option("multicast_source", &Options::multicast_source,
                  "Take datagrams of a multicast group from this sender only.");
  return schema;
}

// "0660", "777", "0o770".
std::optional<mode_t> parse_mode(std::string_view text) {
  if (text.starts_with("0o")) text.remove_prefix(2);
  mode_t mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error != std::errc{} || end != text.data() + text.size() || mode > 0777) return std::nullopt;
  return mode;
}

// One option after the other, with the place of each in the file.
class Taker {
 public:
  Taker(const config::Table& table, config::Diagnostics& diagnostics)
      : table_(table), diagnostics_(diagnostics) {}

  [[nodiscard]] bool good() const { return good_; }
  void problem(const std::string& option, std::string_view text) {
    good_ = false;
    diagnostics_.error(table_.where(option), fmt::format("`{}`: {}", option, text));
  }
  void address(const std::string& option, const std::string& text, std::uint16_t default_port,
               sockets::Address& out) {
    if (text.empty() && table_.find(option) == nullptr) {
      good_ = false;  // required, and reported as missing
      return;
    }
    auto parsed = sockets::parse_address(text, default_port);
    if (parsed) {
      out = std::move(*parsed);
    } else if (parsed.error().code == base::ErrorCode::kUnsupported) {
      good_ = false;
      diagnostics_.unsupported(table_.where(option),
                               fmt::format("`{}`: {}", option, parsed.error().message));
    } else {
      problem(option, parsed.error().message);
    }
  }
  void mode(const std::string& text, std::optional<mode_t>& out) {
    if (text.empty()) return;
    out = parse_mode(text);
    if (!out) {
      problem("socket_mode",
              fmt::format("found `{}`, expected octal digits up to 0777, such as \"0660\"", text));
    }
  }
  void sources(const config::StringList& entries, sockets::SourceFilter& out) {
    auto filter = sockets::SourceFilter::parse(entries);
    if (!filter) return problem("allowed_sources", filter.error().message);
    out = std::move(*filter);
  }
  void multicast_source(const std::string& text, sockets::IpAddress& out) {
    if (text.empty()) return;
    auto address = sockets::IpAddress::parse(text);
    if (!address) return problem("multicast_source", address.error().message);
    out = *address;
  }

 private:
  const config::Table& table_;
  config::Diagnostics& diagnostics_;
  bool good_ = true;
};

}  // namespace

std::vector<config::OptionInfo> socket_options() {
  return with_tls_options(shared_schema().describe());
}

std::optional<SocketSetup> take_socket_options(config::Table& table,
                                               config::Diagnostics& diagnostics,
                                               const std::string& address_option,
                                               const std::string& address,
                                               std::uint16_t default_port) {
  const SharedOptions options = shared_schema().parse(table, diagnostics);
  Taker taker(table, diagnostics);
  SocketSetup setup;
  sockets::ServerOptions& server = setup.server;
  taker.address(address_option, address, default_port, server.address);
  taker.mode(options.socket_mode, server.socket.socket_mode);
  taker.sources(options.allowed_sources, server.allowed_sources);
  taker.multicast_source(options.multicast_source, server.socket.multicast_source);
  server.socket.read_buffer_bytes = options.read_buffer_size.count;
  server.max_connections = static_cast<std::size_t>(options.max_connections);
  server.read_timeout = options.read_timeout;
  if (table.find("keep_alive_period") != nullptr) {
    server.keep_alive_period = options.keep_alive_period;
  }
  setup.tls = take_tls_options(table, diagnostics);
  if (setup.tls.enabled() && server.address.datagrams()) {
    taker.problem("tls_cert",
                  "datagrams cannot be protected by TLS, expected a tcp:// or unix:// "
                  "address beside it");
  }
  setup.gzip = options.content_encoding == "gzip";
  setup.max_decompressed_bytes = options.max_decompression_size.count;
  if (!taker.good()) return std::nullopt;
  return setup;
}

}  // namespace holdfast::inputs
