#include "tests/buffer/ring_model.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace holdfast::test {

void RingModel::append(std::uint32_t points) {
  for (std::uint32_t i = 0; i < points; ++i, ++accepted) {
    for (auto& [id, reader] : readers) reader.pending.push_back(accepted);
  }
}

void RingModel::attach(const std::string& id) {
  if (readers.contains(id)) return;
  // As much as the reader furthest behind still has to read.
  ModelReader fresh;
  for (const auto& [other_id, other] : readers) {
    if (other.pending.size() > fresh.pending.size()) fresh.pending = other.pending;
  }
  fresh.since = accepted - fresh.pending.size();
  readers[id] = fresh;
}

void RingModel::acknowledge(const std::string& id, std::uint64_t points,
                            const buffer::Outcome& outcome) {
  ModelReader& reader = readers.at(id);
  ASSERT_LE(points, reader.pending.size());
  reader.pending.erase(reader.pending.begin(),
                       reader.pending.begin() + static_cast<std::ptrdiff_t>(points));
  reader.counters.rejected += outcome.rejected;
  reader.counters.filtered += outcome.filtered;
  reader.counters.delivered += points - outcome.rejected - outcome.filtered;
}

void RingModel::overflow(const std::string& id, std::uint64_t points) {
  ModelReader& reader = readers.at(id);
  ASSERT_LE(points, reader.pending.size()) << "more points dropped than were pending for " << id;
  reader.pending.erase(reader.pending.begin(),
                       reader.pending.begin() + static_cast<std::ptrdiff_t>(points));
  reader.counters.overflow += points;
}

std::vector<std::uint64_t> RingModel::pending(const std::string& id) const {
  const auto& pending = readers.at(id).pending;
  return {pending.begin(), pending.end()};
}

void expect_same_ledgers(const RingModel& model, const buffer::RingInfo& info) {
  EXPECT_EQ(info.point_sequence, model.accepted);
  ASSERT_EQ(info.readers.size(), model.readers.size());
  for (const buffer::ReaderInfo& reader : info.readers) {
    SCOPED_TRACE("reader " + reader.id);
    const ModelReader& expected = model.readers.at(reader.id);
    EXPECT_EQ(reader.ledger.accepted, model.accepted - expected.since);
    EXPECT_EQ(reader.ledger.buffered, expected.pending.size());
    EXPECT_EQ(reader.ledger.counters, expected.counters);
    EXPECT_EQ(reader.ledger.accepted, reader.ledger.buffered + reader.ledger.counters.total());
  }
}

}  // namespace holdfast::test
