#include "agent/status_server.h"

#include <asio/local/stream_protocol.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>

#include "agent/status.h"

namespace holdfast::agent {
namespace {

http::Response answer(const http::Request& request, const Pipeline& pipeline) {
  if (request.method != "GET" && request.method != "HEAD") {
    return {
        405, "{\"error\":\"method not allowed\"}\n", "application/json", {{"Allow", "GET, HEAD"}}};
  }
  if (request.path == "/status.json") return {200, status_json(pipeline), "application/json", {}};
  if (request.path == "/health") {
    const Health state = health(pipeline);
    return {state.good ? 200 : 503,
            state.good ? "ok\n" : state.why + "\n",
            "text/plain; charset=utf-8",
            {}};
  }
  return {404, "{\"error\":\"not found; try /status.json or /health\"}\n", "application/json", {}};
}

}  // namespace

StatusServer::StatusServer(asio::io_context& io, const Pipeline& pipeline,
                           const std::string& listen, const std::string& socket_path,
                           const base::Logger& log) {
  const auto start = [&](const std::string& address) -> const http::Server* {
    http::ServerOptions options;
    options.address = address;
    options.max_body_bytes = 4096;
    options.max_connections = 16;
    auto server = http::Server::start(
        io, options,
        [&pipeline](const http::Request& request, http::Responder responder) {
          responder.respond(answer(request, pipeline));
        },
        log);
    if (!server) {
      log.warn("status is not available there: {}", server.error().message);
      return nullptr;
    }
    servers_.push_back(std::move(*server));
    return servers_.back().get();
  };
  if (!listen.empty()) {
    if (const http::Server* server = start(listen)) port_ = server->port();
  }
  start("unix:" + socket_path);
}

base::Result<std::string> ask_status(const std::string& socket_path) {
  using asio::local::stream_protocol;
  std::error_code error;
  asio::io_context io;
  stream_protocol::socket socket(io);
  socket.connect(stream_protocol::endpoint(socket_path), error);
  if (error) {
    return base::fail(base::ErrorCode::kNotFound,
                      "no agent answers at {}: {}; is it running, with the same configuration?",
                      socket_path, error.message());
  }
  asio::write(socket, asio::buffer(std::string("GET /status.json HTTP/1.0\r\n\r\n")), error);
  std::string text;
  if (!error) asio::read(socket, asio::dynamic_buffer(text, 4U << 20U), error);
  const std::size_t body = text.find("\r\n\r\n");
  if (body == std::string::npos) {
    return base::fail(base::ErrorCode::kIo, "{}: no answer: {}", socket_path, error.message());
  }
  return text.substr(body + 4);
}

}  // namespace holdfast::agent
