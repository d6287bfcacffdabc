#include "config/schema.h"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace holdfast::config {
namespace {

using namespace std::chrono_literals;

struct Everything {
  bool flag = true;
  std::int64_t count = 7;
  double ratio = 0.5;
  std::string name = "a \"name\"";
  base::Duration period = 90s;
  Bytes size{64ULL << 20};
  StringList list{"x", "y"};
  StringMap map;
};

Schema<Everything> everything(Rules rules = {}) {
  return Schema<Everything>{}
      .option("flag", &Everything::flag, "A bool.", rules)
      .option("count", &Everything::count, "An integer.", rules)
      .option("ratio", &Everything::ratio, "A float.", rules)
      .option("name", &Everything::name, "A string.", rules)
      .option("period", &Everything::period, "A duration.", rules)
      .option("size", &Everything::size, "A size.", rules)
      .option("list", &Everything::list, "A list.", rules)
      .option("map", &Everything::map, "A table.", rules);
}

struct Outcome {
  Everything options;
  std::vector<std::string> messages;
};

Outcome parse(const Schema<Everything>& schema, Table table) {
  Diagnostics diagnostics;
  Outcome out;
  out.options = schema.parse(table, diagnostics);
  for (const Diagnostic& item : diagnostics.sorted()) out.messages.push_back(item.text());
  return out;
}

template <class T>
Outcome parse_one(const std::string& key, T value, Rules rules = {}) {
  Table table({}, "[t]");
  table.add(key, {}, Value{std::move(value), {}});
  return parse(everything(std::move(rules)), std::move(table));
}

using Messages = std::vector<std::string>;

Value text_value(std::string text) { return Value{std::move(text), {}}; }

TEST(Schema, DefaultsStandWhenNothingIsSaid) {
  const Outcome out = parse(everything(), Table());
  EXPECT_EQ(out.messages, Messages{});
  EXPECT_TRUE(out.options.flag);
  EXPECT_EQ(out.options.count, 7);
  EXPECT_EQ(out.options.period, 90s);
  EXPECT_EQ(out.options.list, (StringList{"x", "y"}));
}

TEST(Schema, ReadsEveryType) {
  Table table;
  auto map = std::make_shared<Table>();
  map->add("k", {}, text_value("v"));
  table.add("flag", {}, Value{false, {}});
  table.add("count", {}, Value{std::int64_t{-3}, {}});
  table.add("ratio", {}, Value{0.25, {}});
  table.add("name", {}, text_value("n"));
  table.add("period", {}, text_value("1m30s"));
  table.add("size", {}, text_value("10MB"));
  table.add("list", {}, Value{Value::Array{text_value("p"), text_value("q")}, {}});
  table.add("map", {}, Value{map, {}});
  const Outcome out = parse(everything(), std::move(table));
  EXPECT_EQ(out.messages, Messages{});
  EXPECT_FALSE(out.options.flag);
  EXPECT_EQ(out.options.count, -3);
  EXPECT_EQ(out.options.ratio, 0.25);
  EXPECT_EQ(out.options.name, "n");
  EXPECT_EQ(out.options.period, 90s);
  EXPECT_EQ(out.options.size.count, 10'000'000U);
  EXPECT_EQ(out.options.list, (StringList{"p", "q"}));
  EXPECT_EQ(out.options.map, (StringMap{{"k", "v"}}));
}

TEST(Schema, IsAsLenientAsTelegraf) {
  EXPECT_FALSE(parse_one("flag", std::string("false")).options.flag);
  EXPECT_EQ(parse_one("ratio", std::int64_t{2}).options.ratio, 2.0);
  EXPECT_EQ(parse_one("period", std::int64_t{5}).options.period, 5s);
  EXPECT_EQ(parse_one("period", 0.25).options.period, 250ms);
  EXPECT_EQ(parse_one("period", std::string()).options.period, 0s);
  EXPECT_EQ(parse_one("period", std::string("1d")).options.period, 24h);
  EXPECT_EQ(parse_one("size", std::int64_t{4096}).options.size.count, 4096U);
}

TEST(Schema, SaysWhatWasFoundAndWhatWasExpected) {
  EXPECT_EQ(parse_one("flag", std::string("yes")).messages,
            Messages{R"(error: `flag` is "yes", expected true or false)"});
  EXPECT_EQ(parse_one("count", 1.0).messages,
            Messages{"error: `count` is 1.0, expected an integer"});
  EXPECT_EQ(parse_one("count", std::string("5")).messages,
            Messages{R"(error: `count` is "5", expected an integer, without quotes)"});
  EXPECT_EQ(parse_one("ratio", true).messages,
            Messages{"error: `ratio` is true, expected a number"});
  EXPECT_EQ(parse_one("ratio", std::nan("")).messages,
            Messages{"error: `ratio` is nan, expected a finite number"});
  EXPECT_EQ(parse_one("name", std::int64_t{1}).messages,
            Messages{"error: `name` is 1, expected a string"});
  EXPECT_EQ(
      parse_one("period", std::string("10 parsecs")).messages,
      Messages{R"(error: `period` is "10 parsecs", expected a duration such as "10s" or "1m30s")"});
  EXPECT_EQ(parse_one("size", -1.0).messages,
            Messages{"error: `size` is -1.0, expected zero or more: a size such as \"64MiB\", or "
                     "a number of bytes"});
  EXPECT_EQ(parse_one("list", std::string("x")).messages,
            Messages{R"(error: `list` is "x", expected a list of strings such as ["a", "b"])"});
  EXPECT_EQ(parse_one("map", Value::Array{}).messages,
            Messages{"error: `map` is a list, expected a table of strings such as "
                     "{ key = \"value\" }"});
}

TEST(Schema, AWrongValueLeavesTheDefault) {
  EXPECT_EQ(parse_one("count", std::string("5")).options.count, 7);
  EXPECT_EQ(parse_one("period", true).options.period, 90s);
  const Outcome out = parse_one("list", Value::Array{text_value("p"), Value{true, {}}});
  EXPECT_EQ(out.options.list, (StringList{"x", "y"}));
  EXPECT_EQ(out.messages, Messages{"error: an element of `list` is true, expected a string"});
}

TEST(Schema, BoundsAreInclusiveAndNamedWithTheirUnit) {
  const Rules rules{.min = 2, .max = 3600};
  EXPECT_EQ(parse_one("count", std::int64_t{2}, rules).messages, Messages{});
  EXPECT_EQ(parse_one("count", std::int64_t{3600}, rules).messages, Messages{});
  EXPECT_EQ(parse_one("period", std::string("1h"), rules).messages, Messages{});
  EXPECT_EQ(parse_one("count", std::int64_t{1}, rules).messages,
            Messages{"error: `count` is 1, expected an integer from 2 to 3600"});
  EXPECT_EQ(parse_one("ratio", 3600.5, rules).messages,
            Messages{"error: `ratio` is 3600.5, expected a number from 2 to 3600"});
  EXPECT_EQ(parse_one("period", std::string("61m"), rules).messages,
            Messages{R"(error: `period` is "61m", expected a duration from 2s to 1h)"});
  EXPECT_EQ(parse_one("size", std::string("4KiB"), {.max = 2048}).messages,
            Messages{R"(error: `size` is "4KiB", expected a size of at most 2KiB)"});
  EXPECT_EQ(parse_one("period", std::int64_t{1}, {.min = 2}).messages,
            Messages{"error: `period` is 1, expected a duration of at least 2s"});
}

TEST(Schema, ChoicesAreListedWithTheNearest) {
  const Rules rules{.choices = {"always", "interval", "never"}};
  EXPECT_EQ(parse_one("name", std::string("never"), rules).options.name, "never");
  EXPECT_EQ(parse_one("name", std::string("allways"), rules).messages,
            Messages{"error: `name` is \"allways\", expected one of \"always\", \"interval\", "
                     "\"never\"; did you mean `always`?"});
  const Outcome out =
      parse_one("list", Value::Array{text_value("never"), text_value("ever")}, rules);
  EXPECT_EQ(out.messages, Messages{"error: an element of `list` is \"ever\", expected one of "
                                   "\"always\", \"interval\", \"never\"; did you mean `never`?"});
}

TEST(Schema, OldNamesWorkAndAreReported) {
  const Rules rules{.old_names = {"former"}};
  const auto schema = Schema<Everything>{}.option("list", &Everything::list, "A list.", rules);
  Table table;
  table.add("former", {}, Value{Value::Array{text_value("old")}, {}});
  Outcome out = parse(schema, table);
  EXPECT_EQ(out.options.list, StringList{"old"});
  EXPECT_EQ(out.messages, Messages{"warning: `former` is an old name; write `list`"});

  table.add("list", {}, Value{Value::Array{text_value("new")}, {}});
  out = parse(schema, table);
  EXPECT_EQ(out.options.list, (StringList{"new", "old"}));
  EXPECT_EQ(out.messages,
            Messages{"warning: `former` is an old name of `list`; both lists are used"});
}

TEST(Schema, OfAnOldAndANewValueTheNewOneCounts) {
  const auto schema = Schema<Everything>{}.option("count", &Everything::count, "An integer.",
                                                  {.old_names = {"former"}});
  Table table;
  table.add("former", {}, Value{std::int64_t{1}, {}});
  table.add("count", {}, Value{std::int64_t{2}, {}});
  const Outcome out = parse(schema, table);
  EXPECT_EQ(out.options.count, 2);
  EXPECT_EQ(out.messages, Messages{"warning: `former` is an old name of `count`, which is given "
                                   "too; this one is ignored"});
}

TEST(Schema, OptionsWithoutEffectSayWhatIsDoneInstead) {
  const Outcome out = parse_one("count", std::string("whatever"), {.no_effect = "see the ring"});
  EXPECT_EQ(out.options.count, 7);
  EXPECT_EQ(out.messages, Messages{"warning: `count` has no effect here: see the ring"});
}

TEST(Schema, RequiredOptionsAreMissed) {
  const auto schema =
      Schema<Everything>{}.option("list", &Everything::list, "Servers.", {.required = true});
  EXPECT_EQ(parse(schema, Table({}, "[[outputs.x]]")).messages,
            Messages{"error: option `list` (list of strings) is missing in [[outputs.x]]"});
}

TEST(Schema, SecretsNeverShow) {
  const Rules rules{.min = 100, .max = 200, .choices = {"allowed"}, .secret = true};
  auto map = std::make_shared<Table>();
  map->add("k", {}, text_value("hunter2"));
  const std::vector<Outcome> outcomes{
      parse_one("flag", std::string("hunter2"), rules),
      parse_one("count", std::int64_t{31337}, rules),
      parse_one("count", std::string("31337"), rules),
      parse_one("ratio", 31337.0, rules),
      parse_one("name", std::string("hunter2"), rules),
      parse_one("period", std::string("31337s"), rules),
      parse_one("period", std::string("hunter2"), rules),
      parse_one("size", std::string("31337"), rules),
      parse_one("list", Value::Array{text_value("hunter2"), Value{std::int64_t{31337}, {}}}, rules),
      parse_one("map", map, rules),
  };
  for (const Outcome& outcome : outcomes) {
    ASSERT_FALSE(outcome.messages.empty());
    for (const std::string& message : outcome.messages) {
      EXPECT_EQ(message.find("hunter2"), std::string::npos) << message;
      EXPECT_EQ(message.find("31337"), std::string::npos) << message;
    }
  }
}

TEST(Schema, CredentialsInUrlsNeverShow) {
  for (const char* text : {"http://me:hunter2@h", "see https://me:hun/ter2@h:1 for more"}) {
    const auto messages = parse_one("count", std::string(text)).messages;
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_NE(messages[0].find("://***@h"), std::string::npos) << messages[0];
    EXPECT_EQ(messages[0].find("ter2"), std::string::npos) << messages[0];
  }
  const auto messages = parse_one("count", std::string("http://h:8086?u=me&p=hunter2")).messages;
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_NE(messages[0].find("\"http://h:8086?***\""), std::string::npos) << messages[0];
}

TEST(Schema, SecretsComeFromFiles) {
  const holdfast::test::TempDir dir;
  const std::string path = dir.path("secret");
  std::ofstream(path) << "from the file\n";
  auto map = std::make_shared<Table>();
  map->add("k", {}, text_value("@file:" + path));
  Table table;
  table.add("name", {}, text_value("@file:" + path));
  table.add("list", {}, Value{Value::Array{text_value("@file:" + path), text_value("q")}, {}});
  table.add("map", {}, Value{map, {}});
  const Outcome out = parse(everything({.secret = true}), table);
  EXPECT_EQ(out.messages, Messages{});
  EXPECT_EQ(out.options.name, "from the file");
  EXPECT_EQ(out.options.list, (StringList{"from the file", "q"}));
  EXPECT_EQ(out.options.map.at("k"), "from the file");
  // Other options are only texts.
  EXPECT_EQ(parse_one("name", "@file:" + path).options.name, "@file:" + path);
  EXPECT_EQ(parse_one("name", std::string("@file:/absent/x"), {.secret = true}).messages,
            Messages{"error: `name`: /absent/x cannot be opened: No such file or directory"});
}

TEST(Schema, ValuesAlreadyReportedAreSilent) {
  for (const char* key : {"flag", "count", "ratio", "name", "period", "size", "list", "map"}) {
    Value value{Value::Array{}, {}};
    value.invalid = true;
    Table table;
    table.add(key, {}, std::move(value));
    const Outcome out = parse(everything(), std::move(table));
    EXPECT_EQ(out.messages, Messages{}) << key;
    EXPECT_EQ(out.options.list, (StringList{"x", "y"}));
  }
}

TEST(Schema, OverriddenValuesAreCheckedToo) {
  Table table({}, "[t]");
  table.add("count", {}, text_value("wrong"));
  Table later;
  later.add("count", {}, Value{std::int64_t{5}, {}});
  table.overlay(std::move(later));
  const Outcome out = parse(everything(), std::move(table));
  EXPECT_EQ(out.options.count, 5);
  EXPECT_EQ(out.messages, Messages{"error: `count` is \"wrong\", expected an integer"});
}

TEST(Schema, TwoSchemasShareATable) {
  struct Other {
    bool other = false;
  };
  const auto other = Schema<Other>{}.option("other", &Other::other, "A bool.");
  Table table({}, "[t]");
  table.add("count", {}, Value{std::int64_t{5}, {}});
  table.add("other", {}, Value{true, {}});
  table.add("othr", {}, Value{true, {}});
  Diagnostics diagnostics;
  EXPECT_EQ(everything().parse(table, diagnostics).count, 5);
  EXPECT_TRUE(other.parse(table, diagnostics).other);
  table.report_unused(diagnostics, other.names());
  ASSERT_EQ(diagnostics.sorted().size(), 1U);
  EXPECT_EQ(diagnostics.sorted()[0].message, "unknown option `othr` in [t]; did you mean `other`?");
}

TEST(Schema, DescribesItself) {
  const std::vector<OptionInfo> infos = everything({.secret = true}).describe();
  ASSERT_EQ(infos.size(), 8U);
  const std::vector<std::pair<std::string, std::string>> expected{
      {"bool", "true"},
      {"integer", "7"},
      {"float", "0.5"},
      {"string", R"("a \"name\"")"},
      {"duration", "\"1m30s\""},
      {"size", "\"64MiB\""},
      {"list of strings", R"(["x", "y"])"},
      {"table of strings", "{}"},
  };
  for (std::size_t i = 0; i < infos.size(); ++i) {
    EXPECT_EQ(infos[i].type, expected[i].first);
    EXPECT_EQ(infos[i].default_value, expected[i].second);
    EXPECT_TRUE(infos[i].rules.secret);
  }
  EXPECT_EQ(everything().names()[3], "name");
}

TEST(ShowValue, IsToml) {
  EXPECT_EQ(show_value(StringMap{{"a", "b"}, {"c", "d\"e"}}), R"({ "a" = "b", "c" = "d\"e" })");
  EXPECT_EQ(show_value(2.0), "2.0");
  EXPECT_EQ(show_value(StringList{}), "[]");
}

}  // namespace
}  // namespace holdfast::config
