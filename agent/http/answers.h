// What connects a Responder, used anywhere, with the server, which lives on the I/O thread. Used by
// server.cpp and its parts only.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include <asio/io_context.hpp>

#include "agent/http/server.h"

struct MHD_Connection;

namespace holdfast::http {

// Shared by a server and its responders, and so outlives both. Its mutex is never held while the
// HTTP library or a handler runs: the library is entered on the I/O thread only.
class Answers : public std::enable_shared_from_this<Answers> {
 public:
  // `deliver` runs on the I/O thread when suspended requests have been answered.
  Answers(asio::io_context& io, std::function<void()> deliver)
      : io_(&io), deliver_(std::move(deliver)) {}

  // Takes `bytes` of the body budget; false, and nothing taken, if they exceed `limit` in all.
  [[nodiscard]] bool hold(std::uint64_t bytes, std::uint64_t limit);
  void release(std::uint64_t bytes);

  // Answered requests whose connections wait to be resumed. I/O thread.
  [[nodiscard]] std::vector<MHD_Connection*> take_answered();
  // From now on answers are dropped. I/O thread.
  void close();

 private:
  friend class Responder::State;
  std::atomic<std::uint64_t> held_bytes_{0};
  std::mutex mutex_;
  asio::io_context* io_;           // null once the server is gone
  std::function<void()> deliver_;  // used on the I/O thread only
  std::vector<MHD_Connection*> answered_;
};

// One request between handler and answer. `connection` stays valid until detach().
class Responder::State {
 public:
  State(std::shared_ptr<Answers> answers, MHD_Connection* connection, std::uint64_t held_bytes)
      : answers_(std::move(answers)), connection_(connection), held_bytes_(held_bytes) {}

  // The first answer counts. Any thread.
  void answer(Response response);

  // The following are for the I/O thread.
  // The answer if there is one already; otherwise the connection counts as suspended from now on,
  // and the answer will be announced through Answers.
  [[nodiscard]] std::optional<Response> answer_or_suspend();
  // The connection goes away.
  void detach();

 private:
  std::shared_ptr<Answers> answers_;
  MHD_Connection* connection_;  // this and the following: under the mutex of answers_
  std::uint64_t held_bytes_;
  std::optional<Response> response_;
  bool answered_ = false;
  bool suspended_ = false;
};

}  // namespace holdfast::http
