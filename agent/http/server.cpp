// The HTTP server, on GNU libmicrohttpd: connections, requests, the event loop.
//
// Why a library, and this one. HTTP/1.1 as clients really speak it (keep-alive, pipelining, chunked
// bodies, Expect: 100-continue, limits on all of it, TLS) is a few thousand lines that see
// every attacker first; this library has been kept for that since 2007, does nothing else, and is
// what systemd-journal-remote uses beside libcurl, as we do. What it costs, measured with 0.9.75 on
// one x86-64 core, requests over loopback on a kept-alive connection:
//   - 8 to 10 us of CPU a request answered 204, most of it in the kernel, and 0.26 ns a byte of
//     body: 0.15 ms for 5,000 lines of 105 bytes, which cost milliseconds to check and compress;
//   - 14 KiB for an idle connection, 12 KiB of them the buffer set below;
//   - 155 KiB of code, shared; beside libcurl, which has loaded GnuTLS already, 132 KiB resident.
// It runs without threads of its own: its epoll descriptor is one more thing the agent's io_context
// waits for, and it is entered on that thread only (see answers.h).
#include "agent/http/server.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cstdarg>
#include <cstdio>
#include <unordered_map>

#include <microhttpd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include "agent/http/answers.h"
#include "agent/http/linger.h"
#include "agent/http/listen_socket.h"
#include "agent/http/reply.h"
#include "agent/http/request.h"
#include "agent/http/tls.h"

namespace holdfast::http {
namespace {

// Holds a request's header and half of it what one read takes; the library clears all of it when a
// client connects, so that it is resident. For bodies of 525 KB, CPU a request and memory a
// connection: 8 KiB 0.22 ms, 10 KiB; 16 KiB 0.13 ms, 18 KiB; 32 KiB 0.09 ms, 33 KiB. With 12 KiB a
// thousand idle clients and ten busy ones stay below 20 MiB.
constexpr std::size_t kConnectionMemoryBytes = std::size_t{12} * 1024;
constexpr base::Duration kLogInterval = std::chrono::seconds(30);
// Rounds of the library at destruction, for the last answers to leave.
constexpr int kFarewellRounds = 3;

// One request of one connection; the library keeps a pointer to it from its header to its answer.
struct Exchange {
  Request request;
  std::uint64_t held_bytes = 0;     // of the body budget, until the responder takes them over
  std::optional<Response> refusal;  // given once the rest of the body has been read and dropped
  std::uint64_t discarded_bytes = 0;
  std::shared_ptr<Responder::State> state;  // set when the handler has been called
};

class DaemonServer final : public Server {
 public:
  DaemonServer(asio::io_context& io, const ServerOptions& options, Handler handler,
               const base::Logger& log)
      : io_(io),
        options_(options),
        handler_(std::move(handler)),
        log_(log),
        lingering_(io),
        answers_(std::make_shared<Answers>(io, [this] { deliver(); })),
        epoll_(io),
        timer_(io) {}
  DaemonServer(const DaemonServer&) = delete;
  DaemonServer& operator=(const DaemonServer&) = delete;
  ~DaemonServer() override;

  base::Status open();

  [[nodiscard]] std::uint16_t port() const override { return port_; }
  [[nodiscard]] std::size_t pending() const override { return pending_; }
  void quiesce(std::function<void()> drained) override;

 private:
  // Called by the library. No exception may pass through its frames.
  static MHD_Result on_access(void* self, MHD_Connection* connection, const char* url,
                              const char* method, const char* version, const char* data,
                              std::size_t* size, void** context);
  static void on_completed(void* self, MHD_Connection* connection, void** context,
                           MHD_RequestTerminationCode reason);
  [[gnu::format(printf, 2, 0)]] static void on_log(void* self, const char* format,
                                                   va_list arguments);

  MHD_Result begin(MHD_Connection* connection, const char* url, const char* method, void** context);
  MHD_Result refuse_at_once(MHD_Connection* connection, const Response& response);
  MHD_Result receive(Exchange& exchange, std::string_view data);
  void refuse_later(Exchange& exchange, Response response);
  MHD_Result finish(MHD_Connection* connection, Exchange& exchange);
  void complete(MHD_Connection* connection, Exchange* exchange);

