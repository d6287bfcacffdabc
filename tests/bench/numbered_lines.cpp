// One template of fixed width; each line is a copy with digits overwritten, which costs less than
// anything an agent does with it.
#include "tests/bench/numbered_lines.h"

#include <charconv>

namespace holdfast::bench {
namespace {

constexpr std::string_view kTemplate =
    "machine,line=00,station=st-0000 load=00.000,temperature=20.00,rpm=1000,n=1000000000i "
    "1700000000000000000\n";
static_assert(kTemplate.size() == kLineBytes);

// Numbers start here, so that all have ten digits and none a leading zero.
constexpr std::uint64_t kBase = 1'000'000'000;
constexpr std::uint64_t kStationsPerLine = 20;
constexpr std::uint64_t kFirstSecond = 1'700'000'000;

constexpr std::size_t behind(std::string_view text) { return kTemplate.find(text) + text.size(); }

// Writes the decimal digits of `value`, `width` of them, with leading zeros.
void put(char* at, std::size_t width, std::uint64_t value) {
  for (std::size_t i = width; i-- > 0; value /= 10) at[i] = static_cast<char>('0' + value % 10);
}

// SplitMix64: the same values in every run.
std::uint64_t scrambled(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15ULL;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

}  // namespace

void append_lines(std::uint64_t first, std::uint64_t count, std::string& out,
                  std::uint64_t series) {
  for (std::uint64_t number = first; number < first + count; ++number) {
    const std::size_t begin = out.size();
    out.append(kTemplate);
    char* const line = out.data() + begin;
    const std::uint64_t station = number % series;
    const std::uint64_t noise = scrambled(number);
    put(line + behind("line="), 2, station / kStationsPerLine);
    put(line + behind("station=st-"), 4, station);
    put(line + behind("load="), 2, 40 + (noise & 15U));
    put(line + behind("load=00."), 3, (noise >> 8) % 1000);
    put(line + behind("temperature=2"), 1, station % 10);
    put(line + behind("temperature=20."), 2, (noise >> 24) % 100);
    put(line + behind("rpm=1"), 3, 400 + ((noise >> 40) & 63U));
    put(line + behind(",n="), 10, kBase + number);
    put(line + behind("i "), 10, kFirstSecond + number / series);
  }
}

std::optional<std::uint64_t> number_of(std::string_view line) {
  const std::size_t at = line.rfind(",n=");
  if (at == std::string_view::npos) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(line.data() + at + 3, line.data() + line.size(), value);
  if (error != std::errc() || value < kBase) return std::nullopt;
  return value - kBase;
}

}  // namespace holdfast::bench
