#include "tests/integration/feeder.h"

#include <poll.h>

#include "tests/integration/agent_test.h"
#include "tests/support/http_exchange.h"

namespace holdfast::test {

Feeder::Feeder(std::string address)
    : address_(std::move(address)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

void Feeder::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Feeder::run(const std::stop_token& stop) {
  constexpr int kPaceMs = 10;
  while (!stop.stop_requested()) {
    const std::string lines = numbered_feed(acknowledged_, kPointsPerPost);
    if (http_exchange(address_, "POST", "/write?db=any", lines).status == 204) {
      acknowledged_ += kPointsPerPost;
    } else {
      ++failures_;
    }
    (void)::poll(nullptr, 0, kPaceMs);
  }
}

}  // namespace holdfast::test
