// The libcurl form of HttpClient.
//
// A multi handle drives the one easy handle, so that a wait for the network is interrupted often
// enough to notice a stop. It also holds the kept-alive connection.
#include "outputs/http_client.h"

#include <algorithm>
#include <array>
#include <utility>

#include <curl/curl.h>
#include <fmt/core.h>
#include <sys/socket.h>
#include <unistd.h>

#include "outputs/answer_reader.h"
#include "outputs/text.h"

namespace holdfast::outputs {
namespace {

using base::ErrorCode;

// How often a running request looks whether it must stop.
constexpr int kPollMs = 100;
// How long an address is remembered while all goes well.
constexpr long kDnsCacheSeconds = 60;
// 5,000 points mostly fit: one call sends them. libcurl's own 64 KiB take two.
constexpr long kUploadBuffer = 128L << 10U;

struct EasyDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct MultiDeleter {
  void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
};
struct UrlDeleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;
using Multi = std::unique_ptr<CURLM, MultiDeleter>;
using Url = std::unique_ptr<CURLU, UrlDeleter>;
using HeaderList = std::unique_ptr<curl_slist, ListDeleter>;

long milliseconds(base::Duration duration) {
  return std::max(
      1L, static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(duration).count()));
}

bool append(HeaderList& list, const std::string& line) {
  curl_slist* const longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) return false;
  (void)list.release();  // `longer` is the same list
  list.reset(longer);
  return true;
}

HeaderList header_list(const HttpRequest& request, const std::string& host) {
  HeaderList list;
  // Without this libcurl waits a second for a 100 before it sends a large body.
  bool good = append(list, "Expect:");
  const bool own_host =
      std::any_of(request.headers.begin(), request.headers.end(),
                  [](const auto& h) { return curl_strequal(h.name.c_str(), "Host") != 0; });
  if (!host.empty() && !own_host) good = good && append(list, "Host: " + host);
  for (const HttpHeader& header : request.headers) {
    // libcurl's spelling of a header with an empty value ends with a semicolon.
    good = good &&
           append(list, header.value.empty() ? header.name + ";"
                                             : fmt::format("{}: {}", header.name, header.value));
  }
  return good ? std::move(list) : HeaderList();
}

TransportError kind_of(CURLcode code) {
  switch (code) {
    case CURLE_OK:
      return TransportError::kNone;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return TransportError::kResolve;
    case CURLE_COULDNT_CONNECT:
    case CURLE_INTERFACE_FAILED:
      return TransportError::kConnect;
    case CURLE_OPERATION_TIMEDOUT:
      return TransportError::kTimeout;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
      return TransportError::kTls;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
      return TransportError::kReset;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_HTTP2:
    case CURLE_BAD_CONTENT_ENCODING:
      return TransportError::kMalformed;
    case CURLE_ABORTED_BY_CALLBACK:
      return TransportError::kAborted;
    default:
      return TransportError::kOther;
  }
}

std::string part_of(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  std::string out(text);
  curl_free(text);
  return out;
}

// Where to go when the certificate is for another name: the URL with that name in place of its
// host, libcurl's word for where to connect to all the same, and the Host header of the URL as it
// was.
struct Renamed {
  std::string url;
  std::string connect_to;
  std::string host_header;
};

Renamed renamed(const std::string& text, const std::string& server_name) {
  const Url url(curl_url());
  if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return {};
  Renamed out;
  const std::string host = part_of(url.get(), CURLUPART_HOST);
  const std::string port = part_of(url.get(), CURLUPART_PORT);  // empty: not in the URL
  out.host_header = port.empty() ? host : host + ":" + port;
  out.connect_to =
      fmt::format("::{}:{}", host, part_of(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT));
  if (curl_url_set(url.get(), CURLUPART_HOST, server_name.c_str(), 0) != CURLUE_OK) return {};
  out.url = part_of(url.get(), CURLUPART_URL);
  return out;
}

// What the callbacks of one attempt share.
struct Exchange {
  AnswerReader reader;
  bool too_long = false;
};

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
  static_cast<Exchange*>(user)->reader.header_line({data, size * count});
  return size * count;
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  if (exchange.reader.body({data, size * count})) return size * count;
  exchange.too_long = true;
  return 0;
}

class CurlClient final : public HttpClient {
 public:
  CurlClient(Easy easy, Multi multi, const HttpClientOptions& options, const base::Clock& clock)
      : multi_(std::move(multi)), easy_(std::move(easy)), options_(options), clock_(clock) {}

  ~CurlClient() override {
    exchange_ = nullptr;  // connections are closed below, with nothing left to learn
  }
  CurlClient(const CurlClient&) = delete;
  CurlClient& operator=(const CurlClient&) = delete;

  [[nodiscard]] HttpResult send(const HttpRequest& request, const StopSignal& stop) override {
    HttpResult result = attempt(request, stop, /*fresh=*/false);
    const bool untouched = result.status == 0 && result.error == TransportError::kReset;
    // The server had closed the kept-alive connection while the request was on its way: that says
    // nothing about the server. libcurl repeats some of these cases by itself, not all.
    if (untouched && reused_ && !saw_answer_) result = attempt(request, stop, /*fresh=*/true);
    return result;
  }

