// Reading from one connection.
#include "inputs/sockets/connection.h"

#include <string_view>
#include <utility>

#include <fmt/core.h>

#include <asio/post.hpp>

#include "inputs/sockets/streams.h"

namespace holdfast::sockets {

using asio::posix::descriptor_base;

Connection::Connection(std::shared_ptr<StreamListener> listener, int descriptor,
                       std::unique_ptr<Channel> channel, std::unique_ptr<StreamReader> reader)
    : listener_(std::move(listener)),
      descriptor_(listener_->io(), descriptor),
      timer_(listener_->io()),
      channel_(std::move(channel)),
      reader_(std::move(reader)) {}

void Connection::start() {
  restart_deadline();
  if (timed()) watch_deadline();
  resume();
}

bool Connection::timed() const { return listener_->options().read_timeout.count() > 0; }

void Connection::resume() {
  if (waiting_ || working_ || ending_) return;
  if (unsettled_ >= listener_->options().max_unsettled_bytes) {
    if (listener_->handlers().pausing) listener_->handlers().pausing();
    return;
  }
  if (!listener_->has_room()) return listener_->wait_for_room(shared_from_this());
  if (channel_->buffered()) {
    waiting_ = true;
    return asio::post(listener_->io(), [self = shared_from_this()] { self->readable(); });
  }
  wait(descriptor_base::wait_read);
}

void Connection::wait(descriptor_base::wait_type for_what) {
  waiting_ = true;
  descriptor_.async_wait(for_what, [self = shared_from_this()](const std::error_code& error) {
    if (!error) return self->readable();
    self->waiting_ = false;
  });
}

void Connection::readable() {
  waiting_ = false;
  if (ending_) return;
  // Others may have filled the room meanwhile.
  if (!listener_->has_room()) return listener_->wait_for_room(shared_from_this());
  const std::span<char> into = listener_->scratch();
  const Channel::Got got = channel_->read(into);
  switch (got.state) {
    case Channel::State::kData:
      return dispatch(std::string(into.data(), got.size));
    case Channel::State::kWaitsRead:
      return wait(descriptor_base::wait_read);
    case Channel::State::kWaitsWrite:
      return wait(descriptor_base::wait_write);
    case Channel::State::kEnd:
      return close(StreamEnd::kClosed);
    case Channel::State::kFailed:
      listener_->handlers().problem({1, fmt::format("a connection broke: {}", got.error)});
      return close(StreamEnd::kBroken);
  }
}

void Connection::dispatch(std::string bytes) {
  working_ = true;
  unsettled_ += bytes.size();
  listener_->add_unsettled(bytes.size());
  listener_->handlers().pool([self = shared_from_this(), bytes = std::move(bytes)] {
    const Reading result = self->reader_->read(bytes, self->ticket(bytes.size()));
    asio::post(self->listener_->io(), [self, result] { self->read_done(result); });
  });
}

Ticket Connection::ticket(std::size_t bytes) {
  return {nullptr, [self = shared_from_this(), bytes](void*) {
            asio::post(self->listener_->io(), [self, bytes] { self->settled(bytes); });
          }};
}

void Connection::settled(std::size_t bytes) {
  const bool paused = unsettled_ >= listener_->options().max_unsettled_bytes;
  unsettled_ -= bytes;
  listener_->settled(bytes);
  if (!paused) return;
  restart_deadline();
  resume();
}

void Connection::read_done(Reading result) {
  working_ = false;
  if (ending_) return dispatch_end();
  if (result == Reading::kBroken) return close(StreamEnd::kBroken);
  if (result == Reading::kProgress) restart_deadline();
  resume();
}

void Connection::restart_deadline() {
  deadline_ = Clock::now() + listener_->options().read_timeout;
}

// Sets the timer to where the deadline was when it was last looked at: a read costs no timer.
void Connection::watch_deadline() {
  timer_.expires_at(deadline_);
  timer_.async_wait([self = shared_from_this()](const std::error_code& error) {
    if (error || self->ending_) return;
    // What we do not read, nobody can be late with.
    if (!self->waiting_) self->restart_deadline();
    if (Clock::now() < self->deadline_) return self->watch_deadline();
    ++self->listener_->counters().timed_out;
    self->close(StreamEnd::kBroken);
  });
}

void Connection::close(StreamEnd why) {
  if (ending_) return;
  ending_ = true;
  end_ = why;
  timer_.cancel();
  channel_.reset();
  descriptor_.close();
  if (!working_) dispatch_end();
}

void Connection::dispatch_end() {
  listener_->handlers().pool([self = shared_from_this()] {
    self->reader_->end(self->end_, self->ticket(0));
    asio::post(self->listener_->io(), [self] {
      self->reader_.reset();
      self->listener_->ended(self);
    });
  });
}

}  // namespace holdfast::sockets
