// What filter and name options let through: a table of options, points in, points out. Each row of
// an input is run twice: points as an input makes them, and lines as a listener takes them.
#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "agent/line/cursor.h"
#include "agent/line/rewrite.h"
#include "inputs/accumulator.h"
#include "tests/agent/agent_harness.h"

namespace holdfast::test {
namespace {

using testing::ElementsAreArray;
using Lines = std::vector<std::string>;

// Without their timestamps.
const char* const kPoints[] = {
    "cpu,cpu=cpu0 idle=1i,user=2i",
    "cpu,cpu=cpu-total idle=3i,user=4i",
    "disk,device=sda,path=/ used=5i,used_percent=6i",
    "disk.io,device=sdb reads=7i",
    "mem free=8i",
};
constexpr std::int64_t kTimeNs = 1'700'000'000'000'000'000;

std::string unescaped(std::string_view text) {
  std::string out;
  line::unescape(text, out);
  return out;
}

// Integer fields only.
line::Point point_of(const line::LineParts& parts) {
  std::string name;
  line::unescape_name(parts.measurement, name);
  line::Point point(name);
  line::PairCursor tags(parts.tags, line::PairKind::kTags);
  while (const auto tag = tags.next()) point.tag(unescaped(tag->key), unescaped(tag->value));
  line::PairCursor fields(parts.fields, line::PairKind::kFields);
  while (const auto field = fields.next()) {
    point.field(unescaped(field->key), std::int64_t{std::stoll(std::string(field->value))});
  }
  return point.time(kTimeNs);
}

// The line with its tags in order, without its timestamp.
std::string comparable(const line::LineParts& parts) {
  std::vector<std::string> all;
  line::PairCursor tags(parts.tags, line::PairKind::kTags);
  while (const auto tag = tags.next()) all.push_back(fmt::format(",{}={}", tag->key, tag->value));
  std::sort(all.begin(), all.end());
  return fmt::format("{}{} {}", parts.measurement, fmt::join(all, ""), parts.fields);
}

Lines comparable_lines(std::string_view text) {
  Lines lines;
  line::LineCursor cursor(text);
  while (const auto parts = cursor.next()) lines.push_back(comparable(*parts));
  return lines;
}

std::string text_in(const Lines& points) {
  std::string text;
  for (const std::string& point : points) text += fmt::format("{} {}\n", point, kTimeNs);
  return text;
}

Lines accumulated(const inputs::PointRules& rules, const Lines& points) {
  inputs::InputCounters counters;
  inputs::Accumulator out(rules, {}, kTimeNs, counters);
  const std::string text = text_in(points);
  line::LineCursor cursor(text);
  while (const auto parts = cursor.next()) out.add(point_of(*parts));
  std::string lines;
  for (const auto& chunk : out.take()) lines += chunk.bytes;
  EXPECT_EQ(counters.filtered + counters.gathered, points.size());
  return comparable_lines(lines);
}

Lines rewritten(const line::RewriteRules& rules, const Lines& points) {
  line::LineRewriter rewriter(rules);
  std::string out;
  const std::string text = text_in(points);
  line::LineCursor cursor(text);
  while (const auto parts = cursor.next()) {
    const std::size_t before = out.size();
    if (!rewriter.append(*parts, out)) {
      EXPECT_EQ(out.size(), before);
    }
  }
  return comparable_lines(out);
}

struct Row {
  const char* what;
  std::string options;  // of the plugin
  Lines out;
  Lines in{std::begin(kPoints), std::end(kPoints)};
  std::string agent{};  // [agent] and [global_tags]
};

const std::vector<Row>& common_rows() {
  static const std::vector<Row> rows{
      {"nothing", "", {std::begin(kPoints), std::end(kPoints)}},
      {"namepass", "namepass = ['mem', 'disk']", {kPoints[2], kPoints[4]}},
      {"namepass with a glob", "namepass = ['disk*']", {kPoints[2], kPoints[3]}},
      {"a separator stops the star",
       "namepass = ['disk*']\nnamepass_separator = '.'",
       {kPoints[2]}},
      {"two stars do not stop",
       "namepass = ['disk**']\nnamepass_separator = '.'",
       {kPoints[2], kPoints[3]}},
      {"namedrop", "namedrop = ['cpu', 'disk*']", {kPoints[4]}},
      {"namedrop_separator", "namedrop = ['*']\nnamedrop_separator = '.'", {kPoints[3]}},
      {"both must agree", "namepass = ['c*', 'm*']\nnamedrop = ['cpu']", {kPoints[4]}},
      {"braces alone are no glob", "namepass = ['{cpu,mem}']", {}},
      {"braces beside a glob",
       "namepass = ['{cpu,mem}', 'x*']",
       {kPoints[0], kPoints[1], kPoints[4]}},
      {"an empty list is no filter",
       "namepass = []\ntagdrop = {}",
       {std::begin(kPoints), std::end(kPoints)}},
      {"tagpass drops what has none of the tags", "tagpass = { cpu = ['cpu0'] }", {kPoints[0]}},
      {"any of the tags will do",
       "tagpass = { cpu = ['cpu-*'], device = ['sda', 'sdc'] }",
       {kPoints[1], kPoints[2]}},
      {"tagdrop", "tagdrop = { cpu = ['*'], path = ['/'] }", {kPoints[3], kPoints[4]}},
      {"tagpass and tagdrop",
       "tagpass = { device = ['sd*'] }\ntagdrop = { path = ['/'] }",
       {kPoints[3]}},
      {"fieldinclude",
       "fieldinclude = ['us*']",
       {"cpu,cpu=cpu0 user=2i", "cpu,cpu=cpu-total user=4i",
        "disk,device=sda,path=/ used=5i,used_percent=6i"}},
      {"fieldexclude leaves out who has nothing left",
       "fieldexclude = ['free', '*_percent']",
       {kPoints[0], kPoints[1], "disk,device=sda,path=/ used=5i", kPoints[3]}},
      {"fieldinclude and fieldexclude",
       "fieldinclude = ['used*']\nfieldexclude = ['used']",
       {"disk,device=sda,path=/ used_percent=6i"}},
      {"old names are added to the new one",
       "fieldinclude = ['idle']\nfieldpass = ['free']\npass = ['reads']",
       {"cpu,cpu=cpu0 idle=1i", "cpu,cpu=cpu-total idle=3i", kPoints[3], kPoints[4]}},
      {"old names of fieldexclude",
       "fielddrop = ['user', 'free']\ndrop = ['used*', 'reads']",
       {"cpu,cpu=cpu0 idle=1i", "cpu,cpu=cpu-total idle=3i"}},
      {"tagexclude",
       "namepass = ['disk']\ntagexclude = ['device']",
       {"disk,path=/ used=5i,used_percent=6i"}},
      {"taginclude",
       "namepass = ['disk']\ntaginclude = ['p*']",
       {"disk,path=/ used=5i,used_percent=6i"}},
      {"selected by a tag that is then taken away",
       "tagpass = { device = ['sdb'] }\ntagexclude = ['device']",
       {"disk.io reads=7i"}},
      {"selected by the name before it is changed",
       "namepass = ['mem']\nname_override = 'ram'\nname_prefix = 'a_'\nname_suffix = '_z'",
       {"a_ram_z free=8i"}},
      {"the new name is not looked at", "namepass = ['ram']\nname_override = 'ram'", {}},
      {"case matters", "namepass = ['MEM', 'C*']", {}},
      {"escaped texts are matched as they are",
       "namepass = ['a b,c*']\ntagpass = { 'k=1' = ['v w'] }\nfieldinclude = ['f,1']",
       {R"(a\ b\,c,k\=1=v\ w f\,1=1i)"},
       {R"(a\ b\,c,k\=1=v\ w f\,1=1i,g=2i)", R"(a\ b,k\=1=v\ w f\,1=1i)"}},
  };
  return rows;
}

const std::vector<Row>& input_rows() {
  static const Lines mem{kPoints[4]};
  static const std::string tags = "tags = { room = 'r1' }\n";
  static const std::string global = "[agent]\nhostname = 'h'\n[global_tags]\ndc = 'd1'\n";
  static const std::vector<Row> rows{
      {"tags are added", tags, {"mem,dc=d1,host=h,room=r1 free=8i"}, mem, global},
      {"tagpass does not see tags that are added",
       "tagpass = { room = ['r1'], host = ['h'] }\n" + tags,
       {},
       mem,
       global},
      {"nor does tagdrop",
       "tagdrop = { room = ['r1'] }\n" + tags,
       {"mem,dc=d1,host=h,room=r1 free=8i"},
       mem,
       global},
      {"tagexclude takes them away",
       "tagexclude = ['room', 'h*']\n" + tags,
       {"mem,dc=d1 free=8i"},
       mem,
       global},
      {"taginclude too", "taginclude = ['room']\n" + tags, {"mem,room=r1 free=8i"}, mem, global},
      {"always_include_local_tags",
       "tagexclude = ['*']\n" + tags,
       {"mem,room=r1 free=8i"},
       mem,
       "[agent]\nhostname = 'h'\nalways_include_local_tags = true\n"},
      {"always_include_global_tags",
       "tagexclude = ['*']\n" + tags,
       {"mem,dc=d1,host=h free=8i"},
       mem,
       "[agent]\nhostname = 'h'\nalways_include_global_tags = true\n[global_tags]\ndc = 'd1'\n"},
      {"a tag that is taken away and always added has the added value",
       "tagexclude = ['cpu']\ntags = { cpu = 'any' }",
       {"cpu,cpu=any idle=1i,user=2i"},
       {kPoints[0]},
       "[agent]\nomit_hostname = true\nalways_include_local_tags = true\n"},
      {"own tags win",
       "tags = { cpu = 'any' }",
       {kPoints[0]},
       {kPoints[0]},
       "[agent]\nomit_hostname = true\n"},
  };
  return rows;
}

Configured configured_input(const Row& row) {
  const std::string agent = row.agent.empty() ? "[agent]\nomit_hostname = true\n" : row.agent;
  return Configured(agent + "[[inputs.mem]]\n" + row.options + "\n");
}

void expect_input(const Row& row) {
  SCOPED_TRACE(row.what);
  const Configured made = configured_input(row);
  ASSERT_EQ(made.configuration.inputs.size(), 1U);
  const inputs::PointRules& rules = made.configuration.inputs[0].rules;
  EXPECT_THAT(accumulated(rules, row.in), ElementsAreArray(row.out));
  EXPECT_THAT(rewritten({rules.names, rules.filter, {}, rules.extra_tags}, row.in),
              ElementsAreArray(row.out));
}

TEST(FilterTable, OfInputs) {
  for (const Row& row : common_rows()) expect_input(row);
  for (const Row& row : input_rows()) expect_input(row);
}

TEST(FilterTable, OfOutputs) {
  for (const Row& row : common_rows()) {
    SCOPED_TRACE(row.what);
    const Configured made("[[inputs.mem]]\n[[outputs.file]]\n" + row.options + "\n");
    ASSERT_EQ(made.configuration.outputs.size(), 1U);
    const outputs::WorkerOptions& options = made.configuration.outputs[0].worker;
    const line::RewriteRules rules{
        {options.name_override, options.name_prefix, options.name_suffix}, options.filter, {}, {}};
    EXPECT_THAT(rewritten(rules, row.in), ElementsAreArray(row.out));
  }
}

TEST(FilterTable, ForcedTagsAreTheLinesOwn) {
  const Configured made("[[inputs.mem]]\ntagpass = { db = ['one'] }\ntagexclude = ['device']\n");
  line::RewriteRules rules{{}, made.configuration.inputs.at(0).rules.filter, {{"db", "one"}}, {}};
  EXPECT_THAT(rewritten(rules, {"m,db=two,device=a v=1i"}), testing::ElementsAre("m,db=one v=1i"));
  rules.force_tags = {{"db", "two"}};
  EXPECT_THAT(rewritten(rules, {"m,db=one v=1i"}), testing::IsEmpty());
}

TEST(FilterTable, WrongOnesAreNamedWithTheirPlace) {
  const Configured made(
      "[[inputs.mem]]\n"
      "namepass = 'mem'\n"
      "tagpass = ['a']\n"
      "tagdrop = { a = 'b' }\n"
      "fieldinclude = ['a[b*']\n"
      "[[outputs.file]]\n"
      "fieldpas = ['a']\n");
  EXPECT_EQ(made.problems(),
            "test.toml:2:12: error: `namepass` is \"mem\", expected a list of strings such as "
            "[\"a\", \"b\"]\n"
            "test.toml:3:11: error: `tagpass` is a list, expected a table of lists such as "
            "{ key = [\"a\", \"b\"] }\n"
            "test.toml:4:17: error: `a` is \"b\", expected a list of strings such as "
            "[\"a\", \"b\"]\n"
            "test.toml:5:1: error: `fieldinclude`: `a[b*`: expected a `]` for the `[`\n"
            "test.toml:7:1: error: unknown option `fieldpas` in [[outputs.file]]; did you mean "
            "`fieldpass`?\n");
}

}  // namespace
}  // namespace holdfast::test
