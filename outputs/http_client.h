// HttpClient: one POST and its answer. http_client.cpp holds the libcurl form; besides it only
// http_get.cpp knows libcurl. Tests script the interface.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "outputs/stop_signal.h"

namespace holdfast::outputs {

struct HttpHeader {
  std::string name;
  std::string value;

  friend bool operator==(const HttpHeader&, const HttpHeader&) = default;
};

struct HttpRequest {
  std::string url;  // complete, without user info
  std::vector<HttpHeader> headers;
  std::string_view body;  // must outlive the call; not copied
};

enum class TransportError {
  kNone,
  kResolve,    // the name has no address
  kConnect,    // refused, unreachable, no such local address: nobody saw the request
  kTls,        // handshake or certificate
  kTimeout,    // ambiguous: the server may have the request
  kReset,      // the connection ended before the answer did: ambiguous
  kMalformed,  // the answer is not HTTP
  kAborted,    // given up because the agent stops
  kOther,
};

// What came back. `status` is known also together with an error when a status line was read and the
// rest of the answer was not: a complete header section, or any status of 400 and above.
struct HttpResult {
  int status = 0;                   // of the final answer; 0 = none
  std::vector<HttpHeader> headers;  // of the final answer, values trimmed
  std::string body;                 // its first 8 KiB
  TransportError error = TransportError::kNone;
  std::string error_text;        // the system's words, without user info of URLs
  std::uint64_t bytes_sent = 0;  // of the request body

  // Value of the first header of this name (case-insensitive); null if absent.
  [[nodiscard]] const std::string* header(std::string_view name) const;
};

// Used by one thread at a time.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // POSTs and waits for the answer, at most the client's timeout, and not much longer than `stop`
  // allows. Redirects are not followed.
  [[nodiscard]] virtual HttpResult send(const HttpRequest& request, const StopSignal& stop) = 0;
};

struct HttpClientOptions {
  base::Duration timeout{std::chrono::seconds(15)};  // of one request, connecting included
  base::Duration connect_timeout{std::chrono::seconds(10)};
  std::string user_agent{};  // empty: "holdfast/<version>"
  std::string username{};    // Basic authentication when either is set
  std::string password{};
  std::string proxy{};        // empty: as the environment says (http_proxy, https_proxy, no_proxy)
  std::string unix_socket{};  // path; the request's host is then only a name, no proxy is asked
  std::string local_address{};  // IP address to send from; empty: any
  std::uint16_t local_port = 0;
  std::uint64_t low_speed_limit = 0;  // bytes per second; slower for low_speed_time: kTimeout
  base::Duration low_speed_time{std::chrono::seconds(30)};
  bool insecure_skip_verify = false;
  bool tls_1_3_only = false;  // otherwise 1.2 and later
  std::string tls_ca{};       // files; empty: the system's
  std::string tls_cert{};
  std::string tls_key{};
  std::string tls_key_pwd{};
  std::string tls_server_name{};  // instead of the URL's host: asked for, and in the certificate
  std::string tls_pinned_public_key{};  // "sha256//<base64>", several separated by ";"
};

// The libcurl form: one kept-alive connection, HTTP/1.1. After a failed request the name is looked
// up afresh: the server may have moved.
[[nodiscard]] base::Result<std::unique_ptr<HttpClient>> make_http_client(
    const HttpClientOptions& options, const base::Clock& clock);

}  // namespace holdfast::outputs
