// Looking at blocks: reads ahead, checks headers and payloads, searches past damage.
#include "buffer/block_io.h"

#include <algorithm>

#include "buffer/crc32c.h"

namespace holdfast::buffer {
namespace {

constexpr std::uint64_t kSectorSize = 512;  // the least that a device reads, or fails to

std::uint64_t sector_of(std::uint64_t offset) { return offset - offset % kSectorSize; }

// What the checksum cannot say: that the header makes sense to this version.
bool possible(const BlockHeader& header) {
  const bool numbers = header.block_sequence < kMaxNumber && header.point_sequence < kMaxNumber;
  const bool codec = header.codec <= Codec::kPrimed;
  switch (header.kind) {
    case BlockKind::kData:
      return numbers && codec && header.payload_size <= kMaxPayload;
    case BlockKind::kCheckpoint:
      return numbers && header.points == 0 && header.payload_size <= kMaxPayload;
    case BlockKind::kPad:
      return numbers && header.points == 0;
  }
  return false;
}

}  // namespace

base::ByteSpan BlockIo::view(std::uint64_t position, std::size_t size) {
  const std::uint64_t at = offset(position);
  const std::uint64_t end = kDataOffset + data_size_;
  if (at + size > end) return {};
  const bool cached = at >= cache_offset_ && at + size <= cache_offset_ + cache_.size();
  if (!cached && !fetch(at, size, std::min<std::uint64_t>(std::max(size, read_ahead_), end - at))) {
    failed_ = true;
    return {};
  }
  if (cache_.size() < size) return {};
  return cache_.subspan(at - cache_offset_, size);
}

bool BlockIo::fetch(std::uint64_t at, std::size_t size, std::uint64_t wide) {
  if (touches_unreadable(at, size)) return false;
  // Bad sectors lie side by side: what follows one is looked at alone.
  if (sector_of(at) == unreadable_end_) wide = std::min(wide, kSectorSize - at % kSectorSize);
  if (at < unreadable_) wide = std::min(wide, unreadable_ - at);
  if (fill_cache(at, wide)) return true;
  find_unreadable(at, at + wide);
  if (touches_unreadable(at, size)) return false;
  return fill_cache(at, at < unreadable_ ? std::min(wide, unreadable_ - at) : wide);
}

void BlockIo::find_unreadable(std::uint64_t begin, std::uint64_t end) {
  bool failed = true;  // as a whole, just now
  while (true) {
    std::uint64_t half = sector_of((begin + end) / 2);
    if (half <= begin) half = sector_of(begin) + kSectorSize;
    if (half >= end) break;
    failed = !fill_cache(begin, half - begin);
    (failed ? end : begin) = half;
  }
  // A read that fails once and not again has found nothing bad.
  if (!failed && fill_cache(begin, end - begin)) return;
  if (sector_of(begin) != unreadable_end_) unreadable_ = sector_of(begin);
  unreadable_end_ = sector_of(begin) + kSectorSize;
}

bool BlockIo::fill_cache(std::uint64_t offset, std::size_t size) {
  if (size > cache_room_) {
    cache_bytes_ = std::make_unique_for_overwrite<std::byte[]>(size);
    cache_room_ = size;
  }
  cache_offset_ = offset;
  const auto got = file_.read_at(offset, {cache_bytes_.get(), size});
  cache_ = {cache_bytes_.get(), got.value_or(0)};
  bytes_read_ += cache_.size();
  return got.has_value();
}

std::optional<FoundBlock> BlockIo::at(std::uint64_t position) {
  const auto block = at_offset(position);
  const bool this_lap =
      block && (block->header.flags & ~kEraMask) == lap_bits(position, data_size_);
  return this_lap ? block : std::nullopt;
}

std::optional<FoundBlock> BlockIo::at_offset(std::uint64_t position) {
  const base::ByteSpan bytes = view(position, kHeaderSize);
  if (bytes.empty()) return std::nullopt;
  const auto header = decode_header(bytes.first<kHeaderSize>(), seed_);
  if (!header || !possible(*header) || position % data_size_ + header->extent() > data_size_)
    return std::nullopt;
  return FoundBlock{position, *header};
}

bool BlockIo::blank_at(std::uint64_t position) {
  const base::ByteSpan bytes = view(position, kHeaderSize);
  return !bytes.empty() &&
         std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

bool BlockIo::read_payload(const FoundBlock& block, std::string& out) {
  const std::uint32_t size = block.header.payload_size;
  const std::size_t before = out.size();
  const std::uint64_t at = offset(block.position + kHeaderSize);
  const bool cached = at >= cache_offset_ && at + size <= cache_offset_ + cache_.size();
  if (cached) {
    out.append(base::as_text(cache_.subspan(at - cache_offset_, size)));
  } else {
    if (touches_unreadable(at, size)) {
      failed_ = true;
      return false;
    }
    out.resize(before + size);
    const auto target = std::as_writable_bytes(std::span<char>(out.data() + before, size));
    const auto got = file_.read_at(at, target);
    failed_ = failed_ || !got;
    bytes_read_ += got.value_or(0);
    if (!got || *got != size) {
      out.resize(before);
      return false;
    }
  }
  const auto payload = base::as_bytes(std::string_view(out).substr(before));
  if (crc32c(payload) == block.header.payload_crc32c) return true;
  out.resize(before);
  return false;
}

bool BlockIo::payload_ok(const FoundBlock& block) {
  if (block.header.kind == BlockKind::kPad) return true;
  scratch_.clear();
  return read_payload(block, scratch_);
}

std::optional<FoundBlock> BlockIo::search(std::uint64_t from, std::uint64_t to,
                                          std::uint64_t lowest, std::uint64_t below) {
  const std::uint64_t there = present();
  for (std::uint64_t position = from; position < to; position += kAlignment) {
    if (position % data_size_ >= there) {
      if (there == 0) break;
      // Nothing up to the end of this lap; the loop's step leads to the next one.
      position += data_size_ - position % data_size_ - kAlignment;
      continue;
    }
    const auto block = at(position);
    if (block && block->header.block_sequence >= lowest && block->header.block_sequence < below) {
      return block;
    }
  }
  return std::nullopt;
}

}  // namespace holdfast::buffer