  void deliver();
  void run();
  void wait_for_events();
  void schedule_next_run();
  void run_soon();
  void report_if_drained();

  asio::io_context& io_;
  const ServerOptions options_;
  const Handler handler_;
  const base::Logger log_;
  const base::SystemClock clock_;
  base::LogThrottle throttle_{kLogInterval};
  Lingering lingering_;
  std::shared_ptr<Answers> answers_;
  asio::posix::stream_descriptor epoll_;  // the library's descriptor: released, never closed
  asio::steady_timer timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // watched by what is posted
  bool run_posted_ = false;
  bool timer_armed_ = false;
  unsigned connections_ = 0;  // after the last run
  std::unordered_map<MHD_Connection*, Exchange*> suspended_;
  std::atomic<std::size_t> pending_{0};
  std::function<void()> drained_;
  std::uint16_t port_ = 0;
  std::string unix_path_;
  std::unique_ptr<Tls> tls_;  // null without; outlives the daemon
  MHD_Daemon* daemon_ = nullptr;
};

base::Status DaemonServer::open() {
  if (options_.tls.enabled()) {
    auto tls = Tls::load(options_.tls);
    if (!tls) return tl::unexpected(tls.error());
    tls_ = std::move(*tls);
  }
  auto tls_options = options_of(tls_.get());
  auto socket = ListenSocket::open(options_.address);
  if (!socket) return tl::unexpected(socket.error());
  port_ = socket->port();
  unix_path_ = socket->path();
  const auto timeout = std::chrono::ceil<std::chrono::seconds>(options_.idle_timeout).count();
  // The library owns the socket from here on.
  daemon_ = MHD_start_daemon(
      MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
          (tls_ == nullptr ? 0U : static_cast<unsigned>(MHD_USE_TLS)),
      0, nullptr, nullptr, &on_access, this, MHD_OPTION_EXTERNAL_LOGGER, &on_log, this,
      MHD_OPTION_LISTEN_SOCKET, socket->release(), MHD_OPTION_CONNECTION_LIMIT,
      static_cast<unsigned>(options_.max_connections), MHD_OPTION_CONNECTION_TIMEOUT,
      static_cast<unsigned>(std::max<std::int64_t>(timeout, 1)), MHD_OPTION_STRICT_FOR_CLIENT, 1,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemoryBytes, MHD_OPTION_NOTIFY_COMPLETED,
      &on_completed, this, MHD_OPTION_ARRAY, tls_options.data(), MHD_OPTION_END);
  const MHD_DaemonInfo* info =
      daemon_ == nullptr ? nullptr : MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD);
  if (info == nullptr) {
    return base::fail(base::ErrorCode::kIo, "listen on {}: the HTTP library did not start",
                      options_.address);
  }
  std::error_code error;
  epoll_.assign(info->epoll_fd, error);  // NOLINT(bugprone-unused-return-value): in `error`
  if (error) {
    return base::fail(base::ErrorCode::kIo, "listen on {}: {}", options_.address, error.message());
  }
  wait_for_events();
  return base::ok();
}

DaemonServer::~DaemonServer() {
  alive_.reset();
  if (epoll_.is_open()) epoll_.release();
  if (daemon_ != nullptr) {
    // The library must not be stopped with suspended connections.
    for (const auto& entry : suspended_) entry.second->state->answer(closing(options_));
    for (MHD_Connection* connection : answers_->take_answered()) MHD_resume_connection(connection);
    for (int i = 0; i < kFarewellRounds; ++i) MHD_run(daemon_);
    MHD_stop_daemon(daemon_);
    if (!unix_path_.empty()) unlink(unix_path_.c_str());
  }
  answers_->close();
}

void DaemonServer::quiesce(std::function<void()> drained) {
  drained_ = std::move(drained);
  if (const MHD_socket fd = MHD_quiesce_daemon(daemon_); fd != MHD_INVALID_SOCKET) {
    close(fd);
    if (!unix_path_.empty()) unlink(unix_path_.c_str());
    unix_path_.clear();
  }
  report_if_drained();
}

void DaemonServer::report_if_drained() {
  if (!drained_ || pending_ != 0) return;
  asio::post(io_, std::exchange(drained_, nullptr));
}

// --- the library's callbacks ---

MHD_Result DaemonServer::on_access(void* self, MHD_Connection* connection, const char* url,
                                   const char* method, const char* /*version*/, const char* data,
                                   std::size_t* size, void** context) {
  auto* server = static_cast<DaemonServer*>(self);
  auto* exchange = static_cast<Exchange*>(*context);
  try {
    if (exchange == nullptr) return server->begin(connection, url, method, context);
    if (*size == 0) return server->finish(connection, *exchange);
    const std::string_view received(data, *size);
    *size = 0;
    return server->receive(*exchange, received);
  } catch (const std::exception& error) {  // out of memory: costs this connection only
    server->log_.warn("request dropped: {}", error.what());
    return MHD_NO;
  }
}

void DaemonServer::on_completed(void* self, MHD_Connection* connection, void** context,
                                MHD_RequestTerminationCode /*reason*/) {
  static_cast<DaemonServer*>(self)->complete(connection, static_cast<Exchange*>(*context));
  *context = nullptr;
}

void DaemonServer::on_log(void* self, const char* format, va_list arguments) {
  const auto* server = static_cast<DaemonServer*>(self);
  std::array<char, 256> text{};
  std::vsnprintf(text.data(), text.size(), format, arguments);
  std::string_view message(text.data());
  while (message.ends_with('\n')) message.remove_suffix(1);
  // Most messages are about one client that broke off or sent nonsense: nothing to warn of. Limits
  // that hold off everybody are.
  std::uint64_t suppressed = 0;
  if (message.find("limit") != std::string_view::npos &&
      const_cast<DaemonServer*>(server)->throttle_.allow(server->clock_.boot(), suppressed)) {
    server->log_.warn("{} ({} more like this before)", message, suppressed);
  } else {
    server->log_.debug("{}", message);
  }
}

MHD_Result DaemonServer::begin(MHD_Connection* connection, const char* url, const char* method,
                               void** context) {
  if (tls_ != nullptr) {
    if (const auto admitted = tls_->admit(connection); !admitted) {
      return refuse_at_once(connection, forbidden(options_, admitted.error().message));
    }
  }
  auto exchange = std::make_unique<Exchange>();
  const char* text =
      MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
  if (text != nullptr) {
    const std::string_view digits(text);
    std::uint64_t length = 0;  // the library has refused what is not a number
    std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (length > options_.max_body_bytes) {
      return refuse_at_once(connection, too_large(options_));
    }
    if (!answers_->hold(length, options_.max_pending_bytes)) {
      return refuse_at_once(connection, overloaded(options_));
    }
    exchange->held_bytes = length;
    exchange->request.body.reserve(length);
  }
  exchange->request.method = method;
  exchange->request.path = url;
  *context = exchange.release();
  return MHD_YES;
}

MHD_Result DaemonServer::refuse_at_once(MHD_Connection* connection, const Response& response) {
  if (const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)) {
    lingering_.add(info->connect_fd);
  }
  return send_reply(connection, response);
}

