// zlib as DESIGN's "compress once, splice at send" needs it: raw deflate, an empty window for each
// block, ended by a sync flush, so that fragments join at byte borders.
#include "buffer/compressor.h"

#include <algorithm>
#include <stdexcept>

#include <zlib.h>

#include "buffer/format.h"

namespace holdfast::buffer {
namespace {

constexpr int kRawWindow = -15;  // negative: raw deflate, without zlib's own header
constexpr int kMemoryLevel = 8;
constexpr std::uint64_t kBestRatio = 1032;
// A round of a host's gathers is smaller: there a better level costs some 50 us and saves 5 %.
constexpr std::size_t kSmall = 16U << 10U;
constexpr int kLevelOfSmall = 6;

Bytef* as_zlib(const char* bytes) {
  // zlib's interface is not const-correct; it does not write to its input.
  return reinterpret_cast<Bytef*>(const_cast<char*>(bytes));
}

}  // namespace

std::uint32_t crc32_of(std::string_view bytes) {
  return static_cast<std::uint32_t>(crc32_z(0, as_zlib(bytes.data()), bytes.size()));
}

struct Compressor::Deflate {
  z_stream stream{};
};

Compressor::Compressor(int level) : level_(level), deflate_(std::make_unique<Deflate>()) {
  if (deflateInit2(&deflate_->stream, level, Z_DEFLATED, kRawWindow, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
}

Compressor::~Compressor() {
  if (deflate_) deflateEnd(&deflate_->stream);
}
Compressor::Compressor(Compressor&&) noexcept = default;
Compressor& Compressor::operator=(Compressor&& other) noexcept {
  level_ = other.level_;
  std::swap(deflate_, other.deflate_);
  return *this;
}

void Compressor::compress(std::string_view lines, Block& block) {
  z_stream& stream = deflate_->stream;
  deflateReset(&stream);
  deflateParams(&stream, lines.size() < kSmall ? std::max(level_, kLevelOfSmall) : level_,
                Z_DEFAULT_STRATEGY);
  // Room for the worst case and the five bytes of the sync flush: one call always finishes.
  block.bytes.resize(kHeaderSize + deflateBound(&stream, lines.size()) + 16);
  stream.next_in = as_zlib(lines.data());
  stream.avail_in = static_cast<uInt>(lines.size());
  stream.next_out = as_zlib(block.bytes.data() + kHeaderSize);
  stream.avail_out = static_cast<uInt>(block.bytes.size() - kHeaderSize);
  ::deflate(&stream, Z_SYNC_FLUSH);
  block.bytes.resize(block.bytes.size() - stream.avail_out);
  block.codec = Codec::kDeflate;
  block.raw_size = static_cast<std::uint32_t>(lines.size());
  block.raw_crc32 = crc32_of(lines);
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
