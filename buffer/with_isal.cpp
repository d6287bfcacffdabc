// What Intel's ISA-L does: both checksums, and the fast deflate. For processors that Debian has no
// ISA-L for, without_isal.cpp takes the place of this file.
#include <vector>

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include "buffer/compressor.h"
#include "buffer/crc32c.h"
#include "buffer/deflater.h"

namespace holdfast::buffer {
namespace {

// The library does not write to its input.
unsigned char* as_isal(const void* bytes) {
  return static_cast<unsigned char*>(const_cast<void*>(bytes));
}

#if defined(__x86_64__)
[[gnu::target("avx")]] void zero_upper_halves() { __builtin_ia32_vzeroupper(); }
#endif

// ISA-L returns with the upper halves of the vector registers in use. From then on the processor
// keeps them through every plain SSE instruction of the thread, which made scanning and copying
// lines half as fast, until somebody zeroes them (Intel's optimization manual, mixing AVX code with
// SSE code).
class WithVectors {
 public:
  WithVectors() = default;
  WithVectors(const WithVectors&) = delete;
  WithVectors& operator=(const WithVectors&) = delete;
  ~WithVectors() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx") != 0) zero_upper_halves();
#endif
  }
};

class IsalDeflater final : public Deflater {
 public:
  explicit IsalDeflater(int level)
      : level_(level == 1 ? 1 : 2),
        tables_(level_ == 1 ? ISAL_DEF_LVL1_DEFAULT : ISAL_DEF_LVL2_DEFAULT) {
    isal_deflate_init(stream_.get());
  }

  // Of what cannot be compressed it makes stored blocks, each at most a few bytes longer.
  [[nodiscard]] std::size_t bound(std::size_t bytes) override { return bytes + bytes / 64 + 512; }

  [[nodiscard]] std::optional<std::size_t> deflate(std::string_view lines,
                                                   std::span<char> out) override {
    const WithVectors with_vectors;
    isal_zstream& stream = *stream_;
    isal_deflate_reset(&stream);
    stream.level = static_cast<std::uint32_t>(level_);
    stream.level_buf = tables_.data();
    stream.level_buf_size = static_cast<std::uint32_t>(tables_.size());
    stream.gzip_flag = IGZIP_DEFLATE;
    stream.flush = SYNC_FLUSH;
    stream.end_of_stream = 0;
    stream.next_in = as_isal(lines.data());
    stream.avail_in = static_cast<std::uint32_t>(lines.size());
    stream.next_out = as_isal(out.data());
    stream.avail_out = static_cast<std::uint32_t>(out.size());
    const bool good = isal_deflate(&stream) == COMP_OK;
    if (!good || stream.avail_in > 0 || stream.avail_out == 0) return std::nullopt;
    return stream.total_out;
  }

 private:
  int level_;
  std::unique_ptr<isal_zstream> stream_ = std::make_unique<isal_zstream>();
  std::vector<std::uint8_t> tables_;
};

}  // namespace

bool has_isal() { return true; }

std::unique_ptr<Deflater> make_isal_deflater(int level) {
  return std::make_unique<IsalDeflater>(level);
}

std::uint32_t crc32_of(std::string_view bytes) {
  const WithVectors with_vectors;
  return crc32_gzip_refl(0, as_isal(bytes.data()), bytes.size());
}

std::uint32_t crc32c(base::ByteSpan bytes, std::uint32_t seed) {
  const WithVectors with_vectors;
  // Both inversions are left to the caller.
  return ~crc32_iscsi(as_isal(bytes.data()), static_cast<int>(bytes.size()), ~seed);
}

}  // namespace holdfast::buffer