MHD_Result DaemonServer::receive(Exchange& exchange, std::string_view data) {
  if (exchange.refusal) {
    // The library takes no answer while a body comes in. What is left of a reasonable one is read
    // and dropped, so that the client sees the answer.
    exchange.discarded_bytes += data.size();
    return exchange.discarded_bytes <= options_.max_body_bytes ? MHD_YES : MHD_NO;
  }
  std::string& body = exchange.request.body;
  const std::uint64_t size = body.size() + data.size();
  if (size > options_.max_body_bytes) {
    refuse_later(exchange, too_large(options_));
    return MHD_YES;
  }
  if (size > exchange.held_bytes) {  // chunked: nobody said how long it will be
    if (!answers_->hold(size - exchange.held_bytes, options_.max_pending_bytes)) {
      refuse_later(exchange, overloaded(options_));
      return MHD_YES;
    }
    exchange.held_bytes = size;
  }
  body.append(data);
  return MHD_YES;
}

void DaemonServer::refuse_later(Exchange& exchange, Response response) {
  exchange.refusal = std::move(response);
  answers_->release(std::exchange(exchange.held_bytes, 0));
  exchange.request.body = std::string();
}

MHD_Result DaemonServer::finish(MHD_Connection* connection, Exchange& exchange) {
  if (exchange.refusal) return send_reply(connection, *exchange.refusal);
  if (exchange.state == nullptr) {
    read_request(connection, exchange.request);
    exchange.state = std::make_shared<Responder::State>(answers_, connection,
                                                        std::exchange(exchange.held_bytes, 0));
    ++pending_;
    handler_(std::move(exchange.request), Responder(exchange.state));
  }
  if (const auto response = exchange.state->answer_or_suspend())
    return send_reply(connection, *response);
  // An answer given from now on resumes the connection in a job of its own, which cannot run before
  // this returns.
  suspended_.emplace(connection, &exchange);
  MHD_suspend_connection(connection);
  return MHD_YES;
}

