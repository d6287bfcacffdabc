// One GET and its answer, for what is not a write: a configuration behind a URL.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "outputs/http_client.h"

namespace holdfast::outputs {

struct HttpGet {
  std::string url;  // user info in it is sent as Basic authentication
  std::vector<HttpHeader> headers;
  std::size_t max_bytes = 0;  // of the body; a longer one is an error
  base::Duration timeout{std::chrono::seconds(30)};
};

struct HttpGot {
  int status = 0;
  std::string body;
};

// Waits for the answer. Up to ten redirects, to http and https, are followed; headers and user info
// that authorize go to the first host and port only. An error carries no user info of the URL.
[[nodiscard]] base::Result<HttpGot> http_get(const HttpGet& request);

}  // namespace holdfast::outputs
