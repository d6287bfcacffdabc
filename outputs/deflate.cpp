// The only file of outputs/ that knows zlib.
#include "outputs/deflate.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <zlib.h>

#include "agent/base/bytes.h"

namespace holdfast::outputs {
namespace {

using base::ErrorCode;
using base::fail;

constexpr int kRawWindow = -MAX_WBITS;
constexpr int kGzipWindow = MAX_WBITS + 16;
constexpr int kLevel = 6;
constexpr int kMemLevel = 8;

Bytef* out_bytes(char* at) { return reinterpret_cast<Bytef*>(at); }
// zlib takes its input without const and does not write to it.
Bytef* in_bytes(std::string_view text) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(text.data()));
}

// Inflates at most `limit` bytes of `stream`. `ended` says whether the stream came to its own end.
base::Result<std::string> inflate_up_to(std::string_view stream, int window, std::size_t limit,
                                        bool& ended) {
  z_stream z{};
  if (inflateInit2(&z, window) != Z_OK) return fail(ErrorCode::kIo, "inflate: out of memory");
  std::string out(limit, '\0');
  z.next_in = in_bytes(stream);
  z.avail_in = static_cast<uInt>(stream.size());
  z.next_out = out_bytes(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const int status = inflate(&z, Z_SYNC_FLUSH);
  const std::size_t size = out.size() - z.avail_out;
  inflateEnd(&z);
  if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
    return fail(ErrorCode::kCorrupt, "inflate: bad deflate data after {} bytes", size);
  }
  ended = status == Z_STREAM_END;
  out.resize(size);
  return out;
}

}  // namespace

std::uint32_t crc32_of(std::string_view bytes) {
  return static_cast<std::uint32_t>(crc32_z(0, in_bytes(bytes), bytes.size()));
}

std::uint32_t crc32_join(std::uint32_t first, std::uint32_t second, std::uint64_t second_size) {
  return static_cast<std::uint32_t>(
      crc32_combine(first, second, static_cast<z_off_t>(second_size)));
}

base::Status append_fragment(std::string_view raw, std::string& out) {
  z_stream z{};
  if (deflateInit2(&z, kLevel, Z_DEFLATED, kRawWindow, kMemLevel, Z_DEFAULT_STRATEGY) != Z_OK) {
    return fail(ErrorCode::kIo, "deflate: out of memory");
  }
  const std::size_t before = out.size();
  // deflateBound() speaks of a finished stream; a sync flush adds a marker of five bytes.
  const std::size_t bound = deflateBound(&z, static_cast<uLong>(raw.size())) + 16;
  out.resize(before + bound);
  z.next_in = in_bytes(raw);
  z.avail_in = static_cast<uInt>(raw.size());
  z.next_out = out_bytes(out.data() + before);
  z.avail_out = static_cast<uInt>(bound);
  const int status = deflate(&z, Z_SYNC_FLUSH);
  const bool complete = status == Z_OK && z.avail_in == 0 && z.avail_out > 0;
  out.resize(before + bound - z.avail_out);
  deflateEnd(&z);
  if (!complete) return fail(ErrorCode::kIo, "deflate: cannot compress {} bytes", raw.size());
  return base::ok();
}

base::Result<std::string> inflate_fragment(std::string_view fragment, std::size_t raw_size) {
  bool ended = false;
  // One byte of room more than expected shows a fragment that holds too much.
  auto raw = inflate_up_to(fragment, kRawWindow, raw_size + 1, ended);
  if (raw && raw->size() != raw_size) {
    return fail(ErrorCode::kCorrupt, "inflate: {} bytes where the block says {}", raw->size(),
                raw_size);
  }
  return raw;
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
  bool ended = false;
  auto raw = inflate_up_to(stream, kGzipWindow, limit, ended);
  if (raw && !ended && raw->size() < limit) {
    return fail(ErrorCode::kCorrupt, "inflate: the stream ends early, after {} bytes", raw->size());
  }
  return raw;
}

}  // namespace holdfast::outputs
