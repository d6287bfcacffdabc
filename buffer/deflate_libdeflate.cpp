// Fragments by libdeflate, which compresses better than zlib in less time but only makes whole
// streams. Its last block is made one of many, and an empty one put behind it, as a sync flush
// does.
#include <array>
#include <new>

#include <libdeflate.h>
#include <zlib.h>

#include "buffer/deflater.h"

namespace holdfast::buffer {
namespace {

constexpr int kRawWindow = -15;
constexpr std::size_t kSyncFlushBytes = 5;
// inflate() says in data_type where it is (zlib.h): unused bits of the last byte, and these flags.
constexpr int kUnusedBits = 7;
constexpr int kInLastBlock = 64;
constexpr int kAtBlockEnd = 128;

Bytef* as_zlib(char* bytes) { return reinterpret_cast<Bytef*>(bytes); }

// In bits from the start of the stream.
struct LastBlock {
  std::size_t header = 0;
  std::size_t end = 0;
};

// Walks from block to block of a deflate stream. What it inflates is thrown away.
class BlockFinder {
 public:
  BlockFinder() {
    if (inflateInit2(&stream_, kRawWindow) != Z_OK) throw std::bad_alloc();
  }
  ~BlockFinder() { inflateEnd(&stream_); }
  BlockFinder(const BlockFinder&) = delete;
  BlockFinder& operator=(const BlockFinder&) = delete;

  // Nothing if it is no whole stream.
  [[nodiscard]] std::optional<LastBlock> find_last(std::span<char> deflated) {
    inflateReset(&stream_);
    stream_.next_in = as_zlib(deflated.data());
    stream_.avail_in = static_cast<uInt>(deflated.size());
    LastBlock last;
    for (;;) {
      stream_.next_out = as_zlib(scratch_.data());
      stream_.avail_out = static_cast<uInt>(scratch_.size());
      const int result = inflate(&stream_, Z_BLOCK);
      if (result == Z_MEM_ERROR) throw std::bad_alloc();
      if (result != Z_OK) return std::nullopt;
      if ((stream_.data_type & kAtBlockEnd) == 0) continue;
      const auto unused = static_cast<std::size_t>(stream_.data_type & kUnusedBits);
      const std::size_t at = 8 * (deflated.size() - stream_.avail_in) - unused;
      if ((stream_.data_type & kInLastBlock) != 0) {
        last.end = at;
        return last;
      }
      last.header = at;
    }
  }

 private:
  z_stream stream_{};
  std::array<char, 32U << 10U> scratch_;
};

class LibdeflateDeflater final : public Deflater {
 public:
  explicit LibdeflateDeflater(int level) : compressor_(libdeflate_alloc_compressor(level)) {
    if (compressor_ == nullptr) throw std::bad_alloc();
  }

  [[nodiscard]] std::size_t bound(std::size_t bytes) override {
    return libdeflate_deflate_compress_bound(compressor_.get(), bytes) + kSyncFlushBytes;
  }

  [[nodiscard]] std::optional<std::size_t> deflate(std::string_view lines,
                                                   std::span<char> out) override {
    if (out.size() < kSyncFlushBytes) return std::nullopt;
    const std::size_t size = libdeflate_deflate_compress(
        compressor_.get(), lines.data(), lines.size(), out.data(), out.size() - kSyncFlushBytes);
    if (size == 0) return std::nullopt;
    const auto last = finder_.find_last(out.first(size));
    if (!last) return std::nullopt;
    return continue_behind(*last, out);
  }

 private:
  struct Free {
    void operator()(libdeflate_compressor* compressor) const {
      libdeflate_free_compressor(compressor);
    }
  };

  // The first bit of a block says whether it is the last (RFC 1951, 3.2.3). Three zero bits begin a
  // stored one; from the next byte on stands its size, and the size again, inverted.
  [[nodiscard]] static std::size_t continue_behind(const LastBlock& last, std::span<char> out) {
    char& header = out[last.header / 8];
    header = static_cast<char>(static_cast<unsigned char>(header) & ~(1U << last.header % 8));
    constexpr std::size_t kHeaderBits = 3;
    const std::size_t whole = (last.end + 7) / 8;
    std::size_t size = (last.end + kHeaderBits + 7) / 8;
    if (size > whole) out[whole] = 0;
    for (const int byte : {0x00, 0x00, 0xFF, 0xFF}) out[size++] = static_cast<char>(byte);
    return size;
  }

  std::unique_ptr<libdeflate_compressor, Free> compressor_;
  BlockFinder finder_;
};

}  // namespace

std::unique_ptr<Deflater> make_libdeflate_deflater(int level) {
  return std::make_unique<LibdeflateDeflater>(level);
}

}  // namespace holdfast::buffer
