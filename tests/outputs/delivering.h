// A made output and batches for it, for tests that look at single attempts.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/outputs/plugin_table.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_ring.h"
#include "tests/support/fault_server.h"

namespace holdfast::test {

inline outputs::Batch batch_of_lines(const std::string& lines, std::uint32_t points) {
  FakeRing ring;
  buffer::Block block = make_block(lines, points);
  EXPECT_TRUE(ring.append(block, buffer::Origin{}));
  auto blocks = ring.read(0, {}, outputs::Batch::kPrefix);
  return std::move(*outputs::Batch::from_blocks(std::move(*blocks), points));
}

class DeliveringTest : public testing::Test {
 protected:
  // `urls` as a TOML list's inside.
  void make(const std::string& plugin, const std::string& urls, const std::string& options = "") {
    auto made = make_output(plugin, "urls = [" + urls + "]\n" + options, {clock_, {}});
    ASSERT_TRUE(made.output) << (made.problems.empty() ? "" : made.problems[0]);
    output_ = std::move(made.output);
  }
  static std::string quoted(const std::string& url) { return "\"" + url + "\""; }
  outputs::Attempt deliver(std::uint32_t points = 3) {
    return deliver_lines(numbered_lines(0, points), points);
  }
  outputs::Attempt deliver_lines(const std::string& lines, std::uint32_t points) {
    outputs::Batch batch = batch_of_lines(lines, points);
    return output_->deliver(batch, stop_);
  }
  static std::vector<std::string> targets(const FaultServer& server) {
    std::vector<std::string> all;
    for (const auto& request : server.requests()) all.push_back(request.target);
    return all;
  }
  static std::string header(const RecordedRequest& request, const std::string& name) {
    const auto found = request.headers.find(name);
    return found == request.headers.end() ? "(none)" : found->second;
  }

  FakeClock clock_;
  outputs::StopSignal stop_;
  std::unique_ptr<outputs::Output> output_;
};

}  // namespace holdfast::test
