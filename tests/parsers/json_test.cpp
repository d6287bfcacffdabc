// JSON as a data format.
#include <string>

#include <gtest/gtest.h>

#include "parse.h"

namespace holdfast::test {
namespace {

// Lines and errors of a text under these options.
std::string read(std::string_view text, const std::string& options = "") {
  FormatUnderTest format("data_format = \"json\"\n" + options);
  const auto parsed = format.parse(text);
  return parsed.lines + parsed.errors;
}

TEST(JsonFormat, NumbersBecomeFieldsWithJoinedNames) {
  EXPECT_EQ(read(R"({"a": 5, "b": {"c": 6.5, "d": {"e": -7}}, "l": [1, {"x": 2}]})"),
            "plugin a=5,b_c=6.5,b_d_e=-7,l_0=1,l_1_x=2 0\n");
}

TEST(JsonFormat, TextsAndBooleansAreLeftOutUnlessAskedFor) {
  const std::string text = R"({"n": 1, "s": "up", "t": "x", "b": true, "null": null})";
  EXPECT_EQ(read(text), "plugin n=1 0\n");
  EXPECT_EQ(read(text, "json_string_fields = [\"s\", \"b\"]"), "plugin b=true,n=1,s=\"up\" 0\n");
  EXPECT_EQ(read(text, "json_string_fields = [\"*\"]"), "plugin b=true,n=1,s=\"up\",t=\"x\" 0\n");
  EXPECT_EQ(read(R"({"a": {"s": "x"}})", "json_string_fields = [\"a_*\"]"), "plugin a_s=\"x\" 0\n");
  // Without a field there is no point.
  EXPECT_EQ(read(R"({"s": "up"})"), "");
}

TEST(JsonFormat, TagsAreTakenByTheirJoinedNames) {
  EXPECT_EQ(read(R"({"n": 1, "a": {"host": "h 1"}, "id": 12.50, "big": 1e21, "on": false})",
                 R"(tag_keys = ["a_*", "id", "big", "on", "none"])"),
            "plugin,a_host=h\\ 1,big=1000000000000000000000,id=12.5,on=false n=1 0\n");
}

TEST(JsonFormat, AnArrayOfObjectsIsSeveralPoints) {
  EXPECT_EQ(read(R"([{"a": 1}, {"a": 2, "h": "x"}, {}])", "tag_keys = [\"h\"]"),
            "plugin a=1 0\nplugin,h=x a=2 0\n");
  EXPECT_EQ(read("[]"), "");
  EXPECT_EQ(read("null"), "");
}

TEST(JsonFormat, TheMeasurementCanBeInTheText) {
  const std::string options = "json_name_key = \"type\"";
  EXPECT_EQ(read(R"([{"type": "pump", "a": 1}, {"type": 2, "a": 2}, {"a": 3}])", options),
            "pump a=1 0\nplugin a=2,type=2 0\nplugin a=3 0\n");
}

TEST(JsonFormat, TheTimeCanBeInTheText) {
  const std::string options =
      "json_time_key = \"b_time\"\njson_time_format = \"02 Jan 06 15:04 MST\"";
  EXPECT_EQ(read(R"({"a": 5, "b": {"time": "04 Jan 06 15:04 UTC"}})", options),
            "plugin a=5 1136387040000000000\n");
  EXPECT_EQ(
      read(R"({"t": 1536843000.25, "a": 1})", "json_time_key = \"t\"\njson_time_format = \"unix\""),
      "plugin a=1 1536843000250000000\n");
  // An integer keeps all its digits.
  EXPECT_EQ(read(R"({"t": 1536843000123456789, "a": 1})",
                 "json_time_key = \"t\"\njson_time_format = \"unix_ns\""),
            "plugin a=1 1536843000123456789\n");
  EXPECT_EQ(read(R"({"t": "2018-09-13 15:03:28", "a": 1})",
                 "json_time_key = \"t\"\njson_time_format = \"2006-01-02 15:04:05\"\n"
                 "json_timezone = \"Europe/Berlin\""),
            "plugin a=1 1536843808000000000\n");
}

TEST(JsonFormat, ATimeThatIsMissingOrWrongIsAnError) {
  const std::string options = "json_time_key = \"t\"\njson_time_format = \"unix\"\n";
  EXPECT_EQ(read(R"({"a": 1})", options), "found no `t`, expected the time\n");
  EXPECT_EQ(read(R"({"a": 1, "t": "soon"})", options),
            "`t`: found `soon`, expected a number of units since 1970\n");
}

TEST(JsonFormat, StrictSaysWhetherOneBadObjectSpoilsTheArray) {
  const std::string text = R"([{"a": 1, "t": 1}, {"a": 2}, {"a": 3, "t": 3}])";
  const std::string options = "json_time_key = \"t\"\njson_time_format = \"unix\"\n";
  EXPECT_EQ(read(text, options), "element 1 of the array: found no `t`, expected the time\n");
  EXPECT_EQ(read(text, options + "json_strict = false"),
            "plugin a=1 1000000000\nplugin a=3 3000000000\n");
  EXPECT_EQ(read(R"([{"a": 1}, 2])", "json_strict = false"),
            "plugin a=1 0\n"
            "element 1 of the array: found a number, expected an object or an array of them\n");
}

TEST(JsonFormat, AQueryTakesAPart) {
  const std::string text =
      R"({"data": {"rooms": [{"t": 20, "x": {"y": 1}}, {"t": 21, "x": {"y": 2}}, {"z": 3}]},
          "a.b": {"v": 4}, "7": {"v": 5}, "n": 1})";
  const auto query = [&](const std::string& path) {
    return read(text, "json_query = '" + path + "'");
  };
  EXPECT_EQ(query("data.rooms"), "plugin t=20,x_y=1 0\nplugin t=21,x_y=2 0\nplugin z=3 0\n");
  EXPECT_EQ(query("data.rooms.1"), "plugin t=21,x_y=2 0\n");
  EXPECT_EQ(query("data.rooms.#.x"), "plugin y=1 0\nplugin y=2 0\n");
  EXPECT_EQ(query("a\\.b"), "plugin v=4 0\n");
  EXPECT_EQ(query("7"), "plugin v=5 0\n");
  // What leads nowhere gives nothing; what leads to a number cannot be a point.
  EXPECT_EQ(query("data.cellar"), "");
  EXPECT_EQ(query("data.rooms.3"), "");
  EXPECT_EQ(query("n.#"), "");
  EXPECT_EQ(query("n"),
            "found a number where json_query leads, expected an object or an array of them\n");
  EXPECT_EQ(query("data.rooms.#"),
            "found a number where json_query leads, expected an object or an array of them\n");
  EXPECT_EQ(query("data.rooms.#.t"),
            "element 0 of the array: found a number where json_query leads, expected an object or "
            "an array of them\n");
}

