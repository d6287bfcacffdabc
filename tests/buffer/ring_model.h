// The model that the ring is compared with: for each reader a plain deque of pending point numbers
// and the same ledger. It knows nothing of blocks, places or checksums.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "buffer/ring.h"

namespace holdfast::test {

struct ModelReader {
  std::deque<std::uint64_t> pending;
  buffer::LedgerCounters counters;
  std::uint64_t since = 0;  // point number from which it counts
};

struct RingModel {
  std::uint64_t accepted = 0;  // points ever; also the next number
  std::map<std::string, ModelReader> readers;

  void append(std::uint32_t points);
  void attach(const std::string& id);
  void acknowledge(const std::string& id, std::uint64_t points, const buffer::Outcome& outcome);
  // The writer overtook this reader: the oldest points go, as many as the ring says.
  void overflow(const std::string& id, std::uint64_t points);
  [[nodiscard]] std::vector<std::uint64_t> pending(const std::string& id) const;
};

// Compares ledgers, pending counts and the basic equation; failures name the reader.
void expect_same_ledgers(const RingModel& model, const buffer::RingInfo& info);

}  // namespace holdfast::test
