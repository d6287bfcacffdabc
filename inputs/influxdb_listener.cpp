// influxdb_listener: takes line protocol over HTTP as InfluxDB 1.x does (telegraf-compat section
// 7.1). A write is answered 204 when its points are in the ring, and not before. HTTP is done by
// agent/http, taking in lines by write_queue.cpp; here are the routes and the answers.
#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include <fmt/core.h>

#include "agent/http/server.h"
#include "agent/line/ingest.h"
#include "inputs/input.h"
#include "inputs/write_queue.h"

namespace holdfast::inputs {
namespace {

constexpr std::uint64_t kDefaultBodyBytes = 32ULL * 1024 * 1024;
constexpr std::uint64_t kLargestBodyBytes = 1024ULL * 1024 * 1024;
constexpr std::uint64_t kLeastPendingBytes = 8ULL * 1024 * 1024;
constexpr base::Duration kDefaultTimeout = std::chrono::seconds(10);
constexpr base::Duration kLogInterval = std::chrono::seconds(10);

struct ListenerOptions {
  std::string service_address = ":8186";
  config::Bytes max_body_size{kDefaultBodyBytes};
  base::Duration read_timeout = kDefaultTimeout;
  base::Duration write_timeout = kDefaultTimeout;
  std::string database_tag;
  std::string retention_policy_tag;
  std::string basic_username;
  std::string basic_password;
  std::string parser_type = "internal";
};

const config::Schema<ListenerOptions>& listener_schema() {
  using Options = ListenerOptions;
  static const auto schema =
      config::Schema<Options>{}
          .option("service_address", &Options::service_address,
                  "Address to listen on: host:port, :port for all addresses, or unix:/path.")
          .option("max_body_size", &Options::max_body_size,
                  "Largest body, as sent and inflated; 0 is the default. More is answered 413. Up "
                  "to twice as much is held for all requests together, then 503 is answered.",
                  {.min = 0, .max = static_cast<double>(kLargestBodyBytes)})
          .option("read_timeout", &Options::read_timeout,
                  "A connection without traffic is closed after the longer of the two timeouts; "
                  "less than 1s means 10s.",
                  {.min = 0})
          .option("write_timeout", &Options::write_timeout, "See read_timeout.", {.min = 0})
          .option("database_tag", &Options::database_tag,
                  "Store the database of the request (db) under this tag; empty: do not.")
          .option("retention_policy_tag", &Options::retention_policy_tag,
                  "Store the retention policy of the request (rp) under this tag; empty: do not.")
          .option("basic_username", &Options::basic_username,
                  "User name that clients must send, as HTTP Basic or as `Token user:password`.")
          .option("basic_password", &Options::basic_password, "Password that clients must send.",
                  {.secret = true})
          .option("parser_type", &Options::parser_type, "Which parser Telegraf uses.",
                  {.choices = {"internal", "upstream"},
                   .no_effect = "there is one parser, as strict as the strictest InfluxDB"});
  return schema;
}

// For a JSON string and a header alike: control characters become blanks, and since an excerpt may
// end within a character, bytes beyond ASCII become question marks.
std::string plain_text(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = ' ';
    if (byte >= 0x80) c = '?';
  }
  return out;
}

// `{"error": …}` and the header that InfluxDB's clients look at.
http::Response error_answer(int status, std::string_view message) {
  const std::string text = plain_text(message);
  std::string body = R"({"error":")";
  for (const char c : text) {
    if (c == '"' || c == '\\') body += '\\';
    body += c;
  }
  body += "\"}\n";
  http::Response answer{status, std::move(body), "application/json", {{"X-Influxdb-Error", text}}};
  if (status == 503) answer.headers.emplace_back("Retry-After", "1");
  return answer;
}

std::string bad_lines_text(const WriteResult& result) {
  std::string text = fmt::format("line {}: {}", result.first_bad.number, result.first_bad.reason);
  if (!result.first_bad.excerpt.empty()) text += fmt::format(" in `{}`", result.first_bad.excerpt);
  if (result.bad_lines > 1) text += fmt::format(" (and {} more bad lines)", result.bad_lines - 1);
  return text;
}

http::Response write_answer(const WriteResult& result) {
  if (!result.status) {
    const auto& [code, message] = result.status.error();
    if (code == base::ErrorCode::kInvalid) return error_answer(400, message);
    if (code == base::ErrorCode::kTooLarge) return error_answer(413, message);
    return error_answer(503, message);
  }
  if (result.bad_lines > 0) return error_answer(400, bad_lines_text(result));
  return {};
}

