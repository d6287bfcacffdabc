#include "agent/line/ingest.h"

#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::line {
namespace {

using std::string_literals::operator""s;

constexpr std::int64_t kNow = 1'700'000'000'123'456'789;

struct Ingested {
  IngestResult result;
  std::vector<LineChunk> chunks;
  std::string text;  // of all chunks
};

Ingested ingested(std::string_view text, IngestOptions options = {}) {
  options.now_ns = kNow;
  Ingested all;
  LineChunks chunks(65'536, 5'000);
  all.result = ingest(text, options, chunks);
  EXPECT_EQ(all.result.points, chunks.points());
  all.chunks = chunks.take();
  for (const LineChunk& chunk : all.chunks) {
    all.text += chunk.bytes;
  }
  return all;
}

// The output when every line is good.
std::string good(std::string_view text, const IngestOptions& options = {}) {
  const Ingested all = ingested(text, options);
  for (const LineError& error : all.result.errors) {
    ADD_FAILURE() << error.number << ": " << error.reason << ": " << error.excerpt;
  }
  EXPECT_EQ(all.result.bad_lines, 0U);
  return all.text;
}

// The reason when the one line is bad.
std::string refused(std::string_view line) {
  const Ingested all = ingested(line);
  EXPECT_EQ(all.text, "") << line;
  EXPECT_EQ(all.result.bad_lines, 1U) << line;
  if (all.result.errors.size() != 1) {
    return "not refused";
  }
  EXPECT_EQ(all.result.errors[0].number, 1U);
  EXPECT_TRUE(check_line(line).has_value()) << line;
  return all.result.errors[0].reason;
}

IngestOptions with(Precision precision) {
  IngestOptions options;
  options.precision = precision;
  return options;
}

TEST(IngestTest, FinishedLinesAreCopiedAsTheyStand) {
  const std::string text =
      "cpu,host=a usage=1.5,n=2i,u=\"x y\",b=t 1700000000000000000\n"
      "m\\ x,k\\==v\\, f\\ 1=-1e5 -5\n"
      "_m,_t=a\"b _f=F,s=\"two\nlines \\\" \\\\\" 0\n"
      "disk,path=C:\\Windows\\x,srv=\\\\nas f=1 1\n";
  EXPECT_EQ(good(text), text);
}

TEST(IngestTest, MissingTimestampsAreAdded) {
  EXPECT_EQ(good("m f=1\nm f=2  \nm s=\"x\""),
            "m f=1 1700000000123456789\nm f=2 1700000000123456789\n"
            "m s=\"x\" 1700000000123456789\n");
}

TEST(IngestTest, SpacesCommentsAndCrAreLeftOut) {
  EXPECT_EQ(good("# c\n\n  m   f=1   7  \r\n\r\n\t#c\n\tm f=2 8\r\nm f=3\r\nm b=true\r"),
            "m f=1 7\nm f=2 8\nm f=3 1700000000123456789\nm b=true 1700000000123456789\n");
  EXPECT_EQ(good(""), "");
  EXPECT_EQ(good(" \n \t \r\n#"), "");
}

TEST(IngestTest, PrecisionIsConverted) {
  EXPECT_EQ(good("m f=1 7", with(Precision::kMicroseconds)), "m f=1 7000\n");
  EXPECT_EQ(good("m f=1 -7", with(Precision::kMilliseconds)), "m f=1 -7000000\n");
  EXPECT_EQ(good("m f=1 007", with(Precision::kSeconds)), "m f=1 7000000000\n");
  EXPECT_EQ(good("m f=1 7", with(Precision::kMinutes)), "m f=1 420000000000\n");
  EXPECT_EQ(good("m f=1 7", with(Precision::kHours)), "m f=1 25200000000000\n");
  EXPECT_EQ(good("m f=1", with(Precision::kHours)), "m f=1 1700000000123456789\n");
}

TEST(IngestTest, TimestampsOutsideTheServersRangeAreRefused) {
  EXPECT_EQ(good("m f=1 9223372036854775806\nm f=1 -9223372036854775806"),
            "m f=1 9223372036854775806\nm f=1 -9223372036854775806\n");
  for (const char* line :
       {"m f=1 9223372036854775807", "m f=1 -9223372036854775807", "m f=1 -9223372036854775808"}) {
    EXPECT_EQ(refused(line), "timestamp out of range") << line;
  }
  EXPECT_EQ(refused("m f=1 9223372036854775808"), "timestamp out of range `9223372036854775808`");
  const Ingested all =
      ingested("m f=1 9223372036\nm f=1 9223372037\nm f=1 -9223372037", with(Precision::kSeconds));
  EXPECT_EQ(all.text, "m f=1 9223372036000000000\n");
  EXPECT_EQ(all.result.bad_lines, 2U);
}

TEST(IngestTest, UnsignedIsRewrittenUnlessSupported) {
  const std::string text = "m a=1u,b=2,c=18446744073709551615u,d=9223372036854775807u 5\n";
  EXPECT_EQ(good(text), "m a=1i,b=2,c=9223372036854775807i,d=9223372036854775807i 5\n");
  IngestOptions options;
  options.uint_support = true;
  EXPECT_EQ(good(text, options), text);
}

TEST(IngestTest, FloatsOnlySomeServersReadAreRewritten) {
  EXPECT_EQ(good("m a=.5,b=5.,c=-.5,d=-5.,e=5.e3,f=1.5 5"),
            "m a=0.5,b=5,c=-0.5,d=-5,e=5e3,f=1.5 5\n");
  EXPECT_EQ(check_line("m a=.5 5"), "invalid number `.5`");
}

TEST(IngestTest, TagsAreAddedWhereTheKeyIsMissing) {
  IngestOptions options;
  options.add_tags = {{"dc", "a b"}, {"host", "h1"}, {"k=1", "v"}, {"none", ""}, {"time", "x"}};
  EXPECT_EQ(good("m f=1 1", options), "m,dc=a\\ b,host=h1,k\\=1=v f=1 1\n");
  EXPECT_EQ(good("m,host=own,z=1 f=1 1", options), "m,host=own,z=1,dc=a\\ b,k\\=1=v f=1 1\n");
  EXPECT_EQ(good("m,k\\=1=x,dc=y,host=z f=1u,g=\"\" 1", options),
            "m,k\\=1=x,dc=y,host=z f=1i,g=\"\" 1\n");
  EXPECT_EQ(good("m,hos=x,hostt=y f=1 1", options),
            "m,hos=x,hostt=y,dc=a\\ b,host=h1,k\\=1=v f=1 1\n");
}

TEST(IngestTest, FaultsAreNamed) {
  const std::pair<std::string, std::string> cases[] = {
      {"m", "missing fields"},
      {"m ", "missing fields"},
      {"m,t=v", "missing fields"},
      {",t=v f=1", "missing measurement"},
      {"m 1", "missing value of field `1`"},
      {"m f", "missing value of field `f`"},
      {"m f= 1", "missing value of field `f`"},
      {"m f=", "missing value of field `f`"},
      {"m f=,g=1", "missing value of field `f`"},
      {"m =1", "missing field key"},
      {"m f=1,=2", "missing field key"},
      {"m f=1, 1", "missing field key"},
      {"m f=1,,g=2", "missing field key"},
      {"m, f=1", "missing tag key"},
      {"m,=v f=1", "missing tag key"},
      {"m,t f=1", "missing value of tag `t`"},
      {"m,t= f=1", "missing value of tag `t`"},
      {"m,t=,u=1 f=1", "missing value of tag `t`"},
      {"m,t=a=b f=1", "unescaped = in the value of tag `t`"},
      {"m,t=a\\ f=1", "unescaped = in the value of tag `t`"},
      {"m,t=a,u=b,t=c f=1", "duplicate tag key `t`"},
      {"m,b=1,a=1,b=2 f=1", "duplicate tag key `b`"},
      {"m,time=x f=1", "reserved tag key `time`"},
      {"m,_field=x f=1", "reserved tag key `_field`"},
      {"m,_measurement=x f=1", "reserved tag key `_measurement`"},
      {"m time=1", "reserved field key `time`"},
      {"m f=1,time=2", "reserved field key `time`"},
      {"m f=1,f=2i", "field with values of two types `f`"},
      {"m f=nan", "invalid value `nan`"},
      {"m f=NaN 5", "invalid value `NaN`"},
      {"m f=Inf 5", "invalid value `Inf`"},
      {"m f=-Inf 5", "invalid number `-Inf`"},
      {"m f=+1 5", "invalid value `+1`"},
      {"m f=tRue 5", "invalid value `tRue`"},
      {"m f=1.2.3 5", "invalid number `1.2.3`"},
      {"m f=0x10", "invalid number `0x10`"},
      {"m f=1e400", "number out of range `1e400`"},
      {"m f=9223372036854775808i", "number out of range `9223372036854775808i`"},
      {"m f=18446744073709551616u", "number out of range `18446744073709551616u`"},
      {"m f=1 1.5", "invalid timestamp `1.5`"},
      {"m f=1 1e3", "invalid timestamp `1e3`"},
      {"m f=1 +1", "invalid timestamp `+1`"},
      {"m f=1 -", "invalid timestamp `-`"},
      {"m f=1 x", "invalid timestamp `x`"},
      {"m f=1 1 2", "text behind the timestamp `2`"},
      {"m f=\"x", "unterminated string `\"x`"},
      {"m f=\"x\\\" 1", "unterminated string `\"x\\\"`"},
      {"m f=\"x\"y 1", "text behind a string `y`"},
      {"m f=\"a\0b\" 1"s, "NUL in a string `\"a?b\"`"},
      {"m\\", "line ends in a backslash"},
      {"m,t=a\\", "line ends in a backslash"},
      {"m,t=a\\\\ f=1", "ambiguous backslashes `\\\\ `"},
      {"m,t=a\\\\,u=b f=1", "ambiguous backslashes `\\\\,`"},
      {"m f\\\\=1", "ambiguous backslashes `\\\\=`"},
      {"m\t f=1", "control character at `?`"},
      {"m,t=a\x01z f=1", "control character at `?z`"},
      {"m,t=a\rz f=1", "control character at `?z`"},
      {"m f\x7f=1,g=x", "invalid value `x`"},
      {"m\0 f=1"s, "control character at `?`"},
      {"m f=1\t1", "invalid number `1?1`"},
      {"m,t=\xff f=1", "invalid UTF-8 `?`"},
      {"m f=\"\xC3(\" 1", "invalid UTF-8 `?(\"`"},
  };
  for (const auto& [line, reason] : cases) {
    EXPECT_EQ(refused(line), reason) << line;
  }
}

TEST(IngestTest, LimitsOfSeriesAndStrings) {
  const std::string fits(65'535 - 4 - 1 - 4, 'x');  // "m,t=" + value, separator, field key
  EXPECT_EQ(ingested("m,t=" + fits + " f=1 1").result.points, 1U);
  EXPECT_EQ(refused("m,t=" + fits + "x f=1 1"),
            "measurement, tags and field key longer than 65,535 bytes");
  IngestOptions options;
  options.add_tags = {{"h", "v"}};
  EXPECT_EQ(ingested("m,t=" + fits + " f=1 1", options).result.bad_lines, 1U);

  EXPECT_EQ(ingested("m s=\"" + std::string(65'536, 'x') + "\" 1").result.points, 1U);
  EXPECT_EQ(refused("m s=\"" + std::string(65'537, 'x') + "\" 1"),
            "string longer than 65,536 bytes");
  std::string quotes;
  for (int i = 0; i < 65'536; ++i) {
    quotes += "\\\"";
  }
  EXPECT_EQ(ingested("m s=\"" + quotes + "\" 1").result.points, 1U);
}

TEST(IngestTest, ManyTagsAreCheckedForDuplicates) {
  std::string line = "m";
  for (int i = 0; i < 5'000; ++i) {
    line += ",t" + std::to_string((i * 7919) % 5'000) + "=v";
  }
  EXPECT_EQ(ingested(line + " f=1 1").result.points, 1U);
  EXPECT_EQ(refused(line + ",t77=v f=1 1"), "duplicate tag key `t77`");
}

TEST(IngestTest, ABadLineLeavesItsNeighboursAlone) {
  const Ingested all = ingested(
      "m f=1 1\n"
      "m f=x 2\n"
      "# comment\n"
      "m s=\"two\nlines\",f=y 3\n"
      "m f=2 4\n"
      "m s=\"unterminated 5\n"
      "m f=3 6\n"
      "m s=\"closed by the next quote 7\n"
      "m f=4 8\n"
      "m,t=v s=\"good\" 9\n"
      "m f=\"\0\n\" 10\n"
      "m f=5 11\n"s);
  EXPECT_EQ(all.text, "m f=1 1\nm f=2 4\nm f=3 6\nm f=4 8\nm,t=v s=\"good\" 9\nm f=5 11\n");
  ASSERT_EQ(all.result.errors.size(), 5U);
  EXPECT_EQ(all.result.bad_lines, 5U);
  EXPECT_EQ(all.result.errors[0].number, 2U);
  EXPECT_EQ(all.result.errors[0].reason, "invalid value `x`");
  EXPECT_EQ(all.result.errors[0].excerpt, "m f=x 2");
  EXPECT_EQ(all.result.errors[1].number, 4U);
  EXPECT_EQ(all.result.errors[1].reason, "invalid value `y`");
  EXPECT_EQ(all.result.errors[2].number, 7U);
  EXPECT_EQ(all.result.errors[2].reason, "unterminated string `\"unterminated`");
  EXPECT_EQ(all.result.errors[3].number, 9U);
  EXPECT_EQ(all.result.errors[4].number, 12U);
  EXPECT_EQ(all.result.lines, 14U);
}

TEST(IngestTest, OnlyTheFirstErrorsAreKeptAndExcerptsAreShort) {
  std::string text;
  for (int i = 0; i < 1'000; ++i) {
    text += "bad line with quite a long text that nobody wants to read in full \xff\x01 here\n";
  }
  const Ingested all = ingested(text);
  EXPECT_EQ(all.result.bad_lines, 1'000U);
  ASSERT_EQ(all.result.errors.size(), 10U);
  EXPECT_EQ(all.result.errors[9].number, 10U);
  EXPECT_EQ(all.result.errors[9].excerpt.size(), 60U);
  EXPECT_EQ(refused("m f=" + std::string(100, 'z')),
            "invalid value `" + std::string(40, 'z') + "`");
}

TEST(IngestTest, ChunksAreCutAtTheirLimitsWithExactTimes) {
  std::string text;
  for (int i = 0; i < 10; ++i) {
    text += "m f=" + std::to_string(i) + " " + std::to_string(100 - i * i) + "\n";
  }
  LineChunks out(1'000, 4);
  const IngestResult result = ingest(text, {}, out);
  EXPECT_EQ(result.points, 10U);
  const auto chunks = out.take();
  ASSERT_EQ(chunks.size(), 3U);
  EXPECT_EQ(chunks[0].points, 4U);
  EXPECT_EQ(chunks[0].oldest_ns, 91);
  EXPECT_EQ(chunks[0].newest_ns, 100);
  EXPECT_EQ(chunks[2].points, 2U);
  EXPECT_EQ(chunks[2].oldest_ns, 19);
  EXPECT_EQ(chunks[2].newest_ns, 36);
  EXPECT_EQ(chunks[0].bytes + chunks[1].bytes + chunks[2].bytes, text);
}

TEST(CheckLineTest, TakesOneLineOnly) {
  EXPECT_EQ(check_line("m f=1 1"), std::nullopt);
  EXPECT_EQ(check_line("m f=1 1\n"), std::nullopt);
  EXPECT_EQ(check_line("m f=1u"), std::nullopt);
  EXPECT_EQ(check_line("m f=1 1\nm f=2 2\n"), "line break within the line");
  EXPECT_EQ(check_line("m f=1 1\r\n"), "line break within the line");
  EXPECT_EQ(check_line(""), "missing measurement");
  EXPECT_EQ(check_line(" m f=1"), "missing measurement");
  EXPECT_EQ(check_line("#m f=1 1"), "a comment, not a point");
}

TEST(PrecisionTest, KnowsItsSpellings) {
  EXPECT_EQ(parse_precision(""), Precision::kNanoseconds);
  EXPECT_EQ(parse_precision("n"), Precision::kNanoseconds);
  EXPECT_EQ(parse_precision("ns"), Precision::kNanoseconds);
  EXPECT_EQ(parse_precision("u"), Precision::kMicroseconds);
  EXPECT_EQ(parse_precision("us"), Precision::kMicroseconds);
  EXPECT_EQ(parse_precision("ms"), Precision::kMilliseconds);
  EXPECT_EQ(parse_precision("s"), Precision::kSeconds);
  EXPECT_EQ(parse_precision("m"), Precision::kMinutes);
  EXPECT_EQ(parse_precision("h"), Precision::kHours);
  EXPECT_EQ(parse_precision("S"), std::nullopt);
  EXPECT_EQ(parse_precision("sec"), std::nullopt);
}

}  // namespace
}  // namespace holdfast::line
