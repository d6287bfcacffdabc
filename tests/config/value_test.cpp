#include "config/value.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

TEST(Value, IsShownAsAPersonWouldWriteIt) {
  EXPECT_EQ((Value{true, {}}.shown()), "true");
  EXPECT_EQ((Value{std::int64_t{-5}, {}}.shown()), "-5");
  EXPECT_EQ((Value{2.0, {}}.shown()), "2.0");
  EXPECT_EQ((Value{0.1, {}}.shown()), "0.1");
  EXPECT_EQ((Value{std::string("a \"b\"\n\\ \x01"), {}}.shown()), R"("a \"b\"\n\\ \u0001")");
  EXPECT_EQ((Value{Value::Array{}, {}}.shown()), "a list");
  EXPECT_EQ((Value{std::make_shared<Table>(), {}}.shown()), "a table");
  EXPECT_EQ((Value{std::string("2024-01-01"), {}, true}.shown()), "the date or time 2024-01-01");
}

TEST(Value, LongTextsAreCutBetweenCharacters) {
  const Value ascii{std::string(61, 'x'), {}};
  EXPECT_EQ(ascii.shown(), "\"" + std::string(60, 'x') + "...\"");
  // The 60th byte is the first half of a character.
  const Value accents{std::string(59, 'x') + "\u00e9\u00e9", {}};
  EXPECT_EQ(accents.shown(), "\"" + std::string(59, 'x') + "...\"");
  const Value whole{std::string(60, 'x'), {}};
  EXPECT_EQ(whole.shown(), "\"" + std::string(60, 'x') + "\"");
}

TEST(Table, KeepsTheOrderOfTheFile) {
  Table table;
  table.add("b", {}, {true, {}});
  table.add("a", {}, {true, {}});
  table.add("b", {}, {false, {}});
  ASSERT_EQ(table.entries().size(), 2U);
  EXPECT_EQ(table.entries()[0].key, "b");
  EXPECT_EQ(table.entries()[0].value.shown(), "false");
  EXPECT_EQ(table.entries()[1].key, "a");
}

TEST(Table, ReportsWhatNobodyTook) {
  Table table({}, "[agent]");
  table.add("interval", {}, {true, {}});
  table.add("intervall", {}, {true, {}});
  EXPECT_NE(table.take("interval"), nullptr);
  EXPECT_EQ(table.take("absent"), nullptr);
  EXPECT_NE(table.find("intervall"), nullptr);  // looking is not taking
  EXPECT_EQ(table.find("absent"), nullptr);
  Diagnostics diagnostics;
  table.report_unused(diagnostics, {"interval"});
  ASSERT_EQ(diagnostics.sorted().size(), 1U);
  EXPECT_EQ(diagnostics.sorted()[0].message,
            "unknown option `intervall` in [agent]; did you mean `interval`?");
}

TEST(Table, OverlayReplacesKeyByKeyAndRemembers) {
  Table first({}, "[agent]");
  first.add("a", {}, {std::int64_t{1}, {}});
  first.add("b", {}, {std::int64_t{1}, {}});
  for (const std::int64_t value : {2, 3}) {
    Table later({}, "[later]");
    later.add("b", {}, {value, {}});
    first.overlay(std::move(later));
  }
  EXPECT_EQ(first.name(), "[agent]");
  ASSERT_EQ(first.entries().size(), 2U);
  EXPECT_EQ(first.find("a")->value.shown(), "1");
  EXPECT_EQ(first.find("b")->value.shown(), "3");
  ASSERT_EQ(first.find("b")->overridden.size(), 2U);
  EXPECT_EQ(first.find("b")->overridden[0].value.shown(), "1");
  EXPECT_EQ(first.find("b")->overridden[1].value.shown(), "2");
}

}  // namespace
}  // namespace holdfast::config
