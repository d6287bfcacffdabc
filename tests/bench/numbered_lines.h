// Lines of line protocol with a number in each, for feeding an agent and counting what comes out
// at its other end.
//
//   machine,line=07,station=st-0142 load=48.213,temperature=21.37,rpm=1480,n=1000000142i 17…
//
// Each station is a series and reports once a second; the values vary as measured ones do, so that
// the lines compress like real ones (500 stations: about 5 times at zlib's level 3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::bench {

inline constexpr std::size_t kLineBytes = 105;  // LF included

inline constexpr std::uint64_t kSeries = 500;
inline constexpr std::uint64_t kMostSeries = 10'000;  // numbers of stations have four digits

// Appends lines number first to first + count - 1, of 1 to kMostSeries series. Numbers are below
// 9 * 10^9.
void append_lines(std::uint64_t first, std::uint64_t count, std::string& out,
                  std::uint64_t series = kSeries);

// The number in a line that append_lines made, whatever tags were added on the way.
[[nodiscard]] std::optional<std::uint64_t> number_of(std::string_view line);

}  // namespace holdfast::bench
