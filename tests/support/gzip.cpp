// zlib, used plainly.
#include "tests/support/gzip.h"

#include <array>

#include <zlib.h>

namespace holdfast::test {
namespace {

constexpr int kGzipWindow = MAX_WBITS + 16;

Bytef* in_bytes(std::string_view text) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(text.data()));
}

std::string deflate_all(std::string_view raw, int level, int window, int flush) {
  z_stream z{};
  if (deflateInit2(&z, level, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::string out;
  std::array<char, 16384> piece{};
  z.next_in = in_bytes(raw);
  z.avail_in = static_cast<uInt>(raw.size());
  do {
    z.next_out = reinterpret_cast<Bytef*>(piece.data());
    z.avail_out = static_cast<uInt>(piece.size());
    deflate(&z, flush);
    out.append(piece.data(), piece.size() - z.avail_out);
  } while (z.avail_out == 0);
  deflateEnd(&z);
  return out;
}

}  // namespace

std::optional<std::string> gunzip_single_member(std::string_view stream) {
  z_stream z{};
  if (inflateInit2(&z, kGzipWindow) != Z_OK) return std::nullopt;
  std::string out;
  std::array<char, 16384> piece{};
  z.next_in = in_bytes(stream);
  z.avail_in = static_cast<uInt>(stream.size());
  int status = Z_OK;
  while (status == Z_OK) {
    z.next_out = reinterpret_cast<Bytef*>(piece.data());
    z.avail_out = static_cast<uInt>(piece.size());
    status = inflate(&z, Z_NO_FLUSH);
    out.append(piece.data(), piece.size() - z.avail_out);
  }
  const bool exact = status == Z_STREAM_END && z.avail_in == 0;
  inflateEnd(&z);
  if (!exact) return std::nullopt;
  return out;
}

std::string deflate_fragment(std::string_view raw, int level) {
  return deflate_all(raw, level, -MAX_WBITS, Z_SYNC_FLUSH);
}

std::uint32_t crc32_of(std::string_view bytes) {
  return static_cast<std::uint32_t>(crc32(0, in_bytes(bytes), static_cast<uInt>(bytes.size())));
}

std::string gzip(std::string_view raw) {
  return deflate_all(raw, Z_DEFAULT_COMPRESSION, kGzipWindow, Z_FINISH);
}

}  // namespace holdfast::test
