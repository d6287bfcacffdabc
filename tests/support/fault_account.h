// What a FaultServer makes of the requests it reads, and the account it keeps of them.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/fault_server.h"

namespace holdfast::test {

// A request from its head: request line and headers, up to the empty line.
[[nodiscard]] RecordedRequest parse_head(std::string_view head);
// `name` in lower case; empty if absent.
[[nodiscard]] std::string header_of(const RecordedRequest& request, const std::string& name);
// To a path that ends in /write.
[[nodiscard]] bool is_write(const RecordedRequest& request);
// Fills in the lines from the body, as its Content-Encoding says.
void decode(RecordedRequest& request);

// How often each of many numbers was met. Dense: what is met is mostly a run.
class NumberCounts {
 public:
  // Returns how often it was met, this time included; no further than 255.
  std::uint8_t add(std::uint64_t number);
  [[nodiscard]] std::uint8_t of(std::uint64_t number) const;

 private:
  static constexpr std::uint64_t kPage = 4096;
  std::map<std::uint64_t, std::vector<std::uint8_t>> pages_;
};

// What the server's thread and the test share. The functions take the mutex; who reads the members
// takes it himself.
struct FaultAccount {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Step> write_script;
  std::deque<Step> other_script;
  std::vector<RecordedRequest> requests;
  std::function<Step()> source;               // after the end of write_script, if set
  NumberCounts numbers;                       // how often each was stored
  std::set<std::string, std::less<>> others;  // lines without a number
  DistinctPoints distinct;
  std::uint64_t stored = 0;  // lines
  std::uint64_t connections = 0;
  std::uint64_t open = 0;  // of them
  bool released = false;
  bool keep_bodies = true;

  [[nodiscard]] Step next_step(bool write);
  // Returns the request's place in `requests`.
  std::size_t record(RecordedRequest request);
  // A request that was recorded while it hung is stored after all.
  void store_late(std::size_t index);

 private:
  void store(RecordedRequest& request);
  [[nodiscard]] bool is_repeat(std::string_view line);
};

}  // namespace holdfast::test
