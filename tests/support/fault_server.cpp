// FaultServer on raw Asio: one thread, one Session a connection.
#include "tests/support/fault_server.h"

#include <algorithm>
#include <charconv>
#include <mutex>
#include <optional>
#include <thread>

#include <fmt/core.h>

#include <asio.hpp>

#include "tests/support/eventually.h"
#include "tests/support/fault_account.h"

namespace holdfast::test {
namespace {

using asio::ip::tcp;
constexpr auto kPatience = std::chrono::seconds(20);

std::string answer_text(const Step& step) {
  std::string text = fmt::format("HTTP/1.1 {} Scripted\r\n", step.status);
  for (const auto& [name, value] : step.headers) text += fmt::format("{}: {}\r\n", name, value);
  if (step.fault == Fault::kAnswerBeforeBody) text += "Connection: close\r\n";
  if (step.status != 204) text += fmt::format("Content-Length: {}\r\n", step.body.size());
  return text + "\r\n" + (step.status == 204 ? std::string() : step.body);
}

}  // namespace

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, FaultAccount& account, std::uint64_t number)
      : socket_(std::move(socket)),
        timer_(socket_.get_executor()),
        account_(account),
        number_(number) {}
  ~Session() {
    const std::lock_guard lock(account_.mutex);
    --account_.open;
    account_.changed.notify_all();
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void read_head() {
    waiting_ = true;
    asio::async_read_until(socket_, asio::dynamic_buffer(buffer_), "\r\n\r\n",
                           [self = shared_from_this()](std::error_code error, std::size_t size) {
                             self->waiting_ = false;
                             if (!error) self->on_head(size);
                           });
  }

  void release() {
    if (!hung_) return;
    const auto self = std::exchange(hung_, nullptr);
    answer();
  }

  // An idle or hung connection ends with a reset.
  void drop() {
    if (waiting_ || hung_) reset();
    hung_.reset();
  }

  void reset() {
    std::error_code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
  }

 private:
  void on_head(std::size_t size) {
    request_ = parse_head(std::string_view(buffer_).substr(0, size));
    buffer_.erase(0, size);
    request_.connection = number_;
    step_ = account_.next_step(is_write(request_));
    request_.fault = step_.fault;
    length_ = 0;
    const std::string length = header_of(request_, "content-length");
    std::from_chars(length.data(), length.data() + length.size(), length_);
    if (step_.fault == Fault::kResetBeforeBody) return record_and_reset();
    if (step_.fault == Fault::kAnswerBeforeBody) return answer_and_close();
    const std::size_t wanted = step_.fault == Fault::kResetWhileReading ? length_ / 2 : length_;
    if (buffer_.size() >= wanted) return on_body();
    asio::async_read(socket_, asio::dynamic_buffer(buffer_),
                     asio::transfer_exactly(wanted - buffer_.size()),
                     [self = shared_from_this()](std::error_code error, std::size_t) {
                       if (!error) self->on_body();
                     });
  }

  void on_body() {
    if (step_.fault == Fault::kResetWhileReading) return record_and_reset();
    request_.body = buffer_.substr(0, length_);
    buffer_.erase(0, length_);
    request_.body_complete = true;
    decode(request_);
    if (step_.fault == Fault::kResetAfterBody) return record_and_reset();
    if (step_.fault == Fault::kLoseAnswer) {
      request_.stored = request_.valid_encoding && is_write(request_);
      return record_and_reset();
    }
    if (step_.fault == Fault::kHang && !released()) {
      hung_ = shared_from_this();
      // Recorded before the answer: the test waits for it.
      recorded_ = account_.record(request_);
      return;
    }
    if (step_.delay.count() == 0) return answer();
    timer_.expires_after(step_.delay);
    timer_.async_wait([self = shared_from_this()](std::error_code error) {
      if (!error) self->answer();
    });
  }

  bool released() {
    const std::lock_guard lock(account_.mutex);
    return account_.released;
  }

  void answer() {
    std::string text;
    if (step_.fault == Fault::kGarbage) {
      text = step_.raw;
    } else if (!request_.valid_encoding) {
      text = answer_text({.status = 400, .body = R"({"error":"not one gzip member"})"});
    } else {
      request_.stored = is_write(request_) && step_.status / 100 == 2;
      text = answer_text(step_);
    }
    if (!recorded_) {
      account_.record(request_);
    } else if (request_.stored) {
      account_.store_late(*recorded_);
    }
    recorded_.reset();
    const bool close = step_.fault == Fault::kGarbage || step_.fault == Fault::kAnswerThenClose;
    send(std::move(text), close);
  }

  void answer_and_close() {
    account_.record(request_);
    send(answer_text(step_), /*close=*/true);
  }

  void record_and_reset() {
    account_.record(request_);
    reset();
  }

  void send(std::string text, bool close) {
    out_ = std::move(text);
    asio::async_write(socket_, asio::buffer(out_),
                      [self = shared_from_this(), close](std::error_code error, std::size_t) {
                        if (error) return;
                        std::error_code ignored;
                        if (close) {
                          self->socket_.close(ignored);
                        } else {
                          self->read_head();
                        }
                      });
  }

  tcp::socket socket_;
  asio::steady_timer timer_;
  FaultAccount& account_;
  std::uint64_t number_;
  std::string buffer_;
  std::string out_;
  RecordedRequest request_;
  Step step_;
  std::size_t length_ = 0;
  bool waiting_ = false;                 // for a request
  std::shared_ptr<Session> hung_;        // itself, to live on while only release() is awaited
  std::optional<std::size_t> recorded_;  // the request that hung
};

