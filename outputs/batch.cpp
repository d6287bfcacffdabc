// Blocks of the ring → one gzip body. Deflated fragments need no work: a header in front, an end
// behind. Blocks that must be cut, are primed or were never compressed are made into fragments
// first.
#include "outputs/batch.h"

#include <algorithm>
#include <utility>

#include "agent/line/cursor.h"
#include "buffer/compressor.h"
#include "outputs/deflate.h"

namespace holdfast::outputs {
namespace {

using base::ErrorCode;
using base::fail;
using buffer::Codec;
using buffer::ReadBatch;
using buffer::ReadBlock;

static_assert(Batch::kPrefix == kGzipHeaderSize);

// What a body needs to know of the lines in it.
struct Content {
  std::uint64_t points = 0;
  std::uint64_t raw_bytes = 0;
  std::uint32_t crc32 = 0;

  void add(std::uint64_t more_points, std::uint64_t more_bytes, std::uint32_t more_crc32) {
    crc32 = raw_bytes == 0 ? more_crc32 : crc32_join(crc32, more_crc32, more_bytes);
    points += more_points;
    raw_bytes += more_bytes;
  }
};

std::uint64_t pending(const ReadBlock& block) { return block.points - block.skip_points; }

// Payloads back to back behind the prefix, up to the end, and no more skipped than there is.
bool well_formed(const ReadBatch& blocks) {
  std::uint64_t at = Batch::kPrefix;
  for (const ReadBlock& block : blocks.blocks) {
    if (block.payload_offset != at || block.skip_points >= block.points) return false;
    at += block.payload_size;
  }
  return at == blocks.payloads.size() && !blocks.blocks.empty();
}

// Small blocks repeat what a larger window would know: the gathers of a host, 4 KiB each, take less
// than half the room as one (README.md has the figures). Large ones gain less than inflating them
// costs.
bool worth_joining(const ReadBatch& blocks) {
  constexpr std::uint64_t kSmall = 16U << 10U;
  std::uint64_t bytes = 0;
  for (const ReadBlock& block : blocks.blocks) bytes += block.raw_size;
  return blocks.blocks.size() > 1 && bytes / blocks.blocks.size() < kSmall;
}

bool can_splice(const ReadBatch& blocks, std::uint64_t max_points) {
  if (worth_joining(blocks)) return false;
  std::uint64_t points = 0;
  for (const ReadBlock& block : blocks.blocks) {
    if (block.codec != Codec::kDeflate || block.skip_points > 0) return false;
    points += block.points;
  }
  return points <= max_points;
}

// The part of `raw` that holds lines [skip, skip + count), LF included.
base::Result<std::string_view> cut_lines(std::string_view raw, std::uint64_t skip,
                                         std::uint64_t count) {
  line::LineCursor cursor(raw);
  const char* begin = nullptr;
  const char* end = nullptr;
  for (std::uint64_t i = 0; i < skip + count; ++i) {
    const auto parts = cursor.next();
    if (!parts) return fail(ErrorCode::kCorrupt, "block has {} lines, expected more", i);
    if (i == skip) begin = parts->line.data();
    end = parts->line.data() + parts->line.size();
  }
  const char* const stop = raw.data() + raw.size();
  end = std::find(end, stop, '\n');  // past a CR, should there be one
  if (end != stop) ++end;
  return std::string_view(begin, static_cast<std::size_t>(end - begin));
}

base::Result<std::string> raw_lines(std::string_view payload, const ReadBlock& block) {
  std::string lines;
  if (buffer::decompress(block.codec, payload, block.raw_size, block.raw_crc32, lines)) {
    return lines;
  }
  return fail(ErrorCode::kCorrupt, "block {}: its {} bytes are not the {} bytes of lines it says",
              block.block_sequence, payload.size(), block.raw_size);
}

// The lines of one block, at most `room` points of it, appended to those of others.
base::Status append_lines(std::string_view payload, const ReadBlock& block, std::uint64_t room,
                          Content& content, std::string& lines) {
  const auto raw = raw_lines(payload, block);
  if (!raw) return tl::unexpected(raw.error());
  const std::uint64_t count = std::min(pending(block), room);
  const bool whole = count == block.points;
  const auto wanted = whole ? std::string_view(*raw) : cut_lines(*raw, block.skip_points, count);
  if (!wanted) return tl::unexpected(wanted.error());
  content.add(count, wanted->size(), whole ? block.raw_crc32 : crc32_of(*wanted));
  lines += *wanted;
  return base::ok();
}

// Appends one block to the body as a fragment, at most `room` points of it.
base::Status append_block(std::string_view payload, const ReadBlock& block, std::uint64_t room,
                          Content& content, std::string& body) {
  if (block.codec == Codec::kDeflate && block.skip_points == 0 && block.points <= room) {
    body.append(payload);
    content.add(block.points, block.raw_size, block.raw_crc32);
    return base::ok();
  }
  std::string lines;
  if (auto appended = append_lines(payload, block, room, content, lines); !appended) {
    return appended;
  }
  return append_fragment(lines, body);
}

// Of all blocks, at most `max_points` of them.
base::Result<std::string> joined_lines(const ReadBatch& blocks, std::uint64_t max_points,
                                       Content& content) {
  std::string lines;
  lines.reserve(blocks.raw_bytes);
  for (const ReadBlock& block : blocks.blocks) {
    if (content.points >= max_points) break;
    const auto payload =
        std::string_view(blocks.payloads).substr(block.payload_offset, block.payload_size);
    auto appended = append_lines(payload, block, max_points - content.points, content, lines);
    if (!appended) return tl::unexpected(appended.error());
  }
  return lines;
}

// What the rewriter makes of the lines; counts those it leaves out.
std::string rewritten(std::string_view lines, line::LineRewriter& rewriter,
                      std::uint64_t& left_out) {
  std::string out;
  out.reserve(lines.size());
  line::LineCursor cursor(lines);
  while (const auto parts = cursor.next()) {
    if (!rewriter.append(*parts, out)) ++left_out;
  }
  return out;
}

}  // namespace

base::Result<Batch> Batch::from_blocks(ReadBatch blocks, std::uint64_t max_points,
                                       line::LineRewriter* rewriter) {
  if (!well_formed(blocks)) {
    return fail(ErrorCode::kCorrupt, "the blocks read contradict their own sizes");
  }
  Batch batch;
  Content content;
  if (rewriter == nullptr && can_splice(blocks, max_points)) {
    batch.gzip_ = std::move(blocks.payloads);
    for (const ReadBlock& block : blocks.blocks) {
      content.add(block.points, block.raw_size, block.raw_crc32);
    }
  } else if (rewriter != nullptr || worth_joining(blocks)) {
    auto lines = joined_lines(blocks, max_points, content);
    if (!lines) return tl::unexpected(lines.error());
    if (rewriter != nullptr) {
      *lines = rewritten(*lines, *rewriter, batch.filtered_);
      content.raw_bytes = lines->size();
      content.crc32 = crc32_of(*lines);
    }
    batch.gzip_.resize(kPrefix);
    if (auto packed = append_fragment(*lines, batch.gzip_); !packed) {
      return tl::unexpected(packed.error());
    }
  } else {
    batch.gzip_.resize(kPrefix);
    for (const ReadBlock& block : blocks.blocks) {
      if (content.points >= max_points) break;
      const auto payload =
          std::string_view(blocks.payloads).substr(block.payload_offset, block.payload_size);
      auto appended =
          append_block(payload, block, max_points - content.points, content, batch.gzip_);
      if (!appended) return tl::unexpected(appended.error());
    }
  }
  write_gzip_header(batch.gzip_.data());
  append_gzip_end(content.crc32, content.raw_bytes, batch.gzip_);
  batch.points_ = content.points;
  batch.raw_bytes_ = content.raw_bytes;
  return batch;
}

base::Result<Batch> Batch::from_gzip(std::string gzip) {
  const auto raw_bytes = gzip_content_size(gzip);
  if (!raw_bytes) return tl::unexpected(raw_bytes.error());
  Batch batch;
  batch.gzip_ = std::move(gzip);
  batch.raw_bytes_ = *raw_bytes;
  if (auto lines = batch.lines(); !lines) return tl::unexpected(lines.error());
  if (batch.lines_.size() != batch.raw_bytes_) {
    return fail(ErrorCode::kCorrupt, "inflate: {} bytes where the gzip stream says {}",
                batch.lines_.size(), batch.raw_bytes_);
  }
  line::LineCursor cursor(batch.lines_);
  while (cursor.next()) ++batch.points_;
  return batch;
}

base::Result<std::string_view> Batch::lines() {
  if (lines_.empty() && raw_bytes_ > 0) {
    // The byte of room behind the lines lets inflate reach the trailer and check it.
    auto raw = gunzip(gzip_, raw_bytes_ + 1);
    if (!raw) return tl::unexpected(raw.error());
    lines_ = std::move(*raw);
  }
  return std::string_view(lines_);
}

std::string Batch::line(std::uint64_t number, std::size_t max_bytes) const {
  const auto raw = gunzip(gzip_, raw_bytes_ + 1);
  if (!raw) return {};
  const auto found = cut_lines(*raw, number - 1, 1);
  return found ? std::string(found->substr(0, std::min(max_bytes, found->find('\n')))) : "";
}

std::string Batch::first_line(std::size_t max_bytes) const {
  const auto start = gunzip(gzip_, max_bytes);
  if (!start) return {};
  line::LineCursor cursor(*start);
  const auto parts = cursor.next();
  return parts ? std::string(parts->line) : std::string();
}

}  // namespace holdfast::outputs
