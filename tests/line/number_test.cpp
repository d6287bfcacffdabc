#include "agent/line/number.h"

#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::line {
namespace {

NumberKind kind_of(std::string_view token) { return parse_number(token).kind; }

TEST(NumberTest, KnowsFloats) {
  for (const char* token : {"0", "-0", "007", "1.5", "-1.50", "1e5", "1E+5", "1.5e-5", "1e-400",
                            "0e999", "1.7976931348623157e308", "123456789012345678901234567890",
                            "0.0000001e314", "100000e303", "0.0e99999999999999999999"}) {
    const Number number = parse_number(token);
    EXPECT_EQ(number.kind, NumberKind::kFloat) << token;
    EXPECT_FALSE(number.bare_point) << token;
  }
}

TEST(NumberTest, NotesAPointWithoutDigitsOnBothSides) {
  for (const char* token : {".5", "5.", "-.5", "-5.", "5.e3", ".5e3"}) {
    const Number number = parse_number(token);
    EXPECT_EQ(number.kind, NumberKind::kFloat) << token;
    EXPECT_TRUE(number.bare_point) << token;
  }
}

TEST(NumberTest, RefusesWhatIsNoNumber) {
  for (const char* token :
       {"",     "-",     ".",    "-.",   "+1", "--1",  "1e",       "1e+", "1ee5", "1e5.5", "1.2.3",
        "0x10", "1_000", "1e5i", "1.5i", "-i", "i",    "u",        "-1u", "-0u",  "1ii",   "1iu",
        "nan",  "1 ",    " 1",   "e5",   "1f", "1e5u", "\xD9\xA1", "1-",  "1e-"}) {
    const Number number = parse_number(token);
    EXPECT_EQ(number.kind, NumberKind::kInvalid) << token;
    EXPECT_FALSE(number.out_of_range) << token;
  }
}

TEST(NumberTest, ChecksRanges) {
  EXPECT_EQ(kind_of("9223372036854775807i"), NumberKind::kInteger);
  EXPECT_EQ(kind_of("-9223372036854775808i"), NumberKind::kInteger);
  EXPECT_EQ(kind_of("00000000000000000000000001i"), NumberKind::kInteger);
  EXPECT_EQ(kind_of("18446744073709551615u"), NumberKind::kUnsigned);
  for (const std::string& token :
       {std::string("9223372036854775808i"), std::string("-9223372036854775809i"),
        std::string("99999999999999999999i"), std::string("18446744073709551616u"),
        std::string("1e309"), std::string("-1e400"), std::string("1.7976931348623159e308"),
        std::string("1e99999999999999999999"), std::string("0.001e312"), std::string(310, '9'),
        "2" + std::string(308, '0')}) {
    const Number number = parse_number(token);
    EXPECT_EQ(number.kind, NumberKind::kInvalid) << token;
    EXPECT_TRUE(number.out_of_range) << token;
  }
  EXPECT_EQ(kind_of("1" + std::string(308, '0')), NumberKind::kFloat);
}

TEST(NumberTest, ReadsIntegers) {
  bool out_of_range = false;
  EXPECT_EQ(parse_integer("0", out_of_range), 0);
  EXPECT_EQ(parse_integer("-42", out_of_range), -42);
  EXPECT_EQ(parse_integer("9223372036854775807", out_of_range),
            std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parse_integer("-9223372036854775808", out_of_range),
            std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(parse_integer("", out_of_range), std::nullopt);
  EXPECT_EQ(parse_integer("-", out_of_range), std::nullopt);
  EXPECT_EQ(parse_integer("1.5", out_of_range), std::nullopt);
  EXPECT_FALSE(out_of_range);
  EXPECT_EQ(parse_integer("9223372036854775808", out_of_range), std::nullopt);
  EXPECT_TRUE(out_of_range);
}

}  // namespace
}  // namespace holdfast::line
