// What a real InfluxDB 1.6.7 answered to each of these lines, beside what ingest() does with it.
// Where we refuse a line that it takes, InfluxDB 2.x or 3 refuses it, or reads it as another point.
#include <string>

#include <gtest/gtest.h>

#include "agent/line/ingest.h"

namespace holdfast::line {
namespace {

using std::string_literals::operator""s;

enum class Influx167 { kTakes, kRefuses };
// Copied as it stands, rewritten into the ring's form, or refused.
enum class Ours { kCopied, kRewritten, kRefused };

struct Case {
  std::string line;
  Influx167 influxdb;
  Ours ours;
};

constexpr auto kTakes = Influx167::kTakes;
constexpr auto kRefuses = Influx167::kRefuses;

// clang-format off
// NOLINTNEXTLINE(cert-err58-cpp): a table of strings; a failed allocation may end the test program
const Case kCases[] = {
    {"m f=1. 1", kTakes, Ours::kRewritten},
    {"m f=.5 1", kTakes, Ours::kRewritten},
    {"m f=-.5 1", kTakes, Ours::kRewritten},
    {"m f=+1 1", kRefuses, Ours::kRefused},
    {"m f=1e5 1", kTakes, Ours::kCopied},
    {"m f=1E+5 1", kTakes, Ours::kCopied},
    {"m f=1e 1", kRefuses, Ours::kRefused},
    {"m f=1e400 1", kRefuses, Ours::kRefused},
    {"m f=1e-400 1", kTakes, Ours::kCopied},
    {"m f=. 1", kRefuses, Ours::kRefused},
    {"m f=- 1", kRefuses, Ours::kRefused},
    {"m f=-i 1", kRefuses, Ours::kRefused},
    {"m f=1ee5 1", kRefuses, Ours::kRefused},
    {"m f=1e5.5 1", kRefuses, Ours::kRefused},
    {"m f=007 1", kTakes, Ours::kCopied},
    {"m fi=007i 1", kTakes, Ours::kCopied},
    {"m fi=-0i 1", kTakes, Ours::kCopied},
    {"m fi=9223372036854775807i 1", kTakes, Ours::kCopied},
    {"m fi=9223372036854775808i 1", kRefuses, Ours::kRefused},
    {"m fu=1u 1", kRefuses, Ours::kRewritten},
    {"m f=1  1", kTakes, Ours::kRewritten},
    {"m  f=1 1", kTakes, Ours::kRewritten},
    {"  m f=1 1", kTakes, Ours::kRewritten},
    {"m f=1 1  ", kTakes, Ours::kRewritten},
    {"m f=1 +1", kRefuses, Ours::kRefused},
    {"m f=1 -1", kTakes, Ours::kCopied},
    {"m f=1 01", kTakes, Ours::kCopied},
    {"m f=1 9223372036854775806", kTakes, Ours::kCopied},
    {"m f=1 9223372036854775807", kRefuses, Ours::kRefused},
    {"m f=1 -9223372036854775806", kTakes, Ours::kCopied},
    {"m f=1 -9223372036854775807", kRefuses, Ours::kRefused},
    {"m b=t 1", kTakes, Ours::kCopied},
    {"m b=TRUE 1", kTakes, Ours::kCopied},
    {"m b=tRue 1", kRefuses, Ours::kRefused},
    {"m s=\"a\"b 1", kTakes, Ours::kRefused},
    {"m s=\"\" 1", kTakes, Ours::kCopied},
    {"m s=\"a\nb\" 1", kTakes, Ours::kCopied},
    {"m s=\"a\rb\x01\x1b\" 1", kTakes, Ours::kCopied},
    {"m s=\"a\0b\" 1"s, kTakes, Ours::kRefused},
    {"m s=\"\xff\" 1", kTakes, Ours::kRefused},
    {"m s=\"a\\\"b\" 1", kTakes, Ours::kCopied},
    {"m s=\"a\\x\" 1", kTakes, Ours::kCopied},
    {"m s=\"a\\\\\" 1", kTakes, Ours::kCopied},
    {"m s=\"a\\\\\\\" 1", kRefuses, Ours::kRefused},
    {"m,a=b,=c f=1 1", kRefuses, Ours::kRefused},
    {"m,a= f=1 1", kRefuses, Ours::kRefused},
    {"m,a=b,a=c f=1 1", kRefuses, Ours::kRefused},
    {"m,a=b\\ f=1 1", kRefuses, Ours::kRefused},
    {"m,a\\=1 f=1 1", kRefuses, Ours::kRefused},
    {"m, f=1 1", kRefuses, Ours::kRefused},
    {"m,a f=1 1", kRefuses, Ours::kRefused},
    {"m,a=b=c f=1 1", kRefuses, Ours::kRefused},
    {",a=b f=1 1", kRefuses, Ours::kRefused},
    {" f=1 1", kRefuses, Ours::kRefused},
    {"m", kRefuses, Ours::kRefused},
    {"m 1", kRefuses, Ours::kRefused},
    {"m f 1", kRefuses, Ours::kRefused},
    {"m f= 1", kRefuses, Ours::kRefused},
    {"m =1 1", kRefuses, Ours::kRefused},
    {"m f=1,=2 1", kRefuses, Ours::kRefused},
    {"m f=1, 1", kRefuses, Ours::kRefused},
    {"m f=1,,g=2 1", kRefuses, Ours::kRefused},
    {"m,t=a\x01" "b f=1 1", kTakes, Ours::kRefused},
    {"m,t=a\tb f=1 1", kTakes, Ours::kRefused},
    {"m\t,t=a f=1 1", kTakes, Ours::kRefused},
    {"m\tt f=1 1", kTakes, Ours::kRefused},
    {"m\0 f=1 1"s, kTakes, Ours::kRefused},
    {"m,t=a\rb f=1 1", kTakes, Ours::kRefused},
    {"m,time=a f=1 1", kRefuses, Ours::kRefused},
    {"m time=1 1", kRefuses, Ours::kRefused},
    {"m time=1,f=2 1", kTakes, Ours::kRefused},
    {"m,_field=a f=1 1", kTakes, Ours::kRefused},
    {"m,_measurement=a f=1 1", kTakes, Ours::kRefused},
    {"_m,_t=a _f=1 1", kTakes, Ours::kCopied},
    {"m,t=\"a f=1 1", kTakes, Ours::kCopied},
    {"m,t=a\\\\,b=c f=1 1", kRefuses, Ours::kRefused},
    {"m,t=a\\\\ x f=1 1", kTakes, Ours::kRefused},
    {"m\\\\,t=a f=1 1", kTakes, Ours::kRefused},
    {"m a\\\\=1 1", kRefuses, Ours::kRefused},
    {"m a\\\\\\=1 1", kRefuses, Ours::kRefused},
    {"m a\\=1=1 1", kTakes, Ours::kCopied},
    {"m a\\,b=1 1", kTakes, Ours::kCopied},
    {"m a\\ b=1 1", kTakes, Ours::kCopied},
    {"m a\\\"b=1 1", kTakes, Ours::kCopied},
    {"m a\"b=1 1", kTakes, Ours::kCopied},
    {"m a\"b=1,c\"d=2 1", kTakes, Ours::kCopied},
    {"m f=1 1 2", kRefuses, Ours::kRefused},
    {"m f=1 1.5", kRefuses, Ours::kRefused},
    {"m f=1 1e3", kRefuses, Ours::kRefused},
    {"m f=nan 1", kRefuses, Ours::kRefused},
    {"m f=1,f=2 1", kTakes, Ours::kCopied},
    {"m=a f=1 1", kTakes, Ours::kCopied},
    {"=m f=1 1", kTakes, Ours::kCopied},
    {"m\\ f=1 1", kRefuses, Ours::kRefused},
    {"m f=1 1\r", kRefuses, Ours::kRewritten},
    {"m,t=\xff f=1 1", kTakes, Ours::kRefused},
    {"m f=0x10 1", kRefuses, Ours::kRefused},
    {"m f=1_000 1", kRefuses, Ours::kRefused},
    {"m f=1\t1", kRefuses, Ours::kRefused},
    {"m,t=a\\nb f=1 1", kTakes, Ours::kCopied},
    {"m f=Infinity 1", kRefuses, Ours::kRefused},
    {"m fi=-9223372036854775808i 1", kTakes, Ours::kCopied},
    {"m fi=-9223372036854775809i 1", kRefuses, Ours::kRefused},
    {"m fi=00000000000000000000001i 1", kTakes, Ours::kCopied},
    {"m f\\\\=\"a\" 1", kRefuses, Ours::kRefused},
    {"m f=1 00000000000000000000001", kTakes, Ours::kCopied},
    {"m fi=1i,f=1. 1", kTakes, Ours::kRewritten},
    {"m fi=1ii 1", kRefuses, Ours::kRefused},
    {"m s=\"x", kRefuses, Ours::kRefused},
    {"m,t==a f=1 1", kTakes, Ours::kRefused},
    {"m,t\\==a f=1 1", kTakes, Ours::kCopied},
    {"m a,b=1 1", kRefuses, Ours::kRefused},
    {"m a b=1 1", kRefuses, Ours::kRefused},
    {"\\,m f=1 1", kTakes, Ours::kCopied},
    {"m,\\=a f=1 1", kRefuses, Ours::kRefused},
    {"m,a=\\ b f=1 1", kTakes, Ours::kCopied},
    {"m,\xc3\xa9=a f=1 1", kTakes, Ours::kCopied},
    {"m f=1 -", kRefuses, Ours::kRefused},
    {"m f=1 --1", kRefuses, Ours::kRefused},
    {"m f=1 -0", kTakes, Ours::kCopied},
    {"m a\\\\\\\\=1 1", kRefuses, Ours::kRefused},
    {"m a\\ =1 1", kTakes, Ours::kCopied},
    {"m a\\=1 1", kRefuses, Ours::kRefused},
    {"m,a=b\\\\\\ c f=1 1", kTakes, Ours::kCopied},
    {"m,a=b\\\\\\,c=d f=1 1", kRefuses, Ours::kRefused},
    {"m f\\\\\\ g=1 1", kTakes, Ours::kCopied},
    {"m\\\\\\ n f=1 1", kTakes, Ours::kCopied},
    {"m f=5.e3 1", kTakes, Ours::kRewritten},
    {"m f=.5e3 1", kTakes, Ours::kRewritten},
    {"m,a=\\\\b\\\\c f=1 1", kTakes, Ours::kCopied},
    {"m,t=\"a\\ b\" f=1 1", kTakes, Ours::kCopied},
    {"m \"f\"=1 1", kTakes, Ours::kCopied},
    {"m s=\"\\\\\\\"\" 1", kTakes, Ours::kCopied},
    {"m f=1i,f=2i 1", kTakes, Ours::kCopied},
    {"m,b=1,a=2 f=1 1", kTakes, Ours::kCopied},
};
// clang-format on

TEST(InfluxDbCasesTest, NothingIsCopiedThatARealServerRefuses) {
  for (const Case& param : kCases) {
    LineChunks out(1 << 20, 100);
    const IngestResult result = ingest(param.line, {}, out);
    const auto chunks = out.take();
    if (param.ours == Ours::kRefused) {
      EXPECT_EQ(result.bad_lines, 1U) << param.line;
      continue;
    }
    ASSERT_EQ(chunks.size(), 1U) << param.line;
    EXPECT_EQ(chunks[0].bytes == param.line + "\n", param.ours == Ours::kCopied) << param.line;
    if (param.ours == Ours::kCopied) {
      EXPECT_EQ(param.influxdb, kTakes) << param.line;
    }
  }
}

}  // namespace
}  // namespace holdfast::line
