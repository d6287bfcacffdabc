// Binds, and chooses what takes it from there.
#include "inputs/sockets/server.h"

#include <utility>

#include "inputs/sockets/datagrams.h"
#include "inputs/sockets/streams.h"

namespace holdfast::sockets {
namespace {

// The work is done by an object that its own pending operations keep alive.
template <class Work>
class ServerOf final : public Server {
 public:
  ServerOf(asio::io_context& io, BoundSocket socket, ServerOptions options, ServerHandlers handlers,
           std::shared_ptr<ServerCounters> counters)
      : Server(counters),
        port_(socket.port()),
        read_buffer_bytes_(socket.read_buffer_bytes()),
        work_(std::make_shared<Work>(io, std::move(socket), std::move(options), std::move(handlers),
                                     std::move(counters))) {
    work_->start();
  }

  void stop(std::function<void()> stopped) override { work_->stop(std::move(stopped)); }
  [[nodiscard]] std::uint16_t port() const override { return port_; }
  [[nodiscard]] std::uint64_t read_buffer_bytes() const override { return read_buffer_bytes_; }

 private:
  std::uint16_t port_;
  std::uint64_t read_buffer_bytes_;
  std::shared_ptr<Work> work_;
};

}  // namespace

base::Result<std::unique_ptr<Server>> Server::start(asio::io_context& io, ServerOptions options,
                                                    ServerHandlers handlers) {
  auto socket = BoundSocket::open(options.address, options.socket);
  if (!socket) return tl::unexpected(socket.error());
  auto counters = std::make_shared<ServerCounters>();
  std::unique_ptr<Server> server;
  if (options.address.datagrams()) {
    server = std::make_unique<ServerOf<DatagramReceiver>>(
        io, std::move(*socket), std::move(options), std::move(handlers), std::move(counters));
  } else {
    server = std::make_unique<ServerOf<StreamListener>>(io, std::move(*socket), std::move(options),
                                                        std::move(handlers), std::move(counters));
  }
  return server;
}

}  // namespace holdfast::sockets