  [[nodiscard]] bool configure() {
    bool good = true;
    const auto set = [&](CURLoption option, auto value) {
      good = good && curl_easy_setopt(easy_.get(), option, value) == CURLE_OK;
    };
    const auto set_text = [&](CURLoption option, const std::string& value) {
      if (!value.empty()) set(option, value.c_str());
    };
    set(CURLOPT_NOSIGNAL, 1L);
    // A name server that does not answer must not hold up a stop: leave the resolver's thread
    // behind.
    set(CURLOPT_QUICK_EXIT, 1L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_HTTP09_ALLOWED, 0L);
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_POST, 1L);
    set(CURLOPT_TIMEOUT_MS, milliseconds(options_.timeout));
    set(CURLOPT_UPLOAD_BUFFERSIZE, kUploadBuffer);
    set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(options_.connect_timeout));
    set(CURLOPT_USERAGENT,
        options_.user_agent.empty() ? "holdfast/" HOLDFAST_VERSION : options_.user_agent.c_str());
    set(CURLOPT_ERRORBUFFER, error_.data());
    set(CURLOPT_HEADERFUNCTION, &on_header);
    set(CURLOPT_WRITEFUNCTION, &on_body);
    set(CURLOPT_CLOSESOCKETFUNCTION, &CurlClient::on_close);
    set(CURLOPT_CLOSESOCKETDATA, static_cast<void*>(this));
    set(CURLOPT_SSLVERSION, static_cast<long>(options_.tls_1_3_only ? CURL_SSLVERSION_TLSv1_3
                                                                    : CURL_SSLVERSION_TLSv1_2));
    if (options_.insecure_skip_verify) {
      set(CURLOPT_SSL_VERIFYPEER, 0L);
      set(CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (!options_.username.empty() || !options_.password.empty()) {
      set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
      set(CURLOPT_USERNAME, options_.username.c_str());
      set(CURLOPT_PASSWORD, options_.password.c_str());
    }
    set_text(CURLOPT_PROXY, options_.proxy);
    if (!options_.unix_socket.empty()) {
      set(CURLOPT_UNIX_SOCKET_PATH, options_.unix_socket.c_str());
      set(CURLOPT_PROXY, "");  // not even the environment's
    }
    if (!options_.local_address.empty()) {
      set(CURLOPT_INTERFACE, ("host!" + options_.local_address).c_str());
    }
    if (options_.local_port > 0) set(CURLOPT_LOCALPORT, static_cast<long>(options_.local_port));
    if (options_.low_speed_limit > 0) {
      set(CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(options_.low_speed_limit));
      set(CURLOPT_LOW_SPEED_TIME, std::max(1L, milliseconds(options_.low_speed_time) / 1000));
    }
    set_text(CURLOPT_PINNEDPUBLICKEY, options_.tls_pinned_public_key);
    set_text(CURLOPT_CAINFO, options_.tls_ca);
    set_text(CURLOPT_SSLCERT, options_.tls_cert);
    set_text(CURLOPT_SSLKEY, options_.tls_key);
    set_text(CURLOPT_KEYPASSWD, options_.tls_key_pwd);
    // One connection is all one output needs; a second would only outlive its use.
    good = good && curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, 1L) == CURLM_OK;
    return good;
  }

 private:
  // libcurl closes a socket. After a failed send the answer may already lie in it: a server that
  // refuses a large body (413, 401) answers before it has read it all, and closes.
  static int on_close(void* user, curl_socket_t socket) {
    auto& self = *static_cast<CurlClient*>(user);
    if (self.exchange_ != nullptr && !self.exchange_->reader.saw_anything()) {
      std::array<char, AnswerReader::kMaxBody> bytes{};
      const ssize_t size = ::recv(socket, bytes.data(), bytes.size(), MSG_DONTWAIT);
      if (size > 0) {
        self.exchange_->reader.raw({bytes.data(), static_cast<std::size_t>(size)});
      }
    }
    return ::close(socket);
  }

  // Under which name to speak to the server; empty: the URL's own.
  Renamed other_name(const HttpRequest& request) const {
    if (options_.tls_server_name.empty() || !request.url.starts_with("https:")) return {};
    return renamed(request.url, options_.tls_server_name);
  }

  // Most requests have the headers of the one before.
  void keep_headers(const HttpRequest& request, const std::string& host) {
    if (headers_ && request.headers == headers_of_ && host == host_of_) return;
    headers_ = header_list(request, host);
    headers_of_ = request.headers;
    host_of_ = host;
  }

  bool prepare(const HttpRequest& request, const Renamed& name, const HeaderList& connect_to,
               bool fresh, Exchange& exchange) {
    bool good = headers_ != nullptr;
    const auto set = [&](CURLoption option, auto value) {
      good = good && curl_easy_setopt(easy_.get(), option, value) == CURLE_OK;
    };
    set(CURLOPT_URL, name.url.empty() ? request.url.c_str() : name.url.c_str());
    set(CURLOPT_CONNECT_TO, connect_to.get());
    // The server may have moved: what the name meant a moment ago is no longer trusted.
    set(CURLOPT_DNS_CACHE_TIMEOUT, failed_ ? 0L : kDnsCacheSeconds);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_POSTFIELDS, request.body.data() == nullptr ? "" : request.body.data());
    set(CURLOPT_HTTPHEADER, headers_.get());
    set(CURLOPT_FRESH_CONNECT, fresh ? 1L : 0L);
    set(CURLOPT_HEADERDATA, static_cast<void*>(&exchange));
    set(CURLOPT_WRITEDATA, static_cast<void*>(&exchange));
    return good;
  }

  HttpResult attempt(const HttpRequest& request, const StopSignal& stop, bool fresh) {
    Exchange exchange;
    exchange_ = &exchange;
    error_[0] = '\0';
    reused_ = false;
    const Renamed name = other_name(request);
    keep_headers(request, name.host_header);
    HeaderList connect_to;
    if (!name.connect_to.empty()) (void)append(connect_to, name.connect_to);
    const CURLcode code =
        prepare(request, name, connect_to, fresh, exchange) ? perform(stop) : CURLE_OUT_OF_MEMORY;
    exchange_ = nullptr;
    failed_ = code != CURLE_OK;
    saw_answer_ = exchange.reader.saw_anything();
    // The handle must not keep pointers to what ends with this call.
    curl_easy_setopt(easy_.get(), CURLOPT_CONNECT_TO, nullptr);
    curl_easy_setopt(easy_.get(), CURLOPT_POSTFIELDS, nullptr);
    return conclude(code, exchange);
  }

  CURLcode perform(const StopSignal& stop) {
    if (curl_multi_add_handle(multi_.get(), easy_.get()) != CURLM_OK) return CURLE_OUT_OF_MEMORY;
    CURLcode code = CURLE_ABORTED_BY_CALLBACK;
    int running = 1;
    while (running > 0 && !stop.expired(clock_.boot())) {
      if (curl_multi_perform(multi_.get(), &running) != CURLM_OK) break;
      if (running > 0) (void)curl_multi_poll(multi_.get(), nullptr, 0, kPollMs, nullptr);
    }
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg == CURLMSG_DONE) code = message->data.result;
    }
    long connects = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_NUM_CONNECTS, &connects);
    reused_ = connects == 0;
    curl_multi_remove_handle(multi_.get(), easy_.get());
    return code;
  }

  HttpResult conclude(CURLcode code, Exchange& exchange) {
    const bool counts = exchange.reader.status_counts();
    HttpResult result = exchange.reader.take();
    if (!counts) {
      result.status = 0;
      result.headers.clear();
      result.body.clear();
    }
    curl_off_t sent = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_SIZE_UPLOAD_T, &sent);
    result.bytes_sent = static_cast<std::uint64_t>(std::max<curl_off_t>(0, sent));
    if (exchange.too_long && counts) code = CURLE_OK;  // known, and more than enough read
    // libcurl is content with an answer that ends inside its headers.
    if (!counts && code == CURLE_OK) code = CURLE_PARTIAL_FILE;
    result.error = kind_of(code);
    if (result.error != TransportError::kNone) result.error_text = describe(code);
    return result;
  }

  std::string describe(CURLcode code) const {
    if (code == CURLE_ABORTED_BY_CALLBACK) return "given up: the agent stops";
    const std::string_view detail(error_.data());
    const std::string_view text = detail.empty() ? curl_easy_strerror(code) : detail;
    return one_line(without_user_info(text));
  }

  HeaderList headers_;  // of headers_of_ and host_of_
  std::vector<HttpHeader> headers_of_;
  std::string host_of_;
  Multi multi_;
  Easy easy_;
  HttpClientOptions options_;
  const base::Clock& clock_;
  std::array<char, CURL_ERROR_SIZE> error_{};
  Exchange* exchange_ = nullptr;  // of the attempt that is running
  bool reused_ = false;           // of the latest attempt
  bool saw_answer_ = false;
  bool failed_ = false;
};

}  // namespace

base::Result<std::unique_ptr<HttpClient>> make_http_client(const HttpClientOptions& options,
                                                           const base::Clock& clock) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) {
    return base::fail(ErrorCode::kIo, "libcurl: {}", curl_easy_strerror(ready));
  }
  Easy easy(curl_easy_init());
  Multi multi(curl_multi_init());
  if (!easy || !multi) return base::fail(ErrorCode::kIo, "libcurl: out of memory");
  auto client = std::make_unique<CurlClient>(std::move(easy), std::move(multi), options, clock);
  if (!client->configure()) {
    return base::fail(ErrorCode::kInvalid, "libcurl does not take the connection's options");
  }
  return client;
}

}  // namespace holdfast::outputs
