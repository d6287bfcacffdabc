// Breaks: where names and values end, looked up in a bit mask of the next 64 bytes. The masks do
// not depend on each other, so the processor makes the next while the scanner still walks along
// the last; a loop over the bytes would wait for each of them. Internal to agent/line.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace holdfast::line {

// Sixteen bytes in one register, in the compiler's own notation: any machine has them.
using Sixteen = unsigned char __attribute__((vector_size(16)));

[[nodiscard]] inline Sixteen load_sixteen(const char* from) {
  Sixteen bytes;
  std::memcpy(&bytes, from, sizeof bytes);
  return bytes;
}

// Bit i is byte i of a comparison's result (0 or 255); on any machine.
[[nodiscard]] inline std::uint32_t bits_by_sum(Sixteen comparison) {
  constexpr Sixteen kWeights = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  const Sixteen weights = comparison & kWeights;
  std::uint64_t halves[2];
  std::memcpy(halves, &weights, sizeof halves);
  constexpr std::uint64_t kSum = 0x0101010101010101U;  // the product's highest byte is the sum
  return static_cast<std::uint32_t>((halves[0] * kSum) >> 56U) |
         static_cast<std::uint32_t>((halves[1] * kSum) >> 56U) << 8U;
}

template <class Comparison>
[[nodiscard]] inline std::uint32_t bits_of(Comparison comparison) {
#if defined(__SSE2__)
  using Signed = char __attribute__((vector_size(16)));
  return static_cast<std::uint32_t>(__builtin_ia32_pmovmskb128(std::bit_cast<Signed>(comparison)));
#else
  return bits_by_sum(std::bit_cast<Sixteen>(comparison));
#endif
}

// Which of the 16 bytes at `from` are no decimal digits.
[[nodiscard]] inline std::uint32_t no_digits(const char* from) {
  const Sixteen values = load_sixteen(from) - static_cast<unsigned char>('0');
  return bits_of(values > 9);
}

class Breaks {
 public:
  explicit Breaks(std::string_view text) : end_(text.data() + text.size()) { look(text.data()); }

  // The first byte at or after `from` that is not NameByte::kPlain, or the end of the text. Fast
  // for places that come in order.
  [[nodiscard]] const char* find(const char* from) {
    for (;;) {
      const auto offset = static_cast<std::size_t>(from - at_);
      if (offset < kStretch) {
        const std::uint64_t rest = bits_ >> offset;
        if (rest != 0) return from + std::countr_zero(rest);
        from = at_ + kStretch;
      }
      if (from >= end_) return end_;
      look(from);
    }
  }

 private:
  static constexpr std::size_t kStretch = 64;

  void look(const char* from) {
    at_ = from;
    const auto left = static_cast<std::size_t>(end_ - from);
    bits_ = left >= kStretch ? breaks_of(from) : breaks_of_last(from, left);
  }
  [[nodiscard]] static std::uint64_t breaks_of(const char* from) {
    std::uint64_t bits = 0;
    for (unsigned at = 0; at < kStretch; at += sizeof(Sixteen)) {
      const Sixteen bytes = load_sixteen(from + at);
      const auto found = (bytes <= ' ') | (bytes == ',') | (bytes == '=') | (bytes == '\\');
      bits |= std::uint64_t{bits_of(found)} << at;
    }
    return bits;
  }
  // The end of the text is a break too.
  [[nodiscard]] static std::uint64_t breaks_of_last(const char* from, std::size_t size) {
    char padded[kStretch];
    std::memset(padded, '\n', kStretch);
    if (size > 0) std::memcpy(padded, from, size);
    return breaks_of(padded);
  }

  const char* end_;
  const char* at_ = nullptr;  // the stretch that `bits_` is about
  std::uint64_t bits_ = 0;
};

}  // namespace holdfast::line
