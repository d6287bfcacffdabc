#include "config/scalar.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

TEST(Scalar, TakesTheNumbersAndBoolsOfToml) {
  for (const std::string_view token : {"true",
                                       "false",
                                       "0",
                                       "-0",
                                       "+5",
                                       "42",
                                       "1_000",
                                       "0x1F",
                                       "0xdead_beef",
                                       "0o755",
                                       "0b101",
                                       "9223372036854775807",
                                       "-9223372036854775808",
                                       "1.5",
                                       "-0.25",
                                       "1e5",
                                       "1E-3",
                                       "6.6e+3",
                                       "1_0.5_0",
                                       "inf",
                                       "-inf",
                                       "+nan"}) {
    EXPECT_TRUE(is_number_or_bool(token)) << token;
    EXPECT_EQ(scalar_problem(token), "") << token;
  }
}

TEST(Scalar, RefusesEverythingElse) {
  for (const std::string_view token : {"",           "True",
                                       "yes",        "01",
                                       "1_",         "_1",
                                       "1__0",       "1.",
                                       ".5",         "1e",
                                       "1.e5",       "0x",
                                       "-0x1",       "0b2",
                                       "0o8",        "10s",
                                       "abc",        "+",
                                       "-",          "--1",
                                       "+-1",        "9223372036854775808",
                                       "1e999",      "0xFFFFFFFFFFFFFFFF",
                                       "5\n[agent]", "5 ",
                                       "5#",         "infinity",
                                       "nan(1)"}) {
    EXPECT_FALSE(is_number_or_bool(token)) << token;
    EXPECT_NE(scalar_problem(token), "") << token;
  }
}

TEST(Scalar, RefusesDigitsTheTomlLibraryWouldOverflowOn) {
  EXPECT_TRUE(is_number_or_bool("0b" + std::string(62, '1')));
  EXPECT_FALSE(is_number_or_bool("0b" + std::string(63, '1')));
  EXPECT_TRUE(is_number_or_bool("0o" + std::string(20, '7')));
  EXPECT_FALSE(is_number_or_bool("0o0" + std::string(20, '7')));
}

TEST(Scalar, LeavesDatesToTheLibrary) {
  EXPECT_EQ(scalar_problem("1979-05-27T07:32:00Z"), "");
  EXPECT_EQ(scalar_problem("07:32:00"), "");
  EXPECT_FALSE(is_number_or_bool("1979-05-27"));
  EXPECT_FALSE(looks_like_date_time("197-05"));
}

}  // namespace
}  // namespace holdfast::config
