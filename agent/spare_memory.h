// SpareMemory: memory that was freed goes back to the kernel. A burst of requests leaves megabytes
// behind in the allocator, which keeps them for the next one; on a small device they are worth more
// to others.
#pragma once

#include <cstddef>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

namespace holdfast::agent {

// Freed bytes that the allocator has, of all threads; some may be with the kernel already.
[[nodiscard]] std::size_t spare_bytes();

// I/O thread. Looks every ten seconds, and gives back when the spare memory has changed by a
// mebibyte or more. What is in use is not moved.
class SpareMemory {
 public:
  explicit SpareMemory(asio::io_context& io);

  // True if it gave back what there was.
  bool look();

 private:
  void wait();

  asio::steady_timer timer_;
  std::size_t seen_bytes_ = 0;
};

}  // namespace holdfast::agent
