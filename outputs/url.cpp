// Server URLs: what is accepted, and query strings.
#include "outputs/url.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include <fmt/core.h>
#include <sys/un.h>

#include "outputs/text.h"

namespace holdfast::outputs {
namespace {

using base::ErrorCode;
using base::fail;

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port > 0;
}

bool is_host_character(char c) {
  return static_cast<unsigned char>(c) > 0x20 && c != 0x7f &&
         std::string_view("\"'<>\\^`{|}").find(c) == std::string_view::npos;
}

// "host", "host:8086", "[::1]:8086"
bool is_host_port(std::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_host_character)) return false;
  std::string_view rest;
  if (text.front() == '[') {
    const auto end = text.find(']');
    if (end == std::string_view::npos || end < 3) return false;
    rest = text.substr(end + 1);
  } else {
    const auto colon = text.find(':');
    if (colon == 0) return false;
    rest = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
  }
  return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
}

void take_user_info(std::string_view user_info, ServerUrl& url) {
  const auto colon = user_info.find(':');
  url.username = percent_decode(user_info.substr(0, colon));
  if (colon != std::string_view::npos) url.password = percent_decode(user_info.substr(colon + 1));
}

// "unix:///run/influxdb.sock": the socket lies on this machine, so the path must be absolute.
base::Result<ServerUrl> parse_unix_url(std::string_view text) {
  constexpr std::size_t kLongest = sizeof(sockaddr_un::sun_path) - 1;
  ServerUrl url;
  url.name = text;
  url.base = "http://localhost";
  url.socket = percent_decode(text.substr(std::string_view("unix://").size()));
  if (!url.socket.starts_with('/') || url.socket.size() < 2) {
    return fail(ErrorCode::kInvalid, "expected an absolute path, as in unix:///run/influxdb.sock");
  }
  if (url.socket.size() > kLongest || url.socket.find('\0') != std::string::npos) {
    return fail(ErrorCode::kInvalid, "the path of a socket has at most {} bytes and no NUL",
                kLongest);
  }
  return url;
}

}  // namespace

base::Result<ServerUrl> parse_server_url(std::string_view text) {
  const auto end_of_scheme = text.find("://");
  const std::string_view scheme = text.substr(0, end_of_scheme);
  const bool known = scheme == "http" || scheme == "https" || scheme == "unix";
  if (end_of_scheme == std::string_view::npos || !known) {
    return fail(ErrorCode::kInvalid,
                "expected a URL that begins with http://, https:// or unix://");
  }
  if (text.find_first_of("?#") != std::string_view::npos) {
    return fail(ErrorCode::kInvalid, "a server's URL has no query and no fragment");
  }
  if (scheme == "unix") return parse_unix_url(text);
  const std::string_view rest = text.substr(end_of_scheme + 3);
  const auto slash = rest.find('/');
  std::string_view authority = rest.substr(0, slash);
  ServerUrl url;
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    take_user_info(authority.substr(0, at), url);
    authority.remove_prefix(at + 1);
  }
  std::string_view path = slash == std::string_view::npos ? "" : rest.substr(slash);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (!is_host_port(authority)) {
    return fail(ErrorCode::kInvalid, "no valid host and port in the URL");
  }
  if (!std::all_of(path.begin(), path.end(), is_host_character)) {
    return fail(ErrorCode::kInvalid, "the URL's path has characters that must be percent-encoded");
  }
  url.base = fmt::format("{}://{}{}", scheme, authority, path);
  url.name = url.base;
  return url;
}

std::string shown_url(std::string_view text) {
  const auto at = text.rfind('@');
  const bool has_user = at != std::string_view::npos;
  const std::string_view rest = has_user ? text.substr(at) : text;
  const auto query = rest.find('?');
  return one_line(fmt::format("{}{}{}", has_user ? "***" : "", rest.substr(0, query),
                              query == std::string_view::npos ? "" : "?***"),
                  100);
}

std::string query_string(const std::map<std::string, std::string>& parameters) {
  std::string out;
  for (const auto& [name, value] : parameters) {
    if (value.empty()) continue;
    out += out.empty() ? '?' : '&';
    out += name + "=" + percent_encode(value);
  }
  return out;
}

}  // namespace holdfast::outputs
