// Waiting for a condition, with a deadline.
#pragma once

#include <chrono>
#include <functional>

#include <poll.h>

namespace holdfast::test {

// Until the condition holds, tried again every 20 ms; false after `patience`.
[[nodiscard]] inline bool eventually(
    const std::function<bool()>& condition,
    std::chrono::milliseconds patience = std::chrono::seconds(30)) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    (void)::poll(nullptr, 0, 20);
  }
  return true;
}

}  // namespace holdfast::test
