// SocketInput: the life of an input that takes messages over a socket and makes points of each:
// listening, unpacking, splitting, and the way of the points to the buffer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "inputs/feed.h"
#include "inputs/input.h"
#include "inputs/sockets/server.h"
#include "inputs/sockets/splitter.h"

namespace holdfast::inputs {

// Options that inputs on sockets share, apart from the address.
[[nodiscard]] std::vector<config::OptionInfo> socket_options();

struct SocketSetup {
  sockets::ServerOptions server;
  tls::ServerOptions tls;  // loaded when the input starts
  bool gzip = false;
  std::uint64_t max_decompressed_bytes = 0;  // of one datagram
};

// Takes the shared options, and the address of `address_option`, whose text is given. Problems go
// to diagnostics (then there is no result).
[[nodiscard]] std::optional<SocketSetup> take_socket_options(config::Table& table,
                                                             config::Diagnostics& diagnostics,
                                                             const std::string& address_option,
                                                             const std::string& address,
                                                             std::uint16_t default_port);

// Messages → points. One for each connection, one for all datagrams; not thread-safe.
class MessageParser {
 public:
  virtual ~MessageParser() = default;
  // Adds the points, or the error, of one message; never empty.
  virtual void parse(std::string_view message, const sockets::IpAddress& source,
                     Accumulator& out) = 0;
};

struct SocketMessages {
  // Of connections; a datagram is a message.
  std::shared_ptr<const sockets::Framing> framing;
  std::size_t max_message_bytes = 0;
  std::function<std::unique_ptr<MessageParser>()> make_parser;
};

class SocketInput final : public ServiceInput {
 public:
  SocketInput(SocketSetup setup, SocketMessages messages, const InputContext& context);
  ~SocketInput() override;

  [[nodiscard]] base::Status start(const ServiceContext& context) override;
  void stop(std::function<void()> stopped) override;

  // Numbers of the running server; only for a running input.
  [[nodiscard]] const sockets::Server& server() const { return *server_; }

 private:
  class Worker;

  SocketSetup setup_;
  SocketMessages messages_;
  const base::Clock& clock_;
  base::Logger log_;
  std::shared_ptr<Worker> worker_;
  std::unique_ptr<sockets::Server> server_;
};

}  // namespace holdfast::inputs
