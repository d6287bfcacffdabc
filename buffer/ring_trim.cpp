// Trimming moves readers in the state that recovery found, before a ring is made of it: what is
// given up leaves by the slots that opening and closing write anyway.
#include "buffer/ring_trim.h"

#include <algorithm>

#include "buffer/block_walker.h"
#include "buffer/ring_file.h"

namespace holdfast::buffer {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;

// Every point of the block is older than this.
bool all_before(const BlockHeader& header, std::int64_t limit_ns) {
  // The span is rounded up, and may reach past the last time there is.
  const auto span_ns = static_cast<std::uint64_t>(header.span_s) * kSecondNs;
  return header.oldest_ns < limit_ns && span_ns < static_cast<std::uint64_t>(limit_ns) -
                                                      static_cast<std::uint64_t>(header.oldest_ns);
}

bool goes(const Stretch& stretch, const Mark& tail, const TrimOptions& options) {
  if (options.keep_last) {
    return tail.position - stretch.position > *options.keep_last;
  }
  if (!options.before_ns) return true;
  // What holds no points, or none that can be read, goes with what follows.
  return stretch.kind != Stretch::Kind::kBlock || stretch.points == 0 ||
         all_before(stretch.block.header, *options.before_ns);
}

// Where the first block to keep lies. `erased`: the blocks before it.
Mark find_cut(File& file, const Snapshot& snapshot, const TrimOptions& options, TrimPlan& plan) {
  BlockWalker walker(file, snapshot, BlockCheck::kHeader, {});
  Mark cut = snapshot.recovered.oldest;
  std::vector<std::uint64_t> passed;  // blocks that go only if a later one does
  std::uint64_t points = 0;
  while (const auto stretch = walker.next()) {
    if (!goes(*stretch, snapshot.tail(), options)) return cut;
    if (stretch->kind != Stretch::Kind::kBlock) continue;
    passed.push_back(stretch->position);
    points += stretch->points;
    const bool decides = stretch->points > 0 || !options.before_ns;
    if (!decides) continue;
    cut = end_of(stretch->block);
    plan.erased.insert(plan.erased.end(), passed.begin(), passed.end());
    plan.erased_points += points;
    passed.clear();
    points = 0;
  }
  plan.erased.insert(plan.erased.end(), passed.begin(), passed.end());
  return snapshot.tail();
}

// The same for dry run and deed: `readers` is changed as the plan says.
base::Result<TrimPlan> apply_trim(File& file, const Snapshot& snapshot, const TrimOptions& options,
                                  std::vector<ReaderState>& readers) {
  const auto named = std::find_if(readers.begin(), readers.end(), [&](const ReaderState& reader) {
    return reader.id == options.reader;
  });
  if (!options.reader.empty() && named == readers.end()) {
    std::string known;
    for (const ReaderState& reader : readers) known += (known.empty() ? "" : ", ") + reader.id;
    return base::fail(base::ErrorCode::kNotFound, "the ring has no reader `{}`; it has {}",
                      options.reader, known.empty() ? "none" : known);
  }
  if (options.remove && (named == readers.end() || named->orphaned_ns == 0)) {
    return base::fail(base::ErrorCode::kInvalid,
                      "reader `{}` is no orphan: the last agent had an output for it; only its "
                      "backlog can be dropped",
                      options.reader);
  }
  TrimPlan plan;
  plan.cut = find_cut(file, snapshot, options, plan);
  if (!readers.empty()) {
    plan.erased.clear();
    plan.erased_points = 0;
  }
  for (ReaderState& reader : readers) {
    if (!options.reader.empty() && reader.id != options.reader) continue;
    const std::uint64_t dropped = advance(reader, plan.cut);
    reader.counters.overflow += dropped;
    plan.readers.push_back(
        {reader.id, dropped, pending_of(reader, snapshot.tail().points()), options.remove});
  }
  if (options.remove) readers.erase(named);
  return plan;
}

}  // namespace

base::Result<TrimPlan> plan_trim(File& file, const Snapshot& snapshot, const TrimOptions& options) {
  std::vector<ReaderState> readers = snapshot.recovered.state.readers;
  return apply_trim(file, snapshot, options, readers);
}

base::Result<TrimPlan> trim(std::unique_ptr<File> file, const TrimOptions& options,
                            const base::Clock& clock, base::Random random) {
  auto snapshot = take_snapshot(*file, false);
  if (!snapshot) return tl::unexpected(snapshot.error());
  const Superblock& superblock = snapshot->superblock();
  if (superblock.ro_compat != 0) {
    return base::fail(base::ErrorCode::kUnsupported,
                      "the ring has features {:#x} that this program can only read around",
                      superblock.ro_compat);
  }
  if (snapshot->file_size < superblock.file_size) {
    // As opening does: what was cut off gets its place on the device again.
    if (auto done = file->allocate(superblock.file_size); !done) {
      return tl::unexpected(done.error());
    }
  }
  Recovered recovered = snapshot->recovered;
  auto plan = apply_trim(*file, *snapshot, options, recovered.state.readers);
  if (!plan) return plan;
  // Headers to be erased before the first slot is written, like those of ghosts.
  recovered.ghosts.insert(recovered.ghosts.end(), plan->erased.begin(), plan->erased.end());
  RingFile ring(std::move(file), RingOptions{}, clock, std::move(random), {}, recovered);
  auto done = ring.prepare(recovered);
  if (done) done = ring.close();
  if (!done) return tl::unexpected(done.error());
  return plan;
}

}  // namespace holdfast::buffer
