// Opens, drains, runs on. Each block that comes out is compared with the one that went in.
#include "tests/crash/observation.h"

#include <algorithm>
#include <optional>

#include <fmt/core.h>

#include "buffer/memory_file.h"

namespace holdfast::crash {
namespace {

bool same_block(const buffer::ReadBatch& batch, const buffer::ReadBlock& read,
                const KnownBlock& known) {
  const buffer::Block& block = *known.block;
  if (read.points != block.points || read.raw_size != block.raw_size ||
      read.raw_crc32 != block.raw_crc32 || read.codec != block.codec ||
      read.oldest_ns != block.oldest_ns) {
    return false;
  }
  return std::string_view(batch.payloads).substr(read.payload_offset, read.payload_size) ==
         known.payload();
}

const KnownBlock* find(const Blocks& blocks, std::uint64_t first) {
  const auto found =
      std::lower_bound(blocks.begin(), blocks.end(), first,
                       [](const KnownBlock& b, std::uint64_t number) { return b.first < number; });
  return found == blocks.end() || found->first != first ? nullptr : &*found;
}

// A ring on bytes of which the viewer keeps hold.
struct OpenRing {
  std::unique_ptr<buffer::Ring> ring;
  buffer::MemoryFile* file = nullptr;
  std::vector<buffer::ReaderId> readers;
};

std::optional<OpenRing> open(Bytes image, const Viewing& viewing, std::string& wrong) {
  OpenRing open;
  auto file = std::make_unique<buffer::MemoryFile>(std::move(image));
  open.file = file.get();
  auto ring = buffer::Ring::open(std::move(file), viewing.options, viewing.clock, base::Random(7));
  if (!ring) {
    wrong = "it does not open: " + ring.error().message;
    return std::nullopt;
  }
  open.ring = std::move(*ring);
  return open;
}

// Attaches whoever the ring knows, or somebody new.
void attach_all(OpenRing& open, const buffer::RingInfo& info, std::string& wrong) {
  std::vector<std::string> ids;
  for (const auto& reader : info.readers) ids.push_back(reader.id);
  if (ids.empty()) ids.emplace_back("newcomer");
  for (const std::string& id : ids) {
    const auto reader = open.ring->attach(id);
    if (!reader) {
      wrong = fmt::format("reader {} cannot be attached: {}", id, reader.error().message);
      return;
    }
    open.readers.push_back(*reader);
  }
}

std::string wrong_after_draining(const Observation& seen) {
  if (auto wrong = wrong_ledger(seen.emptied); !wrong.empty()) return "after draining: " + wrong;
  for (const auto& reader : seen.emptied.readers) {
    if (reader.ledger.buffered != 0) {
      return fmt::format("reader {}: {} points pending though it was drained", reader.id,
                         reader.ledger.buffered);
    }
  }
  return {};
}

// All that is pending for one reader, the live part first or everything in order.
void drain(buffer::Ring& ring, buffer::ReaderId reader, const Viewing& viewing, Drained& drained,
           std::string& wrong) {
  if (viewing.live_first) {
    drained.points = drain(ring, reader, viewing.known, wrong, buffer::Part::kLive);
    if (!wrong.empty()) return;
    const auto early = drained.points.within(0, drained.live_from);
    if (!early.empty()) {
      wrong = fmt::format("the live part begins at {} and has {}", drained.live_from, early.text());
      return;
    }
  }
  const PointSet rest = drain(ring, reader, viewing.known, wrong);
  const PointSet all = drained.points.united(rest);
  if (wrong.empty() && all.count() != drained.points.count() + rest.count()) {
    wrong = fmt::format("the live part has {}, and some of it comes again in {}",
                        drained.points.text(), rest.text());
  }
  drained.points = all;
}

// Exactly what was appended must come out, and nothing must be booked as lost.
std::string wrong_with_run_on(OpenRing& before, const Observation& seen, const Viewing& viewing) {
  const Blocks blocks = viewing.run_on(seen.emptied.point_sequence);
  PointSet expected;
  for (const KnownBlock& known : blocks) {
    buffer::Block block = *known.block;
    if (auto stored = before.ring->append(block); !stored) {
      return "appending afterwards failed: " + stored.error().message;
    }
    expected.add(known.first, known.end());
  }
  std::string wrong;
  auto again = open(before.file->content(), viewing, wrong);
  if (!again) return "opened again: " + wrong;
  const auto info = again->ring->info();
  attach_all(*again, info, wrong);
  std::vector<const Blocks*> known{&blocks};
  if (viewing.lied_to) known.insert(known.end(), viewing.known.begin(), viewing.known.end());
  for (std::size_t i = 0; i < again->readers.size() && wrong.empty(); ++i) {
    const PointSet found = drain(*again->ring, again->readers[i], known, wrong);
    if (wrong.empty() && !viewing.lied_to && !(found == expected)) {
      wrong = fmt::format("reader {} got {} instead of {}", i, found.text(), expected.text());
    }
  }
  if (wrong.empty()) wrong = wrong_ledger(again->ring->info());
  const auto last = again->ring->info();
  for (std::size_t i = 0; i < last.readers.size() && wrong.empty() && !viewing.lied_to; ++i) {
    const auto& was = seen.emptied.readers[i].ledger.counters;
    const auto& now = last.readers[i].ledger.counters;
    if (now.total() - now.delivered != was.total() - was.delivered) wrong = "points booked as lost";
  }
  return wrong.empty() ? "" : "running on, killed and opened again: " + wrong;
}

}  // namespace

std::string wrong_with(const buffer::ReadBatch& batch, const std::vector<const Blocks*>& known) {
  std::uint64_t points = 0;
  for (const buffer::ReadBlock& read : batch.blocks) {
    const bool sound = std::any_of(known.begin(), known.end(), [&](const Blocks* blocks) {
      const KnownBlock* block = find(*blocks, read.point_sequence);
      return block != nullptr && same_block(batch, read, *block);
    });
    if (!sound) {
      // The number that the first line has tells where the block comes from.
      const auto payload = std::string_view(batch.payloads).substr(read.payload_offset);
      return fmt::format("the block at point {} ({} points, `{}`) is not what was appended there",
                         read.point_sequence, read.points, payload.substr(0, 17));
    }
    if (read.skip_points >= read.points) {
      return fmt::format("all {} points of the block at point {} are to be skipped", read.points,
                         read.point_sequence);
    }
    points += read.points - read.skip_points;
  }
  if (points != batch.points) {
    return fmt::format("a batch says {} points and holds {}", batch.points, points);
  }
  return {};
}

PointSet drain(buffer::Ring& ring, buffer::ReaderId reader, const std::vector<const Blocks*>& known,
               std::string& wrong, buffer::Part part) {
  PointSet points;
  while (true) {
    const auto batch = ring.read(reader, {}, 0, part);
    if (!batch) {
      wrong = "reading failed: " + batch.error().message;
      return points;
    }
    if (batch->blocks.empty()) return points;
    wrong = wrong_with(*batch, known);
    if (!wrong.empty()) return points;
    for (const buffer::ReadBlock& block : batch->blocks) {
      const std::uint64_t first = block.point_sequence + block.skip_points;
      if (!points.add(first, block.point_sequence + block.points)) {
        wrong = fmt::format("point {} comes again or out of order, after {}", first, points.text());
        return points;
      }
    }
    ring.acknowledge(reader, batch->points, {});
  }
}

std::string wrong_ledger(const buffer::RingInfo& info) {
  for (const auto& reader : info.readers) {
    const auto& ledger = reader.ledger;
    if (ledger.accepted != ledger.buffered + ledger.counters.total()) {
      return fmt::format("reader {}: {} accepted, {} buffered, {} in counters", reader.id,
                         ledger.accepted, ledger.buffered, ledger.counters.total());
    }
    if (ledger.accepted > info.point_sequence) {
      return fmt::format("reader {}: {} accepted of {} ever", reader.id, ledger.accepted,
                         info.point_sequence);
    }
  }
  return {};
}

Observation observe(Bytes image, const Viewing& viewing) {
  Observation seen;
  auto ring = open(std::move(image), viewing, seen.wrong);
  if (!ring) return seen;
  seen.recovery = ring->ring->recovery();
  seen.opened = ring->ring->info();
  seen.wrong = wrong_ledger(seen.opened);
  if (seen.wrong.empty()) attach_all(*ring, seen.opened, seen.wrong);
  for (const buffer::ReaderId reader : ring->readers) {
    if (!seen.wrong.empty()) return seen;
    const bool newcomer = seen.opened.readers.empty();
    Drained drained{newcomer ? "newcomer" : seen.opened.readers[reader].id, {}};
    drained.live_from =
        seen.opened.point_sequence - ring->ring->pending_points(reader, buffer::Part::kLive);
    drain(*ring->ring, reader, viewing, drained, seen.wrong);
    if (!seen.wrong.empty()) seen.wrong = "reader " + drained.id + ": " + seen.wrong;
    seen.drained.push_back(std::move(drained));
  }
  if (!seen.wrong.empty()) return seen;
  seen.emptied = ring->ring->info();
  seen.wrong = wrong_after_draining(seen);
  if (seen.wrong.empty() && viewing.run_on) {
    seen.wrong = wrong_with_run_on(*ring, seen, viewing);
  }
  return seen;
}

}  // namespace holdfast::crash
