// A history in words, for whoever looks into a violation.
#include <chrono>

#include <fmt/core.h>

#include "tests/crash/history.h"

namespace holdfast::crash {
namespace {

std::string text_of(const test::FileOperation& operation, const History& history) {
  using Kind = test::FileOperation::Kind;
  switch (operation.kind) {
    case Kind::kAllocate:
      return fmt::format("allocate {}", operation.offset);
    case Kind::kSync:
      return "sync";
    case Kind::kFailedSync:
      return "sync that fails";
    case Kind::kWrite:
      break;
  }
  std::string text = fmt::format("write {}+{}", operation.offset, operation.bytes.size());
  if (const KnownBlock* block = block_written_by(operation, history)) {
    text += fmt::format(": points {}..{}", block->first, block->end() - 1);
  }
  return text;
}

std::string text_of(const Snapshot& snapshot) {
  std::string text = fmt::format("{}: {} accepted", snapshot.step, snapshot.accepted);
  if (snapshot.held > 0) text += fmt::format(", {} in memory", snapshot.held);
  if (snapshot.numbers_below != snapshot.accepted) {
    text += fmt::format(", the file tells of {}", snapshot.numbers_below);
  }
  if (!snapshot.unwritten.empty()) text += ", never written " + snapshot.unwritten.text();
  if (snapshot.ledger_unwritten) text += ", ledger in no slot";
  for (const ReaderSnapshot& reader : snapshot.readers) {
    text += fmt::format("; {} at {}", reader.id, reader.begin());
    if (reader.in_file_from != reader.begin()) text += fmt::format(" ({})", reader.in_file_from);
    if (reader.live_from > 0) text += fmt::format(", live from {}", reader.live_from);
    const PointSet ahead = reader.ahead.within(reader.begin(), UINT64_MAX);
    if (!ahead.empty()) text += ", had ahead " + ahead.text();
  }
  return text;
}

std::string text_of(const buffer::RingOptions& options) {
  std::string text =
      fmt::format("    ring of {} bytes, {}, {}, {}", options.size,
                  options.sync == buffer::SyncMode::kNever ? "sync never" : "sync",
                  options.mode == buffer::Mode::kSpill ? "spill" : "durable",
                  options.overflow == buffer::Overflow::kRefuseNew ? "refuse_new" : "drop_oldest");
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(options.max_age).count();
  return text + (seconds > 0 ? fmt::format(", max_age {} s\n", seconds) : "\n");
}

}  // namespace

std::string text_of(const History& history) {
  std::string text = text_of(history.options);
  std::size_t done = 0;
  for (std::size_t i = 0; i < history.snapshots.size(); ++i) {
    const Snapshot& snapshot = history.snapshots[i];
    for (; done < snapshot.position; ++done) {
      text += fmt::format("        {} {}\n", done + 1, text_of(history.operations[done], history));
    }
    text += fmt::format("    step {} {}\n", i, text_of(snapshot));
  }
  return text;
}

}  // namespace holdfast::crash
