// Channel: where a connection's bytes come from.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace holdfast::sockets {

// Never blocks. For one thread.
class Channel {
 public:
  enum class State {
    kData,        // `size` bytes were read
    kWaitsRead,   // nothing now: wait until the socket is readable
    kWaitsWrite,  // the same, writable
    kEnd,         // the sender is done, in good order
    kFailed,      // `error` says how
  };
  struct Got {
    State state = State::kEnd;
    std::size_t size = 0;
    std::string error{};
  };

  virtual ~Channel() = default;
  [[nodiscard]] virtual Got read(std::span<char> into) = 0;
  // More can be read although the socket may never become readable again.
  [[nodiscard]] virtual bool buffered() const { return false; }
};

// Bytes as they come over the socket, which is the caller's.
[[nodiscard]] std::unique_ptr<Channel> make_plain_channel(int descriptor);

}  // namespace holdfast::sockets
