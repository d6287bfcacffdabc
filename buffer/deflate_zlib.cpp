// Fragments by zlib, and the way back for those of anybody.
#include <new>

#include <zlib.h>

#include "buffer/compressor.h"
#include "buffer/deflater.h"
#include "buffer/dictionary.h"

namespace holdfast::buffer {
namespace {

constexpr int kRawWindow = -15;  // negative: raw deflate, without zlib's own header
constexpr int kMemoryLevel = 8;
constexpr std::uint64_t kBestRatio = 1032;
constexpr std::size_t kSyncFlushBytes = 16;  // five, and some more

Bytef* as_zlib(const char* bytes) {
  // zlib's interface is not const-correct; it does not write to its input.
  return reinterpret_cast<Bytef*>(const_cast<char*>(bytes));
}

class ZlibDeflater final : public Deflater {
 public:
  ZlibDeflater(int level, std::string_view dictionary) : dictionary_(dictionary) {
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
    if (!dictionary_.empty()) {
      deflateSetDictionary(&stream_, as_zlib(dictionary_.data()),
                           static_cast<uInt>(dictionary_.size()));
    }
    stream_.next_in = as_zlib(lines.data());
    stream_.avail_in = static_cast<uInt>(lines.size());
    stream_.next_out = as_zlib(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    ::deflate(&stream_, Z_SYNC_FLUSH);
    if (stream_.avail_in > 0 || stream_.avail_out == 0) return std::nullopt;
    return out.size() - stream_.avail_out;
  }

 private:
  std::string_view dictionary_;
  z_stream stream_{};
};

// A payload must not count as damaged for want of memory.
int or_bad_alloc(int result) {
  if (result == Z_MEM_ERROR) throw std::bad_alloc();
  return result;
}

class Inflater {
 public:
  explicit Inflater(std::string_view dictionary) {
    or_bad_alloc(inflateInit2(&stream_, kRawWindow));
    if (dictionary.empty()) return;
    or_bad_alloc(inflateSetDictionary(&stream_, as_zlib(dictionary.data()),
                                      static_cast<uInt>(dictionary.size())));
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Whether the fragment is sound and fills `out`, no more and no less.
  [[nodiscard]] bool inflate(std::string_view fragment, std::span<char> out) {
    stream_.next_in = as_zlib(fragment.data());
    stream_.avail_in = static_cast<uInt>(fragment.size());
    stream_.next_out = as_zlib(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const int result = or_bad_alloc(::inflate(&stream_, Z_SYNC_FLUSH));
    const bool sound = result == Z_OK || result == Z_BUF_ERROR;
    return sound && stream_.avail_out == 0 && stream_.avail_in == 0;
  }

 private:
  z_stream stream_{};
};

}  // namespace

std::unique_ptr<Deflater> make_zlib_deflater(int level, std::string_view dictionary) {
  return std::make_unique<ZlibDeflater>(level, dictionary);
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
    out.resize(before + raw_size);
    const std::span lines = std::span(out).subspan(before);
    if (!Inflater(codec == Codec::kPrimed ? dictionary() : "").inflate(payload, lines)) {
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
