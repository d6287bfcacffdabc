// The only file of outputs/ that knows zlib.
#include "outputs/deflate.h"

#include <array>
#include <cstring>

#include <zlib.h>

#include "agent/base/bytes.h"
#include "buffer/compressor.h"
#include "buffer/format.h"

namespace holdfast::outputs {
namespace {

using base::ErrorCode;
using base::fail;

constexpr int kGzipWindow = MAX_WBITS + 16;
constexpr int kLevel = 6;

Bytef* out_bytes(char* at) { return reinterpret_cast<Bytef*>(at); }
// zlib takes its input without const and does not write to it.
Bytef* in_bytes(std::string_view text) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(text.data()));
}

}  // namespace

std::uint32_t crc32_of(std::string_view bytes) { return buffer::crc32_of(bytes); }

std::uint32_t crc32_join(std::uint32_t first, std::uint32_t second, std::uint64_t second_size) {
  return static_cast<std::uint32_t>(
      crc32_combine(first, second, static_cast<z_off_t>(second_size)));
}

base::Status append_fragment(std::string_view raw, std::string& out) {
  buffer::Compressor compressor(kLevel);
  buffer::Block block;
  compressor.compress(raw, block);
  if (block.codec != buffer::Codec::kDeflate) {
    return fail(ErrorCode::kIo, "deflate: cannot compress {} bytes", raw.size());
  }
  out.append(block.bytes, buffer::kHeaderSize);
  return base::ok();
}

void write_gzip_header(char* at) {
  // ID1 ID2, deflate, no flags, no modification time, no extra flags, system: unknown (RFC 1952).
  constexpr std::array<char, kGzipHeaderSize> kHeader{'\x1f', '\x8b', 8, 0, 0, 0, 0, 0, 0, '\xff'};
  std::memcpy(at, kHeader.data(), kHeader.size());
}

void append_gzip_end(std::uint32_t crc32, std::uint64_t raw_size, std::string& out) {
  constexpr std::string_view kFinalEmptyBlock("\x03\x00", 2);
  out.append(kFinalEmptyBlock);
  std::array<std::byte, 8> trailer{};
  base::store_le(trailer.data(), crc32);
  base::store_le(trailer.data() + 4, static_cast<std::uint32_t>(raw_size));  // modulo 2^32
  out.append(base::as_text(trailer));
}

base::Result<std::uint32_t> gzip_content_size(std::string_view stream) {
  constexpr std::size_t kTrailer = 8;
  constexpr std::uint64_t kMaxRatio = 1032;  // of deflate
  if (stream.size() < kGzipHeaderSize + kTrailer || !stream.starts_with("\x1f\x8b")) {
    return fail(ErrorCode::kCorrupt, "not a gzip stream");
  }
  const auto size = base::load_le<std::uint32_t>(base::as_bytes(stream).last(4).data());
  if (size > stream.size() * kMaxRatio) {
    return fail(ErrorCode::kCorrupt, "{} bytes cannot come out of a gzip stream of {}", size,
                stream.size());
  }
  return size;
}

base::Result<std::string> gzip(std::string_view raw) {
  std::string out(kGzipHeaderSize, '\0');
  write_gzip_header(out.data());
  if (auto packed = append_fragment(raw, out); !packed) return tl::unexpected(packed.error());
  append_gzip_end(crc32_of(raw), raw.size(), out);
  return out;
}

base::Result<std::string> gunzip(std::string_view stream, std::size_t limit) {
  z_stream z{};
  if (inflateInit2(&z, kGzipWindow) != Z_OK) return fail(ErrorCode::kIo, "inflate: out of memory");
  std::string out(limit, '\0');
  z.next_in = in_bytes(stream);
  z.avail_in = static_cast<uInt>(stream.size());
  z.next_out = out_bytes(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const int status = inflate(&z, Z_SYNC_FLUSH);
  out.resize(out.size() - z.avail_out);
  inflateEnd(&z);
  if (status == Z_MEM_ERROR) return fail(ErrorCode::kIo, "inflate: out of memory");
  if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
    return fail(ErrorCode::kCorrupt, "inflate: bad deflate data after {} bytes", out.size());
  }
  if (status != Z_STREAM_END && out.size() < limit) {
    return fail(ErrorCode::kCorrupt, "inflate: the stream ends early, after {} bytes", out.size());
  }
  return out;
}

}  // namespace holdfast::outputs
