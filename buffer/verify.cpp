// Counting what a walk over the whole ring finds.
#include "buffer/verify.h"

namespace holdfast::buffer {
namespace {

void count_block(const BlockHeader& header, VerifyReport& report) {
  switch (header.kind) {
    case BlockKind::kData:
      ++report.data_blocks;
      report.points += header.points;
      report.payload_bytes += header.payload_size;
      report.raw_bytes += header.raw_size;
      break;
    case BlockKind::kPad:
      ++report.pads;
      break;
    case BlockKind::kCheckpoint:
      ++report.checkpoints;
      break;
  }
}

std::vector<std::string> wanted_by(const Snapshot& snapshot, const Stretch& stretch) {
  std::vector<std::string> ids;
  // What held no points is missed by no reader.
  if (stretch.points_known && stretch.points == 0) return ids;
  for (const ReaderState& reader : snapshot.readers()) {
    if (wants(reader, stretch.position, stretch.size, stretch.known_point(), stretch.points)) {
      ids.push_back(reader.id);
    }
  }
  return ids;
}

}  // namespace

VerifyReport verify(File& file, const Snapshot& snapshot,
                    const BlockWalker::CountPoints& count_points,
                    const std::function<void(const Damage&)>& on_damage) {
  VerifyReport report;
  BlockWalker walker(file, snapshot, BlockCheck::kLines, count_points);
  while (const auto stretch = walker.next()) {
    if (stretch->kind == Stretch::Kind::kBlock) {
      count_block(stretch->block.header, report);
      continue;
    }
    if (stretch->kind == Stretch::Kind::kOverwritten) {
      report.overwritten += stretch->points;
      continue;
    }
    const std::uint64_t offset = kDataOffset + stretch->position % snapshot.superblock().data_size;
    const Damage damage{offset, *stretch, wanted_by(snapshot, *stretch)};
    // What every reader has had may never have been written.
    const bool passed = stretch->kind == Stretch::Kind::kGap && damage.wanted_by.empty();
    if (passed && !snapshot.readers().empty()) continue;
    ++report.damaged;
    report.points_lost += stretch->points;
    if (!stretch->points_known) ++report.unknown_losses;
    if (!damage.wanted_by.empty() || snapshot.readers().empty()) ++report.pending_damaged;
    on_damage(damage);
  }
  return report;
}

}  // namespace holdfast::buffer
