// Walking over the live part of a ring. Where a block must be and is not, the next one that proves
// itself tells how many points lay between.
#include "buffer/block_walker.h"

#include <algorithm>

#include "buffer/compressor.h"
#include "buffer/crc32c.h"

namespace holdfast::buffer {
namespace {

constexpr std::size_t kReadAhead = 1U << 20U;

std::string_view kind_name(BlockKind kind) {
  switch (kind) {
    case BlockKind::kData:
      return "data";
    case BlockKind::kPad:
      return "pad";
    case BlockKind::kCheckpoint:
      return "checkpoint";
  }
  return "unknown";
}

}  // namespace

BlockWalker::BlockWalker(File& file, const Snapshot& snapshot, BlockCheck check,
                         CountPoints count_points)
    : file_(file),
      snapshot_(snapshot),
      check_(check),
      count_points_(std::move(count_points)),
      io_(file, snapshot.superblock()),
      tail_now_(snapshot.tail()) {
  io_.read_ahead(check == BlockCheck::kHeader ? kHeaderSize : kReadAhead);
  at_ = start();
}

// What lies between the floor and the first sound block may be the rest of a block that the writer
// has half overwritten. It is damage where a reader says that a block begins there, where the ring
// has not gone round yet, and where the stretch is longer than any block.
Mark BlockWalker::start() {
  const std::uint64_t floor = snapshot_.floor();
  const Mark& oldest = snapshot_.recovered.oldest;
  std::optional<Mark> begin;
  for (const ReaderState& reader : snapshot_.readers()) {
    for (const Range& range : reader.ranges) {
      const Mark& mark = range.begin;
      if (mark.position < floor || mark.position >= oldest.position) continue;
      if (!begin || mark.position < begin->position) begin = mark;
    }
  }
  if (begin) {
    begin->points_into_block = 0;
    return *begin;
  }
  // No more blocks were ever written than fit in front: so the first one of all is missing.
  const bool first_lap = floor == 0 && oldest.block_sequence <= 1 + oldest.position / kAlignment;
  if (first_lap) return {0, 1, 0, 0};
  if (oldest.position - floor < longest_extent(snapshot_.superblock().data_size)) return oldest;
  points_known_ = false;
  return {floor, 0, 0, 0};
}

std::optional<Stretch> BlockWalker::next() {
  const Mark& tail = snapshot_.tail();
  payload_.clear();
  lines_.clear();
  if (at_.position >= tail.position) {
    const std::uint64_t counted = at_.point_sequence;
    // Of a ring in use they may be waiting in memory.
    if (snapshot_.in_use || !points_known_ || counted >= tail.points()) return std::nullopt;
    at_.point_sequence = tail.points();
    return gap(counted, tail.points());
  }
  const auto block = io_.at(at_.position);
  if (!block || !belongs(*block)) return missing();
  if (points_known_ && block->header.point_sequence > at_.point_sequence) {
    const std::uint64_t expected = at_.point_sequence;
    at_.point_sequence = block->header.point_sequence;
    return gap(expected, at_.point_sequence);
  }
  return take(*block);
}

bool BlockWalker::belongs(const FoundBlock& block) const {
  return follows(block.header, at_, snapshot_.tail()) && block.end() <= snapshot_.tail().position;
}

Stretch BlockWalker::take(const FoundBlock& block) {
  Stretch out;
  out.position = block.position;
  out.size = block.header.extent();
  out.block = block;
  out.first_point = block.header.point_sequence;
  out.points = block.header.points;
  if (auto fault = fault_of(block)) {
    out.kind = overwritten(block.position) ? Stretch::Kind::kOverwritten : Stretch::Kind::kBadBlock;
    out.fault = std::move(*fault);
    payload_.clear();
    lines_.clear();
  }
  at_ = end_of(block);
  points_known_ = true;
  return out;
}

Stretch BlockWalker::missing() {
  Stretch out;
  const Mark& tail = snapshot_.tail();
  const Mark from = at_;
  const bool gone = overwritten(from.position);
  if (!gone) out.fault = what_is_at(from.position);
  io_.read_ahead(kReadAhead);  // also when only headers are looked at: a search reads everything
  auto next = io_.search(from.position, tail.position, from.block_sequence, tail.block_sequence);
  while (next && !belongs(*next)) {
    next = io_.search(next->position + kAlignment, tail.position, from.block_sequence,
                      tail.block_sequence);
  }
  io_.read_ahead(check_ == BlockCheck::kHeader ? kHeaderSize : kReadAhead);
  at_ = next ? start_of(*next) : Mark{tail.position, tail.block_sequence, tail.points(), 0};
  out.kind = gone ? Stretch::Kind::kOverwritten : Stretch::Kind::kMissing;
  out.position = from.position;
  out.size = at_.position - from.position;
  out.points_known = points_known_ && at_.point_sequence >= from.point_sequence;
  if (out.points_known) {
    out.first_point = from.point_sequence;
    out.points = at_.point_sequence - from.point_sequence;
  }
  points_known_ = true;
  return out;
}

Stretch BlockWalker::gap(std::uint64_t expected, std::uint64_t found) const {
  Stretch out;
  out.kind = Stretch::Kind::kGap;
  out.position = at_.position;
  out.first_point = expected;
  out.points = found - expected;
  out.fault = fmt::format("the count of points goes on at {}, expected {}", found, expected);
  return out;
}

std::string BlockWalker::what_is_at(std::uint64_t position) {
  const std::string expected = at_.block_sequence == 0
                                   ? "expected a block"
                                   : fmt::format("expected block {}", at_.block_sequence);
  std::array<std::byte, kHeaderSize> bytes{};
  const auto got = file_.read_at(io_.offset(position), bytes);
  if (!got) return fmt::format("cannot be read ({}), {}", got.error().message, expected);
  if (*got < bytes.size()) return "the file ends, " + expected;
  if (io_.blank_at(position)) return "zeros, " + expected;
  if (const auto header = decode_header(bytes, snapshot_.superblock().seed())) {
    return fmt::format("a {} block {} that cannot lie here, {}", kind_name(header->kind),
                       header->block_sequence, expected);
  }
  return "no header with a right checksum, " + expected;
}

std::optional<std::string> BlockWalker::fault_of(const FoundBlock& block) {
  const BlockHeader& header = block.header;
  if (check_ == BlockCheck::kHeader || header.kind == BlockKind::kPad) return std::nullopt;
  if (wanted_ && !wanted_(header)) return std::nullopt;
  if (!io_.read_payload(block, payload_)) return bad_payload(block);
  if (check_ != BlockCheck::kLines) return std::nullopt;
  if (header.kind == BlockKind::kData) return fault_of_lines(header);
  const bool record = decode_state(base::as_bytes(payload_), snapshot_.superblock()).has_value();
  payload_.clear();
  if (!record) return "the checkpoint holds no whole record";
  return std::nullopt;
}

std::string BlockWalker::bad_payload(const FoundBlock& block) {
  payload_.resize(block.header.payload_size);
  const auto target = std::as_writable_bytes(std::span<char>(payload_));
  const auto got = file_.read_at(io_.offset(block.position + kHeaderSize), target);
  if (!got) return fmt::format("the payload cannot be read ({})", got.error().message);
  if (*got < payload_.size()) {
    return fmt::format("the file ends after {} bytes of the payload, expected {}", *got,
                       payload_.size());
  }
  return fmt::format("the payload's checksum is {:08x}, expected {:08x}", crc32c(target),
                     block.header.payload_crc32c);
}

std::optional<std::string> BlockWalker::fault_of_lines(const BlockHeader& header) {
  if (header.raw_size > kMaxRaw) {
    return fmt::format("{} bytes of lines, expected at most {}", header.raw_size, kMaxRaw);
  }
  if (!decompress(header.codec, payload_, header.raw_size, header.raw_crc32, lines_)) {
    return fmt::format("the payload does not give {} bytes of lines with CRC-32 {:08x}",
                       header.raw_size, header.raw_crc32);
  }
  if (!lines_.empty() && lines_.back() != '\n') return "the last line has no end";
  if (!count_points_) return std::nullopt;
  const std::uint64_t points = count_points_(lines_);
  if (points == header.points) return std::nullopt;
  return fmt::format("{} points in the lines, expected {}", points, header.points);
}

// Looks where the writer is by now. While somebody writes, one block past that may be half done.
bool BlockWalker::overwritten(std::uint64_t position) {
  const std::uint64_t data_size = snapshot_.superblock().data_size;
  const auto below_floor = [&] {
    return position < floor_of(tail_now_.position + longest_extent(data_size), data_size);
  };
  follow_writer();
  io_.forget();
  if (!snapshot_.in_use) return !(tail_now_ == snapshot_.tail()) && below_floor();
  if (!below_floor() && looks_left_ > 0) {
    // It may have gone round and overwritten its own trail.
    --looks_left_;
    const Mark tail = recover(file_, snapshot_.superblock()).tail;
    if (tail.position > tail_now_.position) tail_now_ = tail;
  }
  return below_floor();
}

void BlockWalker::follow_writer() {
  BlockIo io(file_, snapshot_.superblock());
  const std::uint64_t limit = tail_now_.position + snapshot_.superblock().data_size;
  while (tail_now_.position < limit) {
    const auto block = io.at(tail_now_.position);
    if (!block || block->header.block_sequence < tail_now_.block_sequence ||
        !io.payload_ok(*block)) {
      return;
    }
    tail_now_ = end_of(*block);
  }
}

}  // namespace holdfast::buffer
