// The masks against the plain way to say the same.
#include "agent/line/breaks.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "agent/base/random.h"
#include "agent/line/rules.h"

namespace holdfast::line {
namespace {

std::string random_text(base::Random& random, std::size_t size) {
  constexpr std::string_view kLikely = "abcXYZ019.-_,= \\\n\r\"\x01\x1f\x7f\x80\xff";
  std::string text;
  while (text.size() < size) text.push_back(kLikely[random.below(kLikely.size())]);
  return text;
}

TEST(BreaksTest, FindsWhatIsNotPlainFromEveryPlace) {
  base::Random random(7);
  for (std::size_t size = 0; size < 200; ++size) {
    // As a mapped copy of exactly this size, so that reading behind it is noticed by ASan.
    const std::vector<char> text = [&] {
      const std::string made = random_text(random, size);
      return std::vector<char>(made.begin(), made.end());
    }();
    const char* const begin = text.data();
    const char* const end = begin + size;
    for (const char* first = begin; first != end; first += 1 + random.below(9)) {
      Breaks breaks({begin, size});
      for (const char* from = first; from != end; ++from) {
        const char* expected = from;
        while (expected != end && name_byte(*expected) == NameByte::kPlain) ++expected;
        ASSERT_EQ(breaks.find(from) - begin, expected - begin) << "from " << from - begin;
      }
      // Backwards too, if need be.
      ASSERT_EQ(breaks.find(first), Breaks({begin, size}).find(first));
      if (end - first < 9) break;
    }
  }
}

TEST(BreaksTest, SaysWhichBytesAreNoDigits) {
  for (int byte = 0; byte < 256; ++byte) {
    for (unsigned place = 0; place < 16; ++place) {
      std::string text = "0123456789987654";
      text[place] = static_cast<char>(byte);
      const bool is_digit = byte >= '0' && byte <= '9';
      ASSERT_EQ(no_digits(text.data()), is_digit ? 0U : 1U << place) << byte;
    }
  }
}

TEST(BreaksTest, BitsAreTheSameOnMachinesWithoutAnInstructionForThem) {
  base::Random random(8);
  for (int round = 0; round < 1000; ++round) {
    Sixteen comparison{};
    std::uint32_t expected = 0;
    for (unsigned place = 0; place < 16; ++place) {
      const bool yes = random.below(2) == 1;
      comparison[place] = yes ? 255 : 0;
      expected |= (yes ? 1U : 0U) << place;
    }
    ASSERT_EQ(bits_by_sum(comparison), expected);
    ASSERT_EQ(bits_of(comparison), expected);
  }
}

}  // namespace
}  // namespace holdfast::line
