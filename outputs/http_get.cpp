// A GET by libcurl, on a connection of its own.
#include "outputs/http_get.h"

#include <algorithm>
#include <array>
#include <memory>

#include <curl/curl.h>
#include <fmt/core.h>

#include "outputs/text.h"

namespace holdfast::outputs {
namespace {

using base::ErrorCode;

struct EasyDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

struct Body {
  std::string text;
  std::size_t max_bytes = 0;
  bool too_long = false;
};

std::size_t on_body(const char* data, std::size_t size, std::size_t count, void* user) {
  auto& body = *static_cast<Body*>(user);
  const std::size_t bytes = size * count;
  body.too_long = bytes > body.max_bytes - body.text.size();
  if (body.too_long) return 0;  // ends the transfer
  body.text.append(data, bytes);
  return bytes;
}

}  // namespace

base::Result<HttpGot> http_get(const HttpGet& request) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, EasyDeleter> easy(curl_easy_init());
  if (ready != CURLE_OK || !easy) return base::fail(ErrorCode::kIo, "libcurl cannot be used");
  std::unique_ptr<curl_slist, ListDeleter> headers;
  for (const HttpHeader& header : request.headers) {
    curl_slist* const longer =
        curl_slist_append(headers.get(), fmt::format("{}: {}", header.name, header.value).c_str());
    if (longer == nullptr) return base::fail(ErrorCode::kIo, "libcurl: out of memory");
    (void)headers.release();  // `longer` is the same list
    headers.reset(longer);
  }
  Body body{{}, request.max_bytes};
  std::array<char, CURL_ERROR_SIZE> words{};
  bool good = true;
  const auto set = [&](CURLoption option, auto value) {
    good = good && curl_easy_setopt(easy.get(), option, value) == CURLE_OK;
  };
  const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(request.timeout).count();
  set(CURLOPT_ERRORBUFFER, words.data());
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 1L);
  set(CURLOPT_MAXREDIRS, 10L);
  set(CURLOPT_HTTPHEADER, headers.get());
  set(CURLOPT_USERAGENT, "holdfast/" HOLDFAST_VERSION);
  set(CURLOPT_TIMEOUT_MS, std::max(1L, static_cast<long>(timeout)));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_HTTP09_ALLOWED, 0L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_WRITEFUNCTION, &on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&body));
  if (!good) return base::fail(ErrorCode::kInvalid, "libcurl does not take the request");
  const CURLcode code = curl_easy_perform(easy.get());
  if (body.too_long) {
    return base::fail(ErrorCode::kTooLarge, "the answer has more than {} bytes", request.max_bytes);
  }
  if (code != CURLE_OK) {
    const std::string_view detail(words.data());
    return base::fail(
        ErrorCode::kIo, "{}",
        one_line(without_user_info(detail.empty() ? curl_easy_strerror(code) : detail)));
  }
  long status = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  return HttpGot{static_cast<int>(status), std::move(body.text)};
}

}  // namespace holdfast::outputs