std::string base64(std::string_view text) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (count += 8; count >= 6; count -= 6) out += kDigits[bits >> (count - 6) & 63];
  }
  if (count > 0) out += kDigits[bits << (6 - count) & 63];
  while (out.size() % 4 != 0) out += '=';
  return out;
}

// Takes as long for a nearly right text as for a wrong one of the same length.
bool same_secret(std::string_view given, std::string_view expected) {
  unsigned difference = given.size() == expected.size() ? 0 : 1;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const char c = i < given.size() ? given[i] : '\0';
    difference |= static_cast<unsigned>(c) ^ static_cast<unsigned>(expected[i]);
  }
  return difference == 0;
}

// Authorization: `Basic base64(user:password)` (RFC 7617) or `Token user:password` (InfluxDB 1.8).
class Credentials {
 public:
  Credentials(const std::string& user, const std::string& password)
      : required_(!user.empty() || !password.empty()),
        token_(user + ":" + password),
        basic_(base64(token_)) {}

  [[nodiscard]] bool accept(std::string_view authorization) const {
    if (!required_) return true;
    const std::size_t blank = authorization.find(' ');
    if (blank == std::string_view::npos) return false;
    std::string scheme(authorization.substr(0, blank));
    for (char& c : scheme) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    std::string_view value = authorization.substr(blank);
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    if (scheme == "basic") return same_secret(value, basic_);
    return scheme == "token" && same_secret(value, token_);
  }

 private:
  bool required_;
  std::string token_;
  std::string basic_;
};

http::Response method_answer(std::string_view allowed) {
  auto answer = error_answer(405, fmt::format("the method must be {}", allowed));
  answer.headers.emplace_back("Allow", allowed);
  return answer;
}

http::Response ping_answer(const http::Request& request) {
  if (request.method != "GET" && request.method != "HEAD") return method_answer("GET, HEAD");
  const std::string_view verbose = request.parameter("verbose");
  http::Response answer;
  if (verbose == "1" || verbose == "true") {
    answer = {200, "{\"version\":\"1.0\"}\n", "application/json", {}};
  }
  answer.headers.emplace_back("X-Influxdb-Version", "1.0");
  return answer;
}

// Warns of bad requests, one line now and then; shared with answers that come after the input.
class BadRequestLog {
 public:
  BadRequestLog(base::Logger log, const base::Clock& clock, InputCounters& counters)
      : log_(std::move(log)), clock_(clock), counters_(counters) {}

  void note(std::string_view remote, int status, std::string_view problem) {
    counters_.set_last_error(plain_text(problem));
    std::uint64_t suppressed = 0;
    if (!throttle_.allow(clock_.boot(), suppressed)) return;
    log_.warn("answered {} to {}: {} ({} more since the last warning)", status, remote, problem,
              suppressed);
  }

 private:
  base::Logger log_;
  const base::Clock& clock_;
  InputCounters& counters_;
  base::LogThrottle throttle_{kLogInterval};
};

class InfluxdbListener final : public ServiceInput {
 public:
  InfluxdbListener(ListenerOptions options, const InputContext& context)
      : options_(std::move(options)),
        clock_(context.clock),
        log_(context.log),
        credentials_(options_.basic_username, options_.basic_password) {
    if (options_.max_body_size.count == 0) options_.max_body_size.count = kDefaultBodyBytes;
  }

  [[nodiscard]] base::Status start(const ServiceContext& context) override;
  void stop(std::function<void()> stopped) override;

 private:
  void handle(http::Request request, http::Responder responder);
  void write(http::Request request, http::Responder responder);
  [[nodiscard]] base::Result<WriteRequest> write_request(http::Request& request) const;
  [[nodiscard]] base::Duration idle_timeout() const;

  ListenerOptions options_;
  const base::Clock& clock_;
  base::Logger log_;
  Credentials credentials_;
  InputCounters* counters_ = nullptr;
  std::shared_ptr<BadRequestLog> bad_requests_;
  std::shared_ptr<WriteQueue> queue_;
  bool stopping_ = false;
  std::unique_ptr<http::Server> server_;  // last: its handler uses the others
};

base::Duration InfluxdbListener::idle_timeout() const {
  const auto usual = [](base::Duration set) {
    return set < std::chrono::seconds(1) ? kDefaultTimeout : set;
  };
  return std::max(usual(options_.read_timeout), usual(options_.write_timeout));
}

