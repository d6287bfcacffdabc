#include "agent/line/encode.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "agent/line/ingest.h"

namespace holdfast::line {
namespace {

using std::string_literals::operator""s;

constexpr std::int64_t kMaxInteger = std::numeric_limits<std::int64_t>::max();

std::string encoded(const Point& point, const std::vector<TagPair>& extra = {},
                    const EncodeOptions& options = {}, std::int64_t time_ns = 1) {
  std::string out = "before|";
  const bool written = encode(point, extra, time_ns, options, out);
  EXPECT_EQ(out.substr(0, 7), "before|");
  if (!written) {
    EXPECT_EQ(out, "before|") << "untouched when nothing is written";
    return "nothing";
  }
  EXPECT_EQ(check_line(std::string_view(out).substr(7)), std::nullopt) << out;
  return out.substr(7);
}

template <class Value>
std::string field_text(Value value, bool uint_support = false) {
  Point point("m");
  point.field("f", value);
  const std::string line = encoded(point, {}, {.uint_support = uint_support, .sort_fields = false});
  return line == "nothing" ? line : line.substr(4, line.size() - 4 - 3);
}

TEST(EncodeTest, WritesTheWholeShape) {
  Point point("cpu");
  point.tag("host", "h1").tag("cpu", "cpu0").field("usage", 1.5).field("n", std::int64_t{3});
  EXPECT_EQ(encoded(point), "cpu,cpu=cpu0,host=h1 usage=1.5,n=3i 1\n");
  EXPECT_EQ(encoded(point, {}, {}, -5), "cpu,cpu=cpu0,host=h1 usage=1.5,n=3i -5\n");
}

TEST(EncodeTest, SortsFieldsOnRequestOnly) {
  Point point("m");
  point.field("b", true).field("a", false);
  EXPECT_EQ(encoded(point), "m b=true,a=false 1\n");
  EXPECT_EQ(encoded(point, {}, {.uint_support = false, .sort_fields = true}),
            "m a=false,b=true 1\n");
}

struct EscapeCase {
  std::string text;
  std::string measurement;
  std::string key;
};

class EscapeTest : public testing::TestWithParam<EscapeCase> {};

TEST_P(EscapeTest, EachKindOfNameHasItsForm) {
  const EscapeCase& param = GetParam();
  Point point(param.text);
  point.tag(param.text, "v").tag("z", param.text).field(param.text, 1.0);
  const auto expected =
      param.measurement + "," + param.key + "=v,z=" + param.key + " " + param.key + "=1 1\n";
  EXPECT_EQ(encoded(point), expected);
}

INSTANTIATE_TEST_SUITE_P(
    Names, EscapeTest,
    testing::Values(EscapeCase{"plain", "plain", "plain"},                          //
                    EscapeCase{"a,b", "a\\,b", "a\\,b"},                            //
                    EscapeCase{"a b", "a\\ b", "a\\ b"},                            //
                    EscapeCase{"a=b", "a=b", "a\\=b"},                              //
                    EscapeCase{" a ", "\\ a\\ ", "\\ a\\ "},                        //
                    EscapeCase{"a\"b", "a\"b", "a\"b"},                             //
                    EscapeCase{"\"a\"", "\"a\"", "\"a\""},                          //
                    EscapeCase{"a\tb", "a\\tb", "a\\tb"},                           //
                    EscapeCase{"a\nb\n", "a\\nb\\n", "a\\nb\\n"},                   //
                    EscapeCase{"a\fb", "a\\fb", "a\\fb"},                           //
                    EscapeCase{"a\rb", "a\\rb", "a\\rb"},                           //
                    EscapeCase{"a\\b", "a\\b", "a\\b"},                             //
                    EscapeCase{"\\\\srv\\x", "\\\\srv\\x", "\\\\srv\\x"},           //
                    EscapeCase{"a\\", "a", "a"},                                    //
                    EscapeCase{"a\\\\\\", "a", "a"},                                //
                    EscapeCase{"a\\ b", "a\\ b", "a\\ b"},                          //
                    EscapeCase{"a\\\\ b", "a\\\\\\ b", "a\\\\\\ b"},                //
                    EscapeCase{"a\\\\\\,b", "a\\\\\\,b", "a\\\\\\,b"},              //
                    EscapeCase{"a\\=b", "a\\=b", "a\\=b"},                          //
                    EscapeCase{"a\x01z\x1f"s, "a\uFFFDz\uFFFD", "a\uFFFDz\uFFFD"},  //
                    EscapeCase{"a\0z"s, "a\uFFFDz", "a\uFFFDz"},                    //
                    EscapeCase{"caf\u00e9 \U0001F321", "caf\u00e9\\ \U0001F321",
                               "caf\u00e9\\ \U0001F321"},  //
                    EscapeCase{"a\xFFz\xC3", "a\uFFFDz\uFFFD", "a\uFFFDz\uFFFD"}));

struct FloatCase {
  double value;
  const char* text;
};

class FloatTest : public testing::TestWithParam<FloatCase> {};

TEST_P(FloatTest, IsTheShortestFormWithoutExponent) {
  EXPECT_EQ(field_text(GetParam().value), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Values, FloatTest,
    testing::Values(
        FloatCase{0.0, "0"}, FloatCase{-0.0, "-0"}, FloatCase{3.0, "3"}, FloatCase{-3.0, "-3"},
        FloatCase{0.1, "0.1"}, FloatCase{-2.5, "-2.5"}, FloatCase{1.0 / 3, "0.3333333333333333"},
        FloatCase{static_cast<double>(0.1F), "0.10000000149011612"}, FloatCase{1e-6, "0.000001"},
        FloatCase{1e-7, "0.0000001"}, FloatCase{1.5e-10, "0.00000000015"},
        FloatCase{999999999999999.0, "999999999999999"}, FloatCase{1e15, "1000000000000000"},
        FloatCase{9007199254740993.0, "9007199254740992"}, FloatCase{1e16, "10000000000000000"},
        FloatCase{123456789012345680.0, "123456789012345680"},
        FloatCase{1e17, "100000000000000000"}, FloatCase{1e21, "1000000000000000000000"},
        FloatCase{1e22, "10000000000000000000000"}, FloatCase{1e23, "100000000000000000000000"},
        FloatCase{-1.25e20, "-125000000000000000000"},
        FloatCase{18446744073709551615.0, "18446744073709552000"},
        FloatCase{99.99999999999999, "99.99999999999999"}));

TEST(EncodeTest, ExtremeFloatsRoundTrip) {
  for (const double value :
       {std::numeric_limits<double>::max(), std::numeric_limits<double>::lowest(),
        std::numeric_limits<double>::min(), std::numeric_limits<double>::denorm_min(),
        2.2250738585072011e-308, 1.7976931348623155e308, 99999999999999984.0, 1e16 + 2, 5e15 + 0.5,
        123456789012345.67}) {
    const std::string text = field_text(value);
    EXPECT_EQ(text.find_first_of("eE"), std::string::npos) << text;
    EXPECT_EQ(std::strtod(text.c_str(), nullptr), value) << text;
  }
}

TEST(EncodeTest, WritesIntegersAndBooleans) {
  EXPECT_EQ(field_text(std::int64_t{0}), "0i");
  EXPECT_EQ(field_text(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808i");
  EXPECT_EQ(field_text(kMaxInteger), "9223372036854775807i");
  EXPECT_EQ(field_text(true), "true");
  EXPECT_EQ(field_text(false), "false");
}

TEST(EncodeTest, UnsignedIsClampedUnlessSupported) {
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(field_text(std::uint64_t{12}), "12i");
  EXPECT_EQ(field_text(static_cast<std::uint64_t>(kMaxInteger) + 1), "9223372036854775807i");
  EXPECT_EQ(field_text(kMax), "9223372036854775807i");
  EXPECT_EQ(field_text(std::uint64_t{12}, true), "12u");
  EXPECT_EQ(field_text(kMax, true), "18446744073709551615u");
}

TEST(EncodeTest, QuotesStrings) {
  EXPECT_EQ(field_text(""), R"("")");
  EXPECT_EQ(field_text("a b,c=d"), R"("a b,c=d")");
  EXPECT_EQ(field_text(R"(say "hi")"), R"("say \"hi\"")");
  EXPECT_EQ(field_text(R"(C:\)"), R"("C:\\")");
  EXPECT_EQ(field_text("two\nlines\tand\r"), "\"two\nlines\tand\r\"");
  EXPECT_EQ(field_text(std::string_view("a\0b", 3)), "\"a\uFFFDb\"");
  EXPECT_EQ(field_text("\xE2\x82\xAC \xE2\x82"), "\"\u20AC \uFFFD\uFFFD\"");
}

TEST(EncodeTest, LeavesOutFieldsNoServerStores) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Point point("m");
  point.field("a", kNan).field("b", kInfinity).field("c", -kInfinity).field("", 1.0);
  point.field("time", 1.0).field("s", std::string(65'537, 'x')).field("\\", 2.0);
  EXPECT_EQ(encoded(point), "nothing");
  point.field("good", 1.0);
  EXPECT_EQ(encoded(point), "m good=1 1\n");
  point.field("s", std::string(65'536, 'x'));
  EXPECT_NE(encoded(point), "nothing");
}

TEST(EncodeTest, LeavesOutEmptyTags) {
  Point point("m");
  point.tag("", "v").tag("k", "").tag("\\", "v").tag("j", "\\\\").tag("ok", "v").field("f", 1.0);
  EXPECT_EQ(encoded(point), "m,ok=v f=1 1\n");
}

TEST(EncodeTest, MergesExtraTagsSortedAndThePointsOwnWin) {
  Point point("m");
  point.tag("host", "own").tag("d", "4").tag("empty", "").field("f", 1.0);
  const std::vector<TagPair> extra = {{"a", "1"},          {"d", "x"},         {"e", ""},
                                      {"empty", "filled"}, {"host", "global"}, {"z", "9"}};
  EXPECT_EQ(encoded(point, extra), "m,a=1,d=4,host=own,z=9 f=1 1\n");
  Point bare("m");
  bare.field("f", 1.0);
  EXPECT_EQ(encoded(bare, extra), "m,a=1,d=x,empty=filled,host=global,z=9 f=1 1\n");
}

TEST(EncodeTest, ManyTagsAreSortedToo) {
  Point point("m");
  std::string expected = "m";
  for (int i = 0; i < 100; ++i) {
    point.tag("k" + std::to_string(199 - i), "v");
    expected += ",k" + std::to_string(100 + i) + "=v";
  }
  point.field("f", 1.0);
  EXPECT_EQ(encoded(point), expected + " f=1 1\n");
}

TEST(EncodeTest, RefusesPointsNoServerTakes) {
  const auto with_field = [](Point point) { return encoded(point.field("f", 1.0)); };
  EXPECT_EQ(with_field(Point("")), "nothing");
  EXPECT_EQ(with_field(Point("\\")), "nothing");
  EXPECT_EQ(with_field(Point("#comment")), "nothing");
  EXPECT_EQ(encoded(Point("m")), "nothing");
  EXPECT_EQ(with_field(Point("m").tag("time", "x")), "nothing");
  EXPECT_EQ(with_field(Point("m").tag("_field", "x")), "nothing");
  EXPECT_EQ(with_field(Point("m").tag("_measurement", "x")), "nothing");
  EXPECT_EQ(with_field(Point("m").tag("a", "1").tag("a\\", "2")), "nothing");
  EXPECT_EQ(with_field(Point("m").tag("a\n", "1").tag("a\\n", "2")), "nothing");
  EXPECT_EQ(with_field(Point("m").tag("a", std::string(65'535, 'x'))), "nothing");
  Point good("m");
  good.field("f", 1.0);
  EXPECT_EQ(encoded(good, {}, {}, std::numeric_limits<std::int64_t>::min() + 1), "nothing");
  EXPECT_EQ(encoded(good, {}, {}, kMaxInteger), "nothing");
  EXPECT_NE(encoded(good, {}, {}, std::numeric_limits<std::int64_t>::min() + 2), "nothing");
  EXPECT_NE(encoded(good, {}, {}, kMaxInteger - 1), "nothing");
}

}  // namespace
}  // namespace holdfast::line
