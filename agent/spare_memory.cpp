// By glibc's malloc_trim(3), which leaves holes in the heaps, too, to the kernel.
#include "agent/spare_memory.h"

#include <chrono>

#include <malloc.h>

namespace holdfast::agent {
namespace {

constexpr std::chrono::seconds kBetweenLooks{10};
constexpr std::size_t kWorthwhile = 1U << 20U;

}  // namespace

std::size_t spare_bytes() { return mallinfo2().fordblks; }

SpareMemory::SpareMemory(asio::io_context& io) : timer_(io) { wait(); }

bool SpareMemory::look() {
  const std::size_t spare = spare_bytes();
  const std::size_t change = spare > seen_bytes_ ? spare - seen_bytes_ : seen_bytes_ - spare;
  if (change < kWorthwhile) return false;
  malloc_trim(0);
  seen_bytes_ = spare_bytes();
  return true;
}

void SpareMemory::wait() {
  timer_.expires_after(kBetweenLooks);
  timer_.async_wait([this](const std::error_code& cancelled) {
    if (cancelled) return;
    look();
    wait();
  });
}

}  // namespace holdfast::agent
