// The hand-over of answers to the I/O thread. The library could be told from any thread that a
// connection may go on; that would make the life of a connection a matter of two threads' locks,
// and it writes to an eventfd per answer. One posted job for all answers that came together costs
// less and keeps the library single-threaded.
#include "agent/http/answers.h"

#include <utility>

#include <asio/post.hpp>

namespace holdfast::http {

bool Answers::hold(std::uint64_t bytes, std::uint64_t limit) {
  // Only the I/O thread adds, so what is checked here can only shrink meanwhile.
  const std::uint64_t held = held_bytes_.load(std::memory_order_relaxed);
  if (bytes > limit || held > limit - bytes) return false;
  held_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  return true;
}

void Answers::release(std::uint64_t bytes) {
  held_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

std::vector<MHD_Connection*> Answers::take_answered() {
  const std::lock_guard lock(mutex_);
  return std::exchange(answered_, {});
}

void Answers::close() {
  {
    const std::lock_guard lock(mutex_);
    io_ = nullptr;
    answered_.clear();
  }
  deliver_ = nullptr;
}

void Responder::State::answer(Response response) {
  const std::lock_guard lock(answers_->mutex_);
  if (answered_) return;
  answered_ = true;
  answers_->release(std::exchange(held_bytes_, 0));
  if (connection_ == nullptr || answers_->io_ == nullptr) return;
  response_ = std::move(response);
  if (!suspended_) return;  // the handler is still running and will find the answer
  const bool first = answers_->answered_.empty();
  answers_->answered_.push_back(connection_);
  if (!first) return;
  asio::post(*answers_->io_, [answers = answers_] {
    if (answers->deliver_) answers->deliver_();
  });
}

std::optional<Response> Responder::State::answer_or_suspend() {
  const std::lock_guard lock(answers_->mutex_);
  if (response_) return std::exchange(response_, std::nullopt);
  suspended_ = true;
  return std::nullopt;
}

void Responder::State::detach() {
  const std::lock_guard lock(answers_->mutex_);
  connection_ = nullptr;
  answers_->release(std::exchange(held_bytes_, 0));
}

Responder::Responder(std::shared_ptr<State> state) : state_(std::move(state)) {}

Responder& Responder::operator=(Responder&& other) noexcept {
  Responder old(std::move(other));
  state_.swap(old.state_);
  return *this;
}

Responder::~Responder() {
  if (state_ != nullptr) {
    state_->answer({500, R"({"error":"the request was not answered"})", "application/json", {}});
  }
}

void Responder::respond(Response response) {
  if (const auto state = std::exchange(state_, nullptr)) state->answer(std::move(response));
}

std::string_view Request::header(const std::string& lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

std::string_view Request::parameter(const std::string& name) const {
  const auto found = query.find(name);
  return found == query.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace holdfast::http
