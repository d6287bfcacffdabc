// Headers, query and peer of a request, copied out of the library's memory.
#include "agent/http/request.h"

#include <array>
#include <string_view>

#include <arpa/inet.h>
#include <fmt/core.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace holdfast::http {
namespace {

std::string_view text(const char* data, std::size_t size) {
  return data == nullptr ? std::string_view() : std::string_view(data, size);
}

MHD_Result add_header(void* to, MHD_ValueKind /*kind*/, const char* name, std::size_t name_size,
                      const char* value, std::size_t value_size) {
  std::string key(text(name, name_size));
  for (char& c : key) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  auto& headers = *static_cast<std::map<std::string, std::string>*>(to);
  const auto [at, is_new] = headers.try_emplace(std::move(key), text(value, value_size));
  if (!is_new) at->second.append(", ").append(text(value, value_size));
  return MHD_YES;
}

MHD_Result add_parameter(void* to, MHD_ValueKind /*kind*/, const char* name, std::size_t name_size,
                         const char* value, std::size_t value_size) {
  static_cast<std::map<std::string, std::string>*>(to)->try_emplace(
      std::string(text(name, name_size)), text(value, value_size));
  return MHD_YES;
}

std::string remote_text(const sockaddr* address) {
  std::array<char, INET6_ADDRSTRLEN> host{};
  if (address != nullptr && address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    inet_ntop(AF_INET, &v4->sin_addr, host.data(), host.size());
    return fmt::format("{}:{}", host.data(), ntohs(v4->sin_port));
  }
  if (address != nullptr && address->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
      inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], host.data(), host.size());
      return fmt::format("{}:{}", host.data(), ntohs(v6->sin6_port));
    }
    inet_ntop(AF_INET6, &v6->sin6_addr, host.data(), host.size());
    return fmt::format("[{}]:{}", host.data(), ntohs(v6->sin6_port));
  }
  return "unix";
}

}  // namespace

void read_request(MHD_Connection* connection, Request& request) {
  MHD_get_connection_values_n(connection, MHD_HEADER_KIND, &add_header, &request.headers);
  MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, &add_parameter, &request.query);
  const auto* peer = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  request.remote = remote_text(peer == nullptr ? nullptr : peer->client_addr);
}

}  // namespace holdfast::http