TEST(JsonFormat, OtherSyntaxOfAQueryIsUnsupportedWithItsPlace) {
  const auto problem = [](const std::string& path) {
    return FormatUnderTest("data_format = \"json\"\njson_query = '" + path + "'").problems();
  };
  const std::string begin = "t.toml:3:14: error: `json_query` is \"";
  EXPECT_EQ(problem("a.*.b"), begin + "a.*.b\", column 3: `*` is not supported\n");
  EXPECT_EQ(problem("a.#(b==1)"), begin + "a.#(b==1)\", column 3: `#` is not supported\n");
  EXPECT_EQ(problem("a|b"), begin + "a|b\", column 2: `|` is not supported\n");
  EXPECT_EQ(problem("@this"), begin + "@this\", column 1: `@` is not supported\n");
  EXPECT_EQ(problem("a..b"), begin + "a..b\", column 3: found nothing, expected a name\n");
  EXPECT_EQ(problem("a."), begin + "a.\", column 3: found nothing, expected a name\n");
  EXPECT_EQ(problem("a\\*.b"), "");
}

TEST(JsonFormat, WhatIsNoJsonIsSaidWithItsPlace) {
  EXPECT_EQ(read("{\"a\": 1,\n \"b\": }").substr(0, 19), "line 2, column 7: s");
  EXPECT_EQ(read("{\"a\": NaN}").substr(0, 19), "line 1, column 7: s");
  EXPECT_EQ(read("{\"a\": 1} x").substr(0, 8), "line 1, ");
  EXPECT_EQ(read("{\"a\": 1e999}").substr(0, 13), "in the text: ");
  EXPECT_EQ(read("17"), "found a number, expected an object or an array of them\n");
  EXPECT_EQ(read(" \n"), "");
  EXPECT_EQ(read("\xEF\xBB\xBF{\"a\": 1}"), "plugin a=1 0\n");
}

TEST(JsonFormat, DepthAndSizeAreBounded) {
  const auto nested = [](std::size_t depth) {
    std::string text(depth, '[');
    return "{\"a\":" + text + "1" + std::string(depth, ']') + "}";
  };
  EXPECT_EQ(read(nested(99)).substr(0, 9), "plugin a_");
  EXPECT_EQ(read(nested(100)), "line 1: found more than 100 levels within each other\n");
  EXPECT_EQ(read(std::string(5'000'000, '[')).substr(0, 30), "line 1: found more than 100 le");
  // A bracket within a text is none.
  EXPECT_EQ(read("{\"a\": 1, \"s\": \"" + std::string(200, '[') + "\\\"{\"}"), "plugin a=1 0\n");

  std::string many = "{\"a\": [0";
  for (int i = 0; i < 10'000; ++i) many += ",0";
  EXPECT_EQ(read(many + "]}"), "found an object of more than 10000 values\n");
  std::string values = "[0";
  for (int i = 0; i < 1'000'000; ++i) values += ",0";
  EXPECT_EQ(read(values + "]"), "line 1: found more than 1000000 values\n");
}

TEST(JsonFormat, OptionsThatDoNotFitAreProblems) {
  const auto problem = [](const std::string& options) {
    return FormatUnderTest("data_format = \"json\"\n" + options).problems();
  };
  EXPECT_NE(problem("json_time_key = \"t\"").find("needs `json_time_format`"), std::string::npos);
  EXPECT_NE(problem("json_time_key = \"t\"\njson_time_format = \"x\"").find("expected unix, "),
            std::string::npos);
  EXPECT_NE(problem("json_time_key = \"t\"\njson_time_format = \"unix\"\njson_timezone = \"No\"")
                .find("no such time zone: No"),
            std::string::npos);
  EXPECT_NE(problem("tag_keys = [\"a[\"]").find("t.toml:3:1: error: `tag_keys`"),
            std::string::npos);
  EXPECT_NE(problem("json_string_fields = [\"a[\"]").find("`json_string_fields`"),
            std::string::npos);
}

}  // namespace
}  // namespace holdfast::test
