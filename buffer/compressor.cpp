// Blocks as DESIGN's "compress once, splice at send" needs them: raw deflate, an empty window for
// each block, ended by a sync flush, so that fragments join at byte borders. Only small blocks that
// come seldom are made as small as can be instead: nobody joins them as they are.
#include "buffer/compressor.h"

#include "buffer/deflater.h"
#include "buffer/dictionary.h"
#include "buffer/format.h"

namespace holdfast::buffer {
namespace {

// A round of a host's gathers is smaller: there the best ratio costs a fifth of a millisecond, and
// what is sent as one with others is inflated anyway.
constexpr std::size_t kSmall = 16U << 10U;
constexpr int kLevelOfPrimed = 9;
constexpr int kLevelOfLibdeflate = 4;  // from here on it compresses better than ISA-L

std::unique_ptr<Deflater> make_usual(Compression method, int level) {
  if (method == Compression::kZlib) return make_zlib_deflater(level);
  const bool fast = method == Compression::kIsal || level < kLevelOfLibdeflate;
  return fast && has_isal() ? make_isal_deflater(level) : make_libdeflate_deflater(level);
}

}  // namespace

Compressor::Compressor(int level, Compression method) : level_(level), method_(method) {}

Compressor::~Compressor() = default;
Compressor::Compressor(Compressor&&) noexcept = default;
Compressor& Compressor::operator=(Compressor&& other) noexcept = default;

Deflater& Compressor::deflater_for(Codec codec) {
  if (codec == Codec::kPrimed) {
    if (!primed_) primed_ = make_zlib_deflater(kLevelOfPrimed, dictionary());
    return *primed_;
  }
  if (!usual_) usual_ = make_usual(method_, level_);
  return *usual_;
}

bool Compressor::deflate(Deflater& deflater, std::string_view lines, Block& block) {
  const std::size_t bound = deflater.bound(lines.size());
  if (room_bytes_ < bound) {
    room_ = std::make_unique_for_overwrite<char[]>(bound);
    room_bytes_ = bound;
  }
  const auto size = deflater.deflate(lines, {room_.get(), room_bytes_});
  if (!size) return false;
  block.bytes.reserve(kHeaderSize + *size);
  block.bytes.resize(kHeaderSize);
  block.bytes.append(room_.get(), *size);
  return true;
}

void Compressor::compress(std::string_view lines, Block& block, bool at_leisure) {
  block.raw_size = static_cast<std::uint32_t>(lines.size());
  block.raw_crc32 = crc32_of(lines);
  const bool primed = at_leisure && lines.size() < kSmall && method_ != Compression::kIsal;
  block.codec = primed ? Codec::kPrimed : Codec::kDeflate;
  if (method_ != Compression::kNone && deflate(deflater_for(block.codec), lines, block)) return;
  block.codec = Codec::kRaw;
  block.bytes.resize(kHeaderSize);
  block.bytes.append(lines);
}

}  // namespace holdfast::buffer
