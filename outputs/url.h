// The URL of a server, as an output's option gives it.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace holdfast::outputs {

struct ServerUrl {
  std::string base;      // "http://host:8086/prefix", without user info and without a final slash
  std::string username;  // of the user info, decoded
  std::string password;
  std::string socket;  // of a unix:// URL: the path; `base` is http://localhost then
  std::string name;    // for people and for the reader's name: `base`, or the unix:// URL
};

// http, https and unix (unix:///path/of.sock); a path behind a host is a prefix that is kept.
// Errors name what is wrong, never the password.
[[nodiscard]] base::Result<ServerUrl> parse_server_url(std::string_view text);

// For a message about a URL that may be wrong: nothing before its last '@', nothing of a query.
[[nodiscard]] std::string shown_url(std::string_view text);

// "?a=1&b=2" from parameters, percent-encoded, sorted by name; empty values are left out.
[[nodiscard]] std::string query_string(const std::map<std::string, std::string>& parameters);

}  // namespace holdfast::outputs
