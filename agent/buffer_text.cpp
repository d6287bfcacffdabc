// The buffer commands' output as people read it.
#include <algorithm>

#include "agent/base/clock.h"
#include "agent/buffer_report.h"
#include "config/units.h"

namespace holdfast::agent {
namespace {

using buffer::BlockHeader;
using buffer::BlockKind;
using buffer::Mark;
using buffer::PartState;
using buffer::Range;
using buffer::ReaderState;
using buffer::Recovered;
using buffer::Stretch;

std::string utc_seconds(std::int64_t seconds) {
  return base::format_utc(base::WallTime(std::chrono::seconds(seconds)));
}
std::string utc_ns(std::int64_t ns) {
  return base::format_utc(base::WallTime(base::Duration(ns)), true);
}

std::string_view state_name(PartState state) {
  switch (state) {
    case PartState::kSound:
      return "sound";
    case PartState::kBlank:
      return "never written";
    case PartState::kDamaged:
      return "damaged";
  }
  return "?";
}

std::string_view kind_name(BlockKind kind) {
  switch (kind) {
    case BlockKind::kData:
      return "data";
    case BlockKind::kPad:
      return "pad";
    case BlockKind::kCheckpoint:
      return "checkpoint";
  }
  return "?";
}

std::string user_text(const LookedAt& ring) {
  if (ring.user == 0) return "";
  return fmt::format("in use by process {}: this is a snapshot\n", ring.user);
}

std::string mark_text(const Mark& mark) {
  if (mark.block_sequence == Range::kOpen) return "the tail";
  std::string text = fmt::format("position {} (block {}, point {}", mark.position,
                                 mark.block_sequence, mark.point_sequence);
  if (mark.points_into_block > 0) text += fmt::format(" + {}", mark.points_into_block);
  return text + ")";
}

// What opening this file would do besides going on where it ended; nothing while it is in use.
std::string opening_text(const LookedAt& ring) {
  const Recovered& recovered = ring.snapshot.recovered;
  const buffer::Recovery& report = recovered.report;
  std::string out;
  if (recovered.rewrite_superblock) {
    out += "superblocks: one is damaged or of an earlier version; opening writes them anew\n";
  }
  if (report.full_scan) {
    out += "damaged: no slot to start from; opening reads the whole file\n";
  }
  if (report.ledger_lost) {
    out +=
        "damaged: slots and checkpoints are lost; the ledger starts anew and all that is left is "
        "sent again\n";
  }
  if (ring.snapshot.file_size < recovered.superblock.file_size) {
    out +=
        fmt::format("damaged: {} bytes of the file are missing; opening gives it its size back\n",
                    recovered.superblock.file_size - ring.snapshot.file_size);
  }
  if (ring.user != 0) return out;
  if (!recovered.ghosts.empty()) {
    out += fmt::format("half written: {} blocks ahead of the tail; opening erases their headers\n",
                       recovered.ghosts.size());
  }
  if (report.points_lost > 0) {
    out +=
        fmt::format("lost: {} points that were accepted and not yet synced\n", report.points_lost);
  }
  return out;
}

std::string counters_text(const buffer::Ledger& ledger) {
  const auto& c = ledger.counters;
  return fmt::format(
      "accepted {} = delivered {} + buffered {} + overflow {} + rejected {} + expired {} + corrupt "
      "{} + filtered {}",
      ledger.accepted, c.delivered, ledger.buffered, c.overflow, c.rejected, c.expired, c.corrupt,
      c.filtered);
}

std::string slots_text(const LookedAt& ring) {
  std::string out;
  for (std::size_t i = 0; i < 2; ++i) {
    const buffer::SlotReport& slot = ring.snapshot.slots[i];
    out += fmt::format("slot {}: {}", i, state_name(slot.state));
    if (slot.state == PartState::kSound) {
      out += fmt::format(", generation {}, written {}{}, synced to {}", slot.content.generation,
                         utc_ns(slot.content.written_ns),
                         slot.content.clean ? " at a proper close" : "",
                         mark_text(slot.content.synced));
    }
    out += "\n";
  }
  return out;
}

std::string points_lost_text(const Stretch& stretch) {
  if (!stretch.points_known) return "how many points are lost is not known";
  return fmt::format("{} points lost", stretch.points);
}

}  // namespace

std::string info_text(const LookedAt& ring, const buffer::RingInfo& info) {
  std::string out =
      fmt::format("ring {}: {} of {} used, {} points pending, {} ever accepted\n", ring.path,
                  config::format_bytes(info.used_bytes), config::format_bytes(info.size_bytes),
                  info.points, info.point_sequence);
  out += user_text(ring) + opening_text(ring);
  for (const buffer::ReaderInfo& reader : info.readers) {
    out += fmt::format("reader {}: {}\n", reader.id, counters_text(reader.ledger));
    if (reader.orphaned_ns != 0) {
      out += fmt::format("  no output has claimed it since {}\n",
                         utc_seconds(reader.orphaned_ns / 1'000'000'000));
    }
  }
  return out;
}

std::string head_text(const LookedAt& ring) {
  const buffer::Snapshot& snapshot = ring.snapshot;
  std::string out =
      fmt::format("ring {}: {}, superblocks {} and {}\n", ring.path,
                  config::format_bytes(snapshot.superblock().file_size),
                  state_name(snapshot.superblocks[0]), state_name(snapshot.superblocks[1]));
  return out + user_text(ring) + slots_text(ring) + opening_text(ring);
}

std::string damage_text(const buffer::Damage& damage) {
  const Stretch& stretch = damage.stretch;
  std::string readers;
  for (const std::string& id : damage.wanted_by) readers += (readers.empty() ? "" : ", ") + id;
  return fmt::format("damaged at byte {}, {} bytes: {}: {}{}\n", damage.offset, stretch.size,
                     stretch.fault, points_lost_text(stretch),
                     readers.empty() ? "" : ", pending for " + readers);
}

std::string verify_text(const buffer::VerifyReport& report) {
  std::string out =
      fmt::format("sound: {} blocks with {} points ({} of lines in {}), {} checkpoints, {} pads\n",
                  report.data_blocks, report.points, config::format_bytes(report.raw_bytes),
                  config::format_bytes(report.payload_bytes), report.checkpoints, report.pads);
  if (report.overwritten > 0) {
    out += fmt::format("overwritten by the agent meanwhile: {} points\n", report.overwritten);
  }
  if (report.damaged == 0) return out + "nothing is damaged\n";
  out += fmt::format("damaged: {} places, {} points lost", report.damaged, report.points_lost);
  if (report.unknown_losses > 0) {
    out += fmt::format(" and an unknown number at {} of them", report.unknown_losses);
  }
  return out + fmt::format("; {} of them pending\n", report.pending_damaged);
}

std::string dump_head_text(const LookedAt& ring) {
  const buffer::Snapshot& snapshot = ring.snapshot;
  std::string out = head_text(ring);
  out +=
      fmt::format("floor: position {}\ntail: {}\n", snapshot.floor(), mark_text(snapshot.tail()));
  for (const ReaderState& reader : snapshot.readers()) {
    out += fmt::format("reader {}: {} points pending{}\n", reader.id,
                       buffer::pending_of(reader, snapshot.tail().points()),
                       reader.orphaned_ns == 0 ? "" : ", an orphan");
    for (const Range& range : reader.ranges) {
      out += fmt::format("  from {} to {}\n", mark_text(range.begin), mark_text(range.end));
    }
  }
  return out +
         fmt::format("{:>14} {:>10} {:<10} {:>5} {:<20} {:>7} {:>12} {:>17} {:<24} {:>8} {}\n",
                     "position", "block", "kind", "era", "stored at", "points", "first point",
                     "payload/lines", "oldest", "span", "state");
}

std::string stretch_text(const Stretch& stretch) {
  if (stretch.kind == Stretch::Kind::kMissing) {
    return fmt::format("{:>14} damaged, {} bytes: {}: {}\n", stretch.position, stretch.size,
                       stretch.fault, points_lost_text(stretch));
  }
  if (stretch.kind == Stretch::Kind::kGap) {
    return fmt::format("{:>14} gap: {}\n", stretch.position, stretch.fault);
  }
  if (stretch.kind == Stretch::Kind::kOverwritten) {
    return fmt::format("{:>14} overwritten meanwhile, {} bytes\n", stretch.position, stretch.size);
  }
  const BlockHeader& header = stretch.block.header;
  const bool points = header.points > 0;
  return fmt::format(
      "{:>14} {:>10} {:<10} {:>5} {:<20} {:>7} {:>12} {:>17} {:<24} {:>8} {}\n", stretch.position,
      header.block_sequence, kind_name(header.kind), header.flags & buffer::kEraMask,
      utc_seconds(header.stored_at_s), header.points, header.point_sequence,
      fmt::format("{}/{}", header.payload_size, header.raw_size),
      points ? utc_ns(header.oldest_ns) : "-", points ? fmt::format("{}s", header.span_s) : "-",
      stretch.damaged() ? "damaged: " + stretch.fault : "ok");
}

std::string trim_text(const buffer::TrimPlan& plan, bool dry_run) {
  const std::string_view verb = dry_run ? "would drop" : "dropped";
  std::string out;
  for (const buffer::TrimmedReader& reader : plan.readers) {
    out += fmt::format("reader {}: {} {} points, {} left{}\n", reader.id, verb, reader.dropped,
                       reader.kept,
                       !reader.removed ? ""
                       : dry_run       ? "; would be removed"
                                       : "; removed");
  }
  if (plan.readers.empty()) {
    out += fmt::format("no readers: {} {} points in {} blocks\n", verb, plan.erased_points,
                       plan.erased.size());
  }
  return out;
}

}  // namespace holdfast::agent
