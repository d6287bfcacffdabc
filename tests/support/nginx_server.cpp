// A configuration for a single nginx process, all of it in a temporary directory.
#include "tests/support/nginx_server.h"

#include <fstream>
#include <system_error>

#include <fmt/core.h>

#include <asio.hpp>

namespace holdfast::test {
namespace {

bool listens(std::uint16_t port) {
  asio::io_context io;
  asio::ip::tcp::socket socket(io);
  std::error_code error;
  socket.connect({asio::ip::address_v4::loopback(), port}, error);
  return !error;
}

std::string config_text(const std::string& directory, std::uint16_t port,
                        const NginxOptions& options) {
  const bool tls = !options.tls.cert.empty();
  const std::string certificate =
      tls ? fmt::format(
                "ssl_protocols TLSv1.2 TLSv1.3;\nssl_certificate {};\nssl_certificate_key {};\n",
                options.tls.cert, options.tls.key)
          : "";
  return fmt::format(
      "daemon off;\nmaster_process off;\npid {0}/pid;\nerror_log stderr;\n"
      "events {{ }}\n"
      "http {{\naccess_log off;\nclient_body_temp_path {0}/body;\nproxy_temp_path {0}/proxy;\n"
      "fastcgi_temp_path {0}/f;\nuwsgi_temp_path {0}/u;\nscgi_temp_path {0}/s;\n{1}\n"
      "server {{\nlisten 127.0.0.1:{2}{3};\n{4}{5}\n"
      "location / {{ proxy_pass {6}; proxy_http_version 1.1; }}\n}}\n}}\n",
      directory, options.http, port, tls ? " ssl" : "", certificate, options.server,
      options.upstream);
}

}  // namespace

std::string NginxServer::url(const std::string& host) const {
  return fmt::format("{}://{}:{}", options_.tls.cert.empty() ? "http" : "https", host, port_);
}

base::Status NginxServer::start() {
  if (port_ != 0) return launch(port_);
  return start_on_free_port(port_, [this](std::uint16_t port) { return launch(port); });
}

base::Status NginxServer::launch(std::uint16_t port) {
  const std::string config = dir_.path("nginx.conf");
  std::ofstream(config) << config_text(dir_.path(), port, options_);
  return process_.start({"-c", config, "-p", dir_.path(), "-e", "stderr"},
                        [port] { return listens(port); });
}

}  // namespace holdfast::test
