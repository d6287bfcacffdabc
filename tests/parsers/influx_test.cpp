// Line protocol as a data format.
#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "parse.h"

namespace holdfast::test {
namespace {

TEST(InfluxFormat, TakesEveryTypeTagAndEscape) {
  FormatUnderTest format("");
  const auto parsed =
      format.parse("we\\ ather,a\\,b=c\\=d i=-5i,u=7u,f=1.5,s=\"x \\\"y\\\"\",t=true,n=F 12\n");
  EXPECT_EQ(parsed.lines,
            "we\\ ather,a\\,b=c\\=d f=1.5,i=-5i,n=false,s=\"x \\\"y\\\"\",t=true,u=7u 12\n");
  EXPECT_EQ(parsed.errors, "");
}

TEST(InfluxFormat, ALineWithoutATimeIsAPointWithoutOne) {
  FormatUnderTest format("");
  EXPECT_EQ(format.parse("m f=1\nm f=2 7").lines, "m f=1 0\nm f=2 7\n");
}

TEST(InfluxFormat, TheUnitOfTimestampsCanBeSet) {
  FormatUnderTest format("influx_timestamp_precision = \"1s\"");
  EXPECT_EQ(format.parse("m f=1 12").lines, "m f=1 12000000000\n");
}

TEST(InfluxFormat, AnotherUnitIsAProblemWithItsPlace) {
  const FormatUnderTest format("influx_timestamp_precision = \"2s\"");
  EXPECT_EQ(format.problems(),
            "t.toml:2:1: error: `influx_timestamp_precision`: found 2s, expected 1ns, 1us, 1ms or "
            "1s\n");
}

TEST(InfluxFormat, GoodLinesCountAlthoughOthersAreBad) {
  FormatUnderTest format("");
  const auto parsed = format.parse("m f=1 1\nm f=\n# note\n\nm f=2 2\nm\n");
  EXPECT_EQ(parsed.lines, "m f=1 1\nm f=2 2\n");
  EXPECT_EQ(parsed.errors.substr(0, 8), "line 2: ");
  EXPECT_NE(parsed.errors.find("(1 more bad lines)"), std::string::npos) << parsed.errors;
}

TEST(Formats, OneThatIsNotThereIsReportedWithItsPlace) {
  const FormatUnderTest format("data_format = \"grok\"");
  EXPECT_EQ(
      format.problems(),
      "t.toml:2:15: error: `data_format` is \"grok\", which is not supported, expected one of "
      "\"csv\", \"influx\", \"json\", \"value\"\n");
}

TEST(Formats, TheOptionsOfOneThatIsNotThereAreNoFurtherProblems) {
  const auto problems = [](const std::string& options) {
    const std::string text = FormatUnderTest(options).problems();
    return std::count(text.begin(), text.end(), '\n');
  };
  EXPECT_EQ(problems("data_format = \"grok\"\ngrok_patterns = [\"%{X}\"]"), 1);
  EXPECT_EQ(problems("data_format = \"graphite\"\ntemplates = [\"a.b\"]\nseparator = \"_\""), 1);
  EXPECT_EQ(problems("data_format = \"json_v2\"\n[[inputs.plugin.json_v2]]"), 1);
  EXPECT_EQ(problems("data_format = \"xpath_json\"\nxpath_native_types = true"), 1);
  EXPECT_EQ(problems("data_format = \"grok\"\ntemplates = [\"a.b\"]"), 2);
}

TEST(Formats, OptionsOfOtherFormatsAreUnknown) {
  const FormatUnderTest format("data_type = \"float\"");
  EXPECT_NE(format.problems().find("unknown option `data_type`"), std::string::npos)
      << format.problems();
}

}  // namespace
}  // namespace holdfast::test
