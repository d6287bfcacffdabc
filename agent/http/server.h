// The HTTP server that listeners and status share. Runs on the agent's I/O thread; a handler may
// answer later and from another thread. GNU libmicrohttpd does HTTP (server.cpp says why); nothing
// of it shows here.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <asio/io_context.hpp>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/result.h"
#include "agent/tls/server_options.h"

namespace holdfast::http {

struct Request {
  std::string method;                        // as sent: "GET", "POST", "HEAD"
  std::string path;                          // decoded, without the query
  std::map<std::string, std::string> query;  // decoded; the first of equal names wins
  // Names in lower case; values of equal names joined with ", ".
  std::map<std::string, std::string> headers;
  std::string body;    // as sent (gzip not undone)
  std::string remote;  // "address:port" of the peer, or "unix"

  // Empty if absent.
  [[nodiscard]] std::string_view header(const std::string& lower_case_name) const;
  [[nodiscard]] std::string_view parameter(const std::string& name) const;
};

struct Response {
  int status = 204;
  std::string body;
  std::string content_type;                                  // sent when the body is not empty
  std::vector<std::pair<std::string, std::string>> headers;  // further ones
};

// The promise of one answer. Movable; respond() may be called from any thread, once (more are
// ignored), also when the server is gone. Destroying it unanswered answers 500.
class Responder {
 public:
  class State;
  explicit Responder(std::shared_ptr<State> state);
  Responder(Responder&&) noexcept = default;
  Responder& operator=(Responder&&) noexcept;
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  ~Responder();

  void respond(Response response);

 private:
  std::shared_ptr<State> state_;
};

struct ServerOptions {
  // "host:port", ":port" (all addresses, IPv6 and IPv4), "127.0.0.1:0" (a free port, see port()),
  // "unix:/path".
  std::string address;
  // More: 413, at once if Content-Length says so, else when the body has come to its end.
  std::uint64_t max_body_bytes = 32ULL * 1024 * 1024;
  // Bodies held for all requests together, from their header (by Content-Length) or first byte to
  // the answer. More: 503 with Retry-After: 1.
  std::uint64_t max_pending_bytes = 64ULL * 1024 * 1024;
  std::uint32_t max_connections = 1024;
  // A connection without traffic is closed after this, in whole seconds, at least 1 s. Does not run
  // while a request is with the handler.
  base::Duration idle_timeout = std::chrono::seconds(60);
  // TLS if there is a certificate. A client that may not talk to us is answered 403.
  tls::ServerOptions tls;
};

class Server {
 public:
  // Called on the I/O thread once the whole body is there.
  using Handler = std::function<void(Request, Responder)>;

  // Fails when the address is wrong or taken, or a file of TLS no good; the message names it.
  [[nodiscard]] static base::Result<std::unique_ptr<Server>> start(asio::io_context& io,
                                                                   const ServerOptions& options,
                                                                   Handler handler,
                                                                   const base::Logger& log);
  // Destroyed on the I/O thread (or once nobody runs the io_context), before the io_context, and
  // not from within a handler. Requests still unanswered get 503; responders may live on.
  virtual ~Server() = default;

  // The port in use; 0 for a unix socket.
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  // Requests the handler has got and whose answer is not yet sent. Any thread.
  [[nodiscard]] virtual std::size_t pending() const = 0;
  // Accepts no more connections; requests already being handled are still answered. Kept-alive
  // connections stay: what comes in on them goes to the handler as before. `drained`, if given, is
  // called on the I/O thread once nothing is pending, never from within this call. I/O thread.
  virtual void quiesce(std::function<void()> drained = {}) = 0;
};

}  // namespace holdfast::http
