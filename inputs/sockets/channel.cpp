// A socket without anything around it.
#include "inputs/sockets/channel.h"

#include <cerrno>

#include <sys/socket.h>

#include "agent/base/result.h"

namespace holdfast::sockets {
namespace {

class PlainChannel final : public Channel {
 public:
  explicit PlainChannel(int descriptor) : descriptor_(descriptor) {}

  [[nodiscard]] Got read(std::span<char> into) override {
    const ssize_t got = recv(descriptor_, into.data(), into.size(), MSG_DONTWAIT);
    if (got > 0) return {State::kData, static_cast<std::size_t>(got)};
    if (got == 0) return {State::kEnd};
    if (errno == EAGAIN || errno == EINTR) return {State::kWaitsRead};
    return {State::kFailed, 0, base::errno_text(errno)};
  }

 private:
  int descriptor_;
};

}  // namespace

std::unique_ptr<Channel> make_plain_channel(int descriptor) {
  return std::make_unique<PlainChannel>(descriptor);
}

}  // namespace holdfast::sockets