class FaultServer::Impl {
 public:
  Impl() : acceptor_(io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
    port_ = acceptor_.local_endpoint().port();
    accept();
    thread_ = std::thread([this] { io_.run(); });
  }

  ~Impl() {
    io_.stop();
    thread_.join();
    for (auto& session : sessions_) {
      if (auto alive = session.lock()) alive->drop();
    }
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // Runs `action` for every connection, on the server's thread.
  template <class Action>
  void for_sessions(Action action) {
    asio::post(io_, [this, action] {
      for (auto& session : sessions_) {
        if (auto alive = session.lock()) action(*alive);
      }
    });
  }

  template <class Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(account_.mutex);
    return account_.changed.wait_for(lock, kPatience, condition);
  }

  FaultAccount& account() { return account_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  void accept() {
    acceptor_.async_accept([this](std::error_code error, tcp::socket socket) {
      if (error) return;
      std::uint64_t number = 0;
      {
        const std::lock_guard lock(account_.mutex);
        number = ++account_.connections;
        ++account_.open;
        account_.changed.notify_all();
      }
      auto session = std::make_shared<Session>(std::move(socket), account_, number);
      sessions_.push_back(session);
      session->read_head();
      accept();
    });
  }

  FaultAccount account_;
  asio::io_context io_{1};
  tcp::acceptor acceptor_;
  std::vector<std::weak_ptr<Session>> sessions_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

FaultServer::FaultServer() : impl_(std::make_unique<Impl>()) {}
FaultServer::~FaultServer() = default;

std::uint16_t FaultServer::port() const { return impl_->port(); }

std::string FaultServer::url() const { return fmt::format("http://127.0.0.1:{}", port()); }

void FaultServer::script(std::vector<Step> steps) {
  const std::lock_guard lock(impl_->account().mutex);
  auto& script = impl_->account().write_script;
  script.insert(script.end(), steps.begin(), steps.end());
}

void FaultServer::script_other(std::vector<Step> steps) {
  const std::lock_guard lock(impl_->account().mutex);
  auto& script = impl_->account().other_script;
  script.insert(script.end(), steps.begin(), steps.end());
}

void FaultServer::answer_with(std::function<Step()> source) {
  const std::lock_guard lock(impl_->account().mutex);
  impl_->account().source = std::move(source);
}

void FaultServer::forget_bodies() {
  const std::lock_guard lock(impl_->account().mutex);
  impl_->account().keep_bodies = false;
}

// Connections are accepted in order: when this one is answered, all before it are known.
bool FaultServer::settle() {
  asio::io_context io;
  tcp::socket socket(io);
  std::error_code failed;
  socket.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port()), failed);
  if (failed) return false;
  asio::write(socket, asio::buffer(std::string_view("GET /ping HTTP/1.1\r\n\r\n")), failed);
  std::string answer;
  asio::read_until(socket, asio::dynamic_buffer(answer), "\r\n\r\n", failed);
  socket.close();
  if (answer.empty()) return false;
  return eventually(
      [&] {
        drop_connections();
        const std::lock_guard lock(impl_->account().mutex);
        return impl_->account().open == 0;
      },
      kPatience);
}

void FaultServer::release() {
  {
    const std::lock_guard lock(impl_->account().mutex);
    impl_->account().released = true;
  }
  impl_->for_sessions([](Session& session) { session.release(); });
}

void FaultServer::drop_connections() {
  impl_->for_sessions([](Session& session) { session.drop(); });
}

bool FaultServer::wait_requests(std::size_t count) {
  return impl_->wait([&] { return impl_->account().requests.size() >= count; });
}

bool FaultServer::wait_stored(std::uint64_t points) {
  return impl_->wait([&] { return impl_->account().stored >= points; });
}

std::vector<RecordedRequest> FaultServer::requests(std::size_t first) const {
  const std::lock_guard lock(impl_->account().mutex);
  const auto& all = impl_->account().requests;
  return {all.begin() + static_cast<std::ptrdiff_t>(std::min(first, all.size())), all.end()};
}

DistinctPoints FaultServer::distinct_points() const {
  const std::lock_guard lock(impl_->account().mutex);
  return impl_->account().distinct;
}

std::vector<RecordedRequest> FaultServer::writes() const {
  auto all = requests();
  std::erase_if(all, [](const RecordedRequest& request) { return !is_write(request); });
  return all;
}

std::uint64_t FaultServer::connections() const {
  const std::lock_guard lock(impl_->account().mutex);
  return impl_->account().connections;
}

std::uint64_t FaultServer::stored_points() const {
  const std::lock_guard lock(impl_->account().mutex);
  return impl_->account().stored;
}

NumbersReport FaultServer::numbers(std::uint64_t first, std::uint64_t count) const {
  const std::lock_guard lock(impl_->account().mutex);
  NumbersReport report;
  for (std::uint64_t n = first; n < first + count; ++n) {
    const auto times = impl_->account().numbers.of(n);
    if (times == 0) {
      report.lost.push_back(n);
      continue;
    }
    ++report.stored;
    if (times > 1) report.duplicates.push_back(n);
  }
  return report;
}

}  // namespace holdfast::test
