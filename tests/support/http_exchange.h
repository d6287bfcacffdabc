// One HTTP request and its answer, over TCP on loopback or a unix socket.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::test {

struct HttpAnswer {
  int status = 0;  // 0: no connection, or it ended before the answer was whole
  std::string head;
  std::string body;
};

// `address` is "127.0.0.1:<port>" (nothing but loopback) or "unix:<path>". HTTP/1.0, a connection
// each: the answer ends with it. Gives up after 30 s without a byte. `headers`: further ones, each
// with its CRLF.
[[nodiscard]] HttpAnswer http_exchange(const std::string& address, std::string_view method,
                                       std::string_view target, std::string_view body = {},
                                       std::string_view headers = {});

}  // namespace holdfast::test
