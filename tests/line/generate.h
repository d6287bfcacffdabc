// Random points and hostile line protocol, from a seed.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/base/random.h"
#include "agent/line/point.h"

namespace holdfast::line::test {

// Pieces that meet every rule of escaping; chosen far more often than chance would.
inline constexpr std::array<std::string_view, 30> kPieces = {
    "a",    "b",    "host",   ",",    " ",      "=",   "\\",         "\\\\", "\"",    "\n",
    "\t",   "\r",   "\f",     "\x01", "\u00e9", "#",   "\U0001F321", "time", "1",     "-",
    "\xff", "\xc3", "_field", "\\,",  "\\ ",    "\\=", "\\\"",       "i",    "C:\\x", "."};

inline std::string random_text(base::Random& random, std::size_t max_pieces) {
  std::string text;
  for (std::uint64_t left = random.below(max_pieces + 1); left > 0; --left) {
    text += kPieces[random.below(kPieces.size())];
  }
  if (random.below(50) == 0) {
    text += '\0';
  }
  return text;
}

inline void add_random_field(Point& point, base::Random& random) {
  const std::string key = random_text(random, 3);
  switch (random.below(6)) {
    case 0:
      point.field(key, std::bit_cast<double>(random.next()));
      break;
    case 1:
      point.field(key, static_cast<double>(random.below(100'000)) / 1'000);
      break;
    case 2:
      point.field(key, static_cast<std::int64_t>(random.next()));
      break;
    case 3:
      point.field(key, random.next());
      break;
    case 4:
      point.field(key, random.below(2) == 0);
      break;
    default:
      point.field(key, std::string_view(random_text(random, 12)));
  }
}

inline Point random_point(base::Random& random) {
  Point point(random_text(random, 4));
  for (std::uint64_t left = random.below(6); left > 0; --left) {
    point.tag(random_text(random, 3), random_text(random, 4));
  }
  for (std::uint64_t left = random.below(5); left > 0; --left) {
    add_random_field(point, random);
  }
  return point;
}

// Good lines and near misses; the mutations do the rest.
inline constexpr std::array<std::string_view, 16> kSeeds = {
    "cpu,host=a,cpu=cpu0 usage_user=1.25,usage_idle=98.5 1700000000000000000\n",
    "m f=1\n",
    "m,a=b f=1u,g=.5,h=5. 12\r\n",
    "m,k\\==v\\,w,z=\\ x f\\ 1=-1e5,s=\"a b,c=d\" -5\n",
    "m s=\"two\nlines \\\" \\\\\",t=t 1\n",
    "m s=\"open\n",
    "# comment \"\n\n",
    "m\\ x f=18446744073709551615u 9223372036854775806\n",
    "disk,path=C:\\Windows\\x,srv=\\\\nas free=9223372036854775807i 1\n",
    "m,t=\"q f=\"\",g=\"x\",h=TRUE   7  \n",
    "m,b=1,a=2,c=3,time=4 time=1\n",
    "\u00e9,\u00e9=\u00e9 \u00e9=\"\u00e9\" 1\n",
    "m f=1e308,g=1e309,h=-0,i=-0i 1\n",
    "m,a=1,a=2 f=1,f=2i 1 2\n",
    ",a=b =1,f= nan\n",
    "=m,t=v a\"b=1,c\"d=2 01"};

inline constexpr std::string_view kBytes = ",= \\\"\n\r\t#-+.ieEuntTfF019a\x01\x7f\x80\xc3\xe2\xff";

inline std::string random_lines(base::Random& random) {
  std::string text;
  for (std::uint64_t left = 1 + random.below(6); left > 0; --left) {
    text += kSeeds[random.below(kSeeds.size())];
  }
  for (std::uint64_t left = random.below(8); left > 0 && !text.empty(); --left) {
    const std::size_t at = random.below(text.size());
    const char byte = random.below(40) == 0 ? '\0' : kBytes[random.below(kBytes.size())];
    switch (random.below(4)) {
      case 0:
        text.insert(at, 1, byte);
        break;
      case 1:
        text.erase(at, 1 + random.below(3));
        break;
      case 2:
        text.insert(at, text.substr(random.below(text.size()), random.below(12)));
        break;
      default:
        text[at] = byte;
    }
  }
  return text;
}

}  // namespace holdfast::line::test
