// Answers on their way out.
#include "agent/http/reply.h"

#include <string_view>

#include <fmt/core.h>

namespace holdfast::http {
namespace {

Response error(int status, std::string_view message) {
  Response response{status, fmt::format(R"({{"error":"{}"}})", message), "application/json", {}};
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace

MHD_Result send_reply(MHD_Connection* connection, const Response& response) {
  // The library copies the body, so its parameter is non-const in name only.
  MHD_Response* out = MHD_create_response_from_buffer(
      response.body.size(), const_cast<char*>(response.body.data()), MHD_RESPMEM_MUST_COPY);
  if (out == nullptr) return MHD_NO;
  if (!response.body.empty() && !response.content_type.empty()) {
    MHD_add_response_header(out, MHD_HTTP_HEADER_CONTENT_TYPE, response.content_type.c_str());
  }
  for (const auto& [name, value] : response.headers) {
    MHD_add_response_header(out, name.c_str(), value.c_str());
  }
  const MHD_Result queued =
      MHD_queue_response(connection, static_cast<unsigned>(response.status), out);
  MHD_destroy_response(out);
  return queued;
}

Response too_large(std::uint64_t limit) {
  return error(413, fmt::format("the body is larger than {} bytes", limit));
}

Response forbidden(std::string_view why) { return error(403, why); }

Response overloaded() { return error(503, "too much is waiting to be stored; try again later"); }

Response closing() { return error(503, "the server is shutting down"); }

}  // namespace holdfast::http
