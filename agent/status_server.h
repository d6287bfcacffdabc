// StatusServer: the status document and health over HTTP and over the unix socket that
// `holdfast status` asks; and the asking side.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <asio/io_context.hpp>

#include "agent/http/server.h"
#include "agent/pipeline.h"

namespace holdfast::agent {

class StatusServer {
 public:
  // What cannot be listened on is warned about, no more. The pipeline outlives the server.
  StatusServer(asio::io_context& io, const Pipeline& pipeline, const std::string& listen,
               const std::string& socket_path, const base::Logger& log);
  // Port of the HTTP side, 0 if it is off.
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  std::vector<std::unique_ptr<http::Server>> servers_;
  std::uint16_t port_ = 0;
};

// The status document of the agent that listens there.
[[nodiscard]] base::Result<std::string> ask_status(const std::string& socket_path);

}  // namespace holdfast::agent