base::Status InfluxdbListener::start(const ServiceContext& context) {
  const std::uint64_t body_bytes = options_.max_body_size.count;
  counters_ = &context.counters;
  bad_requests_ = std::make_shared<BadRequestLog>(log_, clock_, context.counters);
  queue_ = std::make_shared<WriteQueue>(WriteQueue::Environment{
      context.pool, context.sink, context.rules, context.counters, clock_, body_bytes});
  http::ServerOptions http;
  http.address = options_.service_address;
  http.max_body_bytes = body_bytes;
  http.max_pending_bytes = std::max(2 * body_bytes, kLeastPendingBytes);
  http.idle_timeout = idle_timeout();
  auto server = http::Server::start(
      context.io, http,
      [this](http::Request request, http::Responder responder) {
        handle(std::move(request), std::move(responder));
      },
      log_);
  if (!server) return tl::unexpected(server.error());
  server_ = std::move(*server);
  stopping_ = false;
  log_.info("listening on {} (port {})", options_.service_address, server_->port());
  return base::ok();
}

void InfluxdbListener::stop(std::function<void()> stopped) {
  stopping_ = true;
  server_->quiesce(std::move(stopped));
}

void InfluxdbListener::handle(http::Request request, http::Responder responder) {
  if (stopping_) return responder.respond(error_answer(503, "the listener is stopping"));
  if (request.path == "/ping") return responder.respond(ping_answer(request));
  if (!credentials_.accept(request.header("authorization"))) {
    auto answer = error_answer(401, "authorization failed");
    answer.headers.emplace_back("WWW-Authenticate", "Basic realm=\"holdfast\"");
    return responder.respond(std::move(answer));
  }
  if (request.path == "/write") {
    if (request.method != "POST") return responder.respond(method_answer("POST"));
    return write(std::move(request), std::move(responder));
  }
  if (request.path == "/query") {
    // Clients that begin with CREATE DATABASE are satisfied with this.
    return responder.respond(
        {200, "{\"results\":[{\"statement_id\":0}]}\n", "application/json", {}});
  }
  responder.respond(error_answer(404, "not found"));
}

void InfluxdbListener::write(http::Request request, http::Responder responder) {
  auto parsed = write_request(request);
  if (!parsed) {
    ++counters_->errors;
    bad_requests_->note(request.remote, 400, parsed.error().message);
    return responder.respond(error_answer(400, parsed.error().message));
  }
  // std::function copies, a Responder does not.
  auto shared = std::make_shared<http::Responder>(std::move(responder));
  parsed->done = [shared, bad_requests = bad_requests_,
                  remote = std::move(request.remote)](const WriteResult& result) {
    auto answer = write_answer(result);
    if (answer.status != 204) {
      bad_requests->note(remote, answer.status,
                         result.status ? bad_lines_text(result) : result.status.error().message);
    }
    shared->respond(std::move(answer));
  };
  queue_->push(std::move(*parsed));
}

base::Result<WriteRequest> InfluxdbListener::write_request(http::Request& request) const {
  WriteRequest out;
  const auto precision = line::parse_precision(request.parameter("precision"));
  if (!precision) {
    return base::fail(base::ErrorCode::kInvalid,
                      "precision `{}` is none of n, ns, u, us, ms, s, m, h",
                      request.parameter("precision"));
  }
  out.precision = *precision;
  const std::string_view coding = request.header("content-encoding");
  if (coding == "gzip") {
    out.coding = BodyCoding::kGzip;
  } else if (!coding.empty() && coding != "identity") {
    return base::fail(base::ErrorCode::kInvalid, "content encoding `{}` is not gzip or identity",
                      coding);
  }
  const auto force = [&](const std::string& tag, std::string_view value) {
    if (!tag.empty() && !value.empty()) out.forced_tags.emplace_back(tag, value);
  };
  force(options_.database_tag, request.parameter("db"));
  force(options_.retention_policy_tag, request.parameter("rp"));
  // These go into lines that were found good: they must not spoil them.
  for (const auto& [key, value] : out.forced_tags) {
    std::string probe = "m,";
    line::append_escaped_key(key, probe);
    probe += '=';
    line::append_escaped_key(value, probe);
    if (const auto problem = line::check_line(probe + " f=1 1")) {
      return base::fail(base::ErrorCode::kInvalid, "`{}` cannot be a tag: {}", value, *problem);
    }
  }
  out.body = std::move(request.body);
  return out;
}

}  // namespace

const InputPlugin& influxdb_listener_plugin() {
  static const InputPlugin plugin{
      .name = "influxdb_listener",
      .summary = "Line protocol over HTTP, as InfluxDB 1.x takes it",
      .options = [] { return listener_schema().describe(); },
      .create = [](config::Table& table, config::Diagnostics& diagnostics,
                   const InputContext& context) -> std::unique_ptr<Input> {
        return std::make_unique<InfluxdbListener>(listener_schema().parse(table, diagnostics),
                                                  context);
      }};
  return plugin;
}

}  // namespace holdfast::inputs