void DaemonServer::complete(MHD_Connection* connection, Exchange* exchange) {
  const std::unique_ptr<Exchange> owned(exchange);
  if (owned == nullptr) return;
  suspended_.erase(connection);
  if (owned->state == nullptr) {
    answers_->release(owned->held_bytes);
    return;
  }
  owned->state->detach();
  --pending_;
  report_if_drained();
}

// --- the event loop ---

void DaemonServer::deliver() {
  for (MHD_Connection* connection : answers_->take_answered()) {
    suspended_.erase(connection);
    MHD_resume_connection(connection);
  }
  run();
}

void DaemonServer::run() {
  MHD_run(daemon_);
  // At its limit of connections (or of the process's descriptors) the library stops accepting, and
  // it looks whether it may begin again only in the run after the one that closed a connection.
  const auto* info = MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
  const unsigned connections = info == nullptr ? 0 : info->num_connections;
  if (connections < std::exchange(connections_, connections)) run_soon();
  schedule_next_run();
}

void DaemonServer::wait_for_events() {
  epoll_.async_wait(asio::posix::stream_descriptor::wait_read,
                    [this, alive = std::weak_ptr<bool>(alive_)](const std::error_code& error) {
                      if (error || alive.expired()) return;
                      run();
                      wait_for_events();
                    });
}

void DaemonServer::schedule_next_run() {
  MHD_UNSIGNED_LONG_LONG wait_ms = 0;
  if (MHD_get_timeout(daemon_, &wait_ms) != MHD_YES) return;
  if (wait_ms == 0) {
    run_soon();
    return;
  }
  const auto due = std::chrono::steady_clock::now() + std::chrono::milliseconds(wait_ms);
  // A timer that fires too early costs less than setting it anew after every event.
  if (timer_armed_ && timer_.expiry() <= due) return;
  timer_armed_ = true;
  timer_.expires_at(due);
  timer_.async_wait([this, alive = std::weak_ptr<bool>(alive_)](const std::error_code& error) {
    if (error || alive.expired()) return;
    timer_armed_ = false;
    run();
  });
}

void DaemonServer::run_soon() {
  if (std::exchange(run_posted_, true)) return;
  asio::post(io_, [this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    run_posted_ = false;
    run();
  });
}

}  // namespace

base::Result<std::unique_ptr<Server>> Server::start(asio::io_context& io,
                                                    const ServerOptions& options, Handler handler,
                                                    const base::Logger& log) {
  auto server = std::make_unique<DaemonServer>(io, options, std::move(handler), log);
  if (auto opened = server->open(); !opened) return tl::unexpected(opened.error());
  return server;
}

}  // namespace holdfast::http
