// zlib's inflate for streams of gzip members.
#include "inputs/gunzip.h"

#include <algorithm>
#include <limits>

#include <zlib.h>

namespace holdfast::inputs {
namespace {

constexpr int kGzipWindow = 15 + 16;  // the largest window, and gzip's own framing (zlib.h)
constexpr std::size_t kFirstGuess = 4096;

uInt clamped(std::size_t size) {
  return static_cast<uInt>(std::min<std::size_t>(size, std::numeric_limits<uInt>::max()));
}

}  // namespace

struct Gunzip::Stream {
  Stream() : ready(inflateInit2(&zlib, kGzipWindow) == Z_OK) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { inflateEnd(&zlib); }

  z_stream zlib{};
  bool ready;
};

Gunzip::Gunzip(std::string_view what) : what_(what), stream_(std::make_unique<Stream>()) {}
Gunzip::~Gunzip() = default;

base::Result<std::size_t> Gunzip::read(std::string_view& input, std::span<char> out) {
  if (!stream_->ready) return base::fail(base::ErrorCode::kNoSpace, "no memory to inflate");
  z_stream& zlib = stream_->zlib;
  std::size_t done = 0;
  while (done < out.size() && (!input.empty() || !between_members_)) {
    if (between_members_) inflateReset(&zlib);
    between_members_ = false;
    // zlib does not write to its input, but says so only where ZLIB_CONST is defined.
    zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    zlib.avail_in = clamped(input.size());
    zlib.next_out = reinterpret_cast<Bytef*>(out.data() + done);
    zlib.avail_out = clamped(out.size() - done);
    const std::size_t before_in = zlib.avail_in;
    const std::size_t before_out = zlib.avail_out;
    const int result = inflate(&zlib, Z_NO_FLUSH);
    input.remove_prefix(before_in - zlib.avail_in);
    done += before_out - zlib.avail_out;
    if (result == Z_STREAM_END) {
      between_members_ = true;
    } else if (result == Z_BUF_ERROR) {
      break;  // it wants more input
    } else if (result != Z_OK) {
      return base::fail(base::ErrorCode::kInvalid, "{} is damaged: {}", what_,
                        zlib.msg == nullptr ? "not gzip" : zlib.msg);
    }
  }
  return done;
}

base::Result<std::string> gunzip(std::string_view message, std::uint64_t max_bytes) {
  Gunzip stream;
  std::string out;
  do {
    const std::size_t before = out.size();
    out.resize(before + std::max(before, kFirstGuess));
    const auto got = stream.read(message, std::span(out).subspan(before));
    if (!got) return tl::unexpected(got.error());
    const bool filled = before + *got == out.size();
    out.resize(before + *got);
    if (out.size() > max_bytes) {
      return base::fail(base::ErrorCode::kTooLarge,
                        "a message inflates to more than {} bytes (max_decompression_size)",
                        max_bytes);
    }
    if (!filled) break;
  } while (true);
  if (!stream.between_members() || out.empty()) {
    return base::fail(base::ErrorCode::kInvalid, "gzip is cut short");
  }
  return out;
}

}  // namespace holdfast::inputs
