// Blocks as DESIGN's "compress once, splice at send" needs them: raw deflate, an empty window for
// each block, ended by a sync flush, so that fragments join at byte borders.
#include "buffer/compressor.h"

#include <algorithm>

#include <zlib.h>

#include "buffer/deflater.h"
#include "buffer/format.h"

namespace holdfast::buffer {
namespace {

constexpr int kRawWindow = -15;  // negative: raw deflate, without zlib's own header
constexpr std::uint64_t kBestRatio = 1032;
// A round of a host's gathers is smaller: there a better level costs some 50 us and saves 5 %.
constexpr std::size_t kSmall = 16U << 10U;
constexpr int kLevelOfSmall = 6;
constexpr int kLevelOfZlib = 4;  // from here on it compresses better than ISA-L

Bytef* as_zlib(const char* bytes) {
  // zlib's interface is not const-correct; it does not write to its input.
  return reinterpret_cast<Bytef*>(const_cast<char*>(bytes));
}

}  // namespace

Compressor::Compressor(int level, Compression method) : level_(level), method_(method) {
  if (method_ == Compression::kAuto && level >= kLevelOfZlib) method_ = Compression::kZlib;
  const bool by_isal = method_ == Compression::kAuto || method_ == Compression::kIsal;
  if (by_isal && !has_isal()) method_ = Compression::kZlib;
}

Compressor::~Compressor() = default;
Compressor::Compressor(Compressor&&) noexcept = default;
Compressor& Compressor::operator=(Compressor&& other) noexcept = default;

Deflater& Compressor::zlib(int level) {
  auto& made = level == level_ ? zlib_ : zlib_of_small_;
  if (!made) made = make_zlib_deflater(level);
  return *made;
}

Deflater& Compressor::choose(std::size_t bytes, bool hurry) {
  const bool with_care = bytes < kSmall && !hurry && method_ != Compression::kIsal;
  if (with_care) return zlib(std::max(level_, kLevelOfSmall));
  if (method_ == Compression::kZlib) return zlib(level_);
  if (!isal_) isal_ = make_isal_deflater(level_);
  return *isal_;
}

void Compressor::compress(std::string_view lines, Block& block, bool hurry) {
  block.raw_size = static_cast<std::uint32_t>(lines.size());
  block.raw_crc32 = crc32_of(lines);
  const auto store_with = [&](Deflater& deflater) {
    block.bytes.resize(kHeaderSize + deflater.bound(lines.size()));
    const auto size = deflater.deflate(lines, std::span(block.bytes).subspan(kHeaderSize));
    if (size) block.bytes.resize(kHeaderSize + *size);
    return size.has_value();
  };
  block.codec = Codec::kDeflate;
  // zlib's bound is a promise.
  if (method_ != Compression::kNone &&
      (store_with(choose(lines.size(), hurry)) || store_with(zlib(level_)))) {
    return;
  }
  block.codec = Codec::kRaw;
  block.bytes.resize(kHeaderSize);
  block.bytes.append(lines);
}

bool decompress(Codec codec, std::string_view payload, std::uint32_t raw_size,
                std::uint32_t raw_crc32, std::string& out) {
  const std::size_t before = out.size();
  if (codec == Codec::kRaw) {
    out.append(payload);
  } else {
    // Deflate shrinks no further than this: a larger claim is false, and memory is not wasted on
    // it.
    if (raw_size > kBestRatio * (payload.size() + 1)) return false;
    z_stream stream{};
    if (inflateInit2(&stream, kRawWindow) != Z_OK) return false;
    out.resize(before + raw_size);
    stream.next_in = as_zlib(payload.data());
    stream.avail_in = static_cast<uInt>(payload.size());
    stream.next_out = as_zlib(out.data() + before);
    stream.avail_out = raw_size;
    const int result = ::inflate(&stream, Z_SYNC_FLUSH);
    const bool whole =
        (result == Z_OK || result == Z_BUF_ERROR) && stream.avail_out == 0 && stream.avail_in == 0;
    inflateEnd(&stream);
    if (!whole) {
      out.resize(before);
      return false;
    }
  }
  const std::string_view lines = std::string_view(out).substr(before);
  const std::uint32_t crc = crc32_of(lines);
  if (lines.size() == raw_size && crc == raw_crc32) return true;
  out.resize(before);
  return false;
}

}  // namespace holdfast::buffer
