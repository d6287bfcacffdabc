// Fragments by zlib.
#include <new>

#include <zlib.h>

#include "buffer/deflater.h"

namespace holdfast::buffer {
namespace {

constexpr int kRawWindow = -15;  // negative: raw deflate, without zlib's own header
constexpr int kMemoryLevel = 8;
constexpr std::size_t kSyncFlushBytes = 16;  // five, and some more

Bytef* as_zlib(const char* bytes) {
  // zlib's interface is not const-correct; it does not write to its input.
  return reinterpret_cast<Bytef*>(const_cast<char*>(bytes));
}

class ZlibDeflater final : public Deflater {
 public:
  explicit ZlibDeflater(int level) {
    if (deflateInit2(&stream_, level, Z_DEFLATED, kRawWindow, kMemoryLevel, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~ZlibDeflater() override { deflateEnd(&stream_); }
  ZlibDeflater(const ZlibDeflater&) = delete;
  ZlibDeflater& operator=(const ZlibDeflater&) = delete;

  [[nodiscard]] std::size_t bound(std::size_t bytes) override {
    return deflateBound(&stream_, static_cast<uLong>(bytes)) + kSyncFlushBytes;
  }

  [[nodiscard]] std::optional<std::size_t> deflate(std::string_view lines,
                                                   std::span<char> out) override {
    deflateReset(&stream_);
    stream_.next_in = as_zlib(lines.data());
    stream_.avail_in = static_cast<uInt>(lines.size());
    stream_.next_out = as_zlib(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    ::deflate(&stream_, Z_SYNC_FLUSH);
    if (stream_.avail_in > 0 || stream_.avail_out == 0) return std::nullopt;
    return out.size() - stream_.avail_out;
  }

 private:
  z_stream stream_{};
};

}  // namespace

std::unique_ptr<Deflater> make_zlib_deflater(int level) {
  return std::make_unique<ZlibDeflater>(level);
}

}  // namespace holdfast::buffer
