#include "agent/line/point.h"

#include <gtest/gtest.h>

namespace holdfast::line {
namespace {

TEST(PointTest, ALaterValueOfTheSameKeyReplacesTheEarlierOne) {
  Point point("m");
  point.tag("t", "one").tag("u", "x").tag("t", "two");
  point.field("f", 1.0).field("g", "text").field("f", std::int64_t{7});

  ASSERT_EQ(point.tags().size(), 2U);
  EXPECT_EQ(point.text(point.tags()[0].key), "t");
  EXPECT_EQ(point.text(point.tags()[0].value), "two");
  ASSERT_EQ(point.fields().size(), 2U);
  EXPECT_EQ(std::get<std::int64_t>(point.fields()[0].value), 7);
}

TEST(PointTest, EachOverloadKeepsItsType) {
  Point point("m");
  point.field("float", 1.0).field("bool", true).field("chars", "c");
  point.field("view", std::string_view("v"));
  point.field("signed", std::int64_t{-1}).field("unsigned", std::uint64_t{1});

  ASSERT_EQ(point.fields().size(), 6U);
  EXPECT_TRUE(std::holds_alternative<double>(point.fields()[0].value));
  EXPECT_TRUE(std::holds_alternative<bool>(point.fields()[1].value));
  EXPECT_TRUE(std::holds_alternative<Point::Text>(point.fields()[2].value));
  EXPECT_TRUE(std::holds_alternative<Point::Text>(point.fields()[3].value));
  EXPECT_TRUE(std::holds_alternative<std::int64_t>(point.fields()[4].value));
  EXPECT_TRUE(std::holds_alternative<std::uint64_t>(point.fields()[5].value));
  EXPECT_EQ(point.text(std::get<Point::Text>(point.fields()[2].value)), "c");
}

TEST(PointTest, ResetForgetsEverything) {
  Point point("first");
  point.tag("t", "v").field("f", 1.0).time(5);
  point.reset("second");

  EXPECT_EQ(point.measurement(), "second");
  EXPECT_TRUE(point.tags().empty());
  EXPECT_TRUE(point.fields().empty());
  EXPECT_FALSE(point.time().has_value());
}

}  // namespace
}  // namespace holdfast::line
