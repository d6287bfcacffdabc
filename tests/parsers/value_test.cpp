// A single value as a data format.
#include <gtest/gtest.h>

#include "parse.h"

namespace holdfast::test {
namespace {

std::string value_of(const std::string& type, std::string_view text) {
  FormatUnderTest format("data_format = \"value\"\ndata_type = \"" + type + "\"");
  const auto parsed = format.parse(text);
  return parsed.errors + parsed.lines;
}

TEST(ValueFormat, EachTypeIsWrittenAsItsField) {
  EXPECT_EQ(value_of("integer", "42\n"), "plugin value=42i 0\n");
  EXPECT_EQ(value_of("long", " -7 "), "plugin value=-7i 0\n");
  EXPECT_EQ(value_of("float", "1.25e3"), "plugin value=1250 0\n");
  EXPECT_EQ(value_of("boolean", "True\n"), "plugin value=true 0\n");
  EXPECT_EQ(value_of("string", "two words\n"), "plugin value=\"two words\" 0\n");
}

TEST(ValueFormat, TheAutomaticTypesFallBackToText) {
  EXPECT_EQ(value_of("auto_integer", "12"), "plugin value=12i 0\n");
  EXPECT_EQ(value_of("auto_integer", "1.5"), "plugin value=\"1.5\" 0\n");
  EXPECT_EQ(value_of("auto_float", "1.5"), "plugin value=1.5 0\n");
  EXPECT_EQ(value_of("auto_float", "off"), "plugin value=\"off\" 0\n");
}

TEST(ValueFormat, TheLastWordCountsForNumbers) {
  EXPECT_EQ(value_of("integer", "temp is\n21\n"), "plugin value=21i 0\n");
}

TEST(ValueFormat, IntegerIsTheDefaultAndTheFieldCanBeNamed) {
  FormatUnderTest format("data_format = \"value\"\nvalue_field_name = \"celsius\"");
  EXPECT_EQ(format.parse("3").lines, "plugin celsius=3i 0\n");
}

TEST(ValueFormat, WhatIsNoneSaysWhatItIs) {
  EXPECT_EQ(value_of("integer", "abc"), "line 1: found `abc`, expected integer\n");
  EXPECT_EQ(value_of("integer", "99999999999999999999"),
            "line 1: found `99999999999999999999`, expected integer\n");
  EXPECT_EQ(value_of("float", "nan"), "line 1: found `nan`, expected float\n");
  EXPECT_EQ(value_of("boolean", "2"), "line 1: found `2`, expected a boolean\n");
  EXPECT_EQ(value_of("integer", " \n"), "");
}

}  // namespace
}  // namespace holdfast::test
