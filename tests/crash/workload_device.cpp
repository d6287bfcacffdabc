// Blocks that wait in memory, blocks that are refused, and a device that fails.
#include <algorithm>
#include <cerrno>

#include <fmt/core.h>

#include "tests/crash/workload.h"

namespace holdfast::crash {
namespace {

using base::ErrorCode;
using buffer::Origin;
using buffer::Overflow;
using Kind = test::FileOperation::Kind;

// Until a device is tried again, or a block is written for its age.
constexpr base::Duration kLongestWait = std::chrono::seconds(60);

// Which operations fail, after some that do not.
struct Failure {
  bool blocks = false;
  bool slots = false;
  bool syncs = false;
  int errno_value = EIO;
  std::uint64_t spared = 0;

  [[nodiscard]] bool hits(const test::FileOperation& operation) const {
    if (operation.kind == Kind::kSync) return syncs;
    return operation.offset >= buffer::kDataOffset ? blocks : slots;
  }
};

Failure draw_failure(base::Random& random) {
  Failure failure;
  switch (random.below(5)) {
    case 0:
      failure = {.blocks = true, .slots = true};
      break;
    case 1:
      failure = {.blocks = true};
      break;
    case 2:
      failure = {.blocks = true, .slots = true, .syncs = true};
      break;
    default:
      failure = {.syncs = true};
  }
  if (random.below(3) == 0) failure.errno_value = ENOSPC;
  if (random.below(3) == 0) failure.spared = random.below(8);
  return failure;
}

}  // namespace

bool Workload::may_hold() const {
  return plan_.device_fails || plan_.says_busy || plan_.options.mode == buffer::Mode::kSpill;
}

bool Workload::degraded() const { return ring_->info().degraded; }

void Workload::break_device() {
  device_works_ = false;
  record_->fail_with([failure = draw_failure(random_)](
                         const test::FileOperation& operation) mutable -> base::Status {
    if (failure.spared > 0) {
      --failure.spared;
      return base::ok();
    }
    if (!failure.hits(operation)) return base::ok();
    return base::fail_errno("ring", failure.errno_value);
  });
}

void Workload::mend() {
  device_works_ = true;
  record_->fail_with({});
}

void Workload::tend() {
  const base::Duration waited = std::chrono::seconds(random_.below(3) * random_.below(40));
  advance_clock(waited);
  const buffer::RingInfo before = ring_->info();
  const std::size_t position = record_->size();
  // A failed try leaves readers moved on for blocks that are in the file nowhere.
  moved_in_vain_ = moved_in_vain_ || !device_works_;
  ring_->tend();
  may_overtake();
  const buffer::RingInfo after = ring_->info();
  const bool healed = before.degraded && !after.degraded;
  if (healed) ++trouble_.heals;
  if (!before.degraded && after.held_points < before.held_points) ++trouble_.spills;
  note(healed ? "heal" : "tend");
  if (healed) require_sync_since(position);
  if (!device_works_ || waited < kLongestWait) return;
  if (after.degraded) fail("the ring does not heal");
  const bool has_room = options_.overflow == Overflow::kDropOldest && !plan_.says_busy;
  if (after.held_points > 0 && has_room) fail("blocks wait in memory for longer than they may");
}

// What is received is in the file once it is taken; what is gathered, unless it may wait.
void Workload::check_taken(Origin origin, const buffer::RingInfo& before) {
  const PointSet& unwritten = history_.snapshots.back().unwritten;
  if (origin == Origin::kReceived && before.degraded) fail("received points taken while degraded");
  if (origin == Origin::kReceived || !may_hold()) {
    if (history_.snapshots.back().held > 0) fail("points wait in memory that must not");
    if (!unwritten.within(before.point_sequence, model_.accepted).empty()) {
      fail("points were taken and are not in the file");
    }
  }
}

// Nothing but readers that make room may have changed, and there must be a reason.
void Workload::refused(const Refusal& refusal) {
  ++trouble_.refused;
  const ErrorCode code = refusal.error.code;
  const bool full = code == ErrorCode::kFull;
  const bool by_device = !full && code != ErrorCode::kBusy;
  moved_in_vain_ = moved_in_vain_ || by_device;
  note("refused: " + refusal.error.message);
  const bool gathered = refusal.origin == Origin::kGathered;
  const bool refuses = options_.overflow == Overflow::kRefuseNew;
  if (refusal.block.bytes.size() != refusal.known.block->bytes.size() ||
      refusal.block.points != refusal.known.block->points) {
    fail("a refused block was touched");
  }
  const bool reason = full ? refuses || (gathered && may_hold())
                      : by_device
                          ? plan_.device_fails && (!device_works_ || refusal.before.degraded)
                          : plan_.says_busy;
  if (!reason) return fail("refused for no reason: " + refusal.error.message);
  if (!full || gathered || refusal.before.degraded || !wrong_.empty()) return;
  // More than a pad and a checkpoint take.
  const std::uint64_t data = buffer::data_size_of(options_.size);
  const std::uint64_t most = refusal.before.used_bytes + data / 2 + refusal.before.held_bytes +
                             64 * refusal.before.held_points + refusal.block.bytes.size();
  if (most <= data) return fail("refused though there is room: " + refusal.error.message);
  if (device_works_ && random_.below(3) == 0) {
    drain_and_append(
        {refusal.known.block->points, refusal.known.block->raw_size / refusal.known.block->points});
  }
}

// Once the outputs have had all, a full ring takes blocks again.
void Workload::drain_and_append(const Shape& shape) {
  for (const auto& [id, reader] : attached_) {
    while (wrong_.empty() && (flights_.contains(id) || read(id))) {
      acknowledge(id, flights_.at(id).batch.points, {});
    }
  }
  if (!wrong_.empty()) return;
  if (plan_.says_busy && !ring_->sync(true)) return fail("a device that works does not sync");
  note("make room");
  const unsigned refused_before = trouble_.refused;
  append(shape, Origin::kReceived);
  if (trouble_.refused != refused_before) fail("a ring without backlog refuses a block");
}

}  // namespace holdfast::crash
