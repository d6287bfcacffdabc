// The parts of statsd: lines, names, Datadog's messages, statistics, and the cache of an interval.
#include <cmath>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/line/encode.h"
#include "inputs/statsd/cache.h"
#include "inputs/statsd/datadog.h"
#include "inputs/statsd/line.h"
#include "inputs/statsd/names.h"
#include "inputs/statsd/statistics.h"
#include "tests/support/fake_clock.h"

namespace holdfast::statsd {
namespace {

using ::testing::HasSubstr;

// "bucket kind text number whole? relative rate; ... | tags", or the mistake.
std::string shown(std::string_view text, const Dialect& dialect = {}) {
  Line line;
  const auto parsed = parse_line(text, dialect, line);
  std::string out(line.bucket);
  for (const Sample& one : line.samples) {
    out += fmt::format(" {}", name_of(one.kind));
    out += one.kind == Kind::kSet ? fmt::format("={}", one.text) : fmt::format("={}", one.number);
    if (one.is_whole) out += "i";
    if (one.relative) out += " relative";
    if (one.rate > 0) out += fmt::format("@{}", one.rate);
  }
  for (const auto& [key, value] : line.tags) out += fmt::format(" #{}:{}", key, value);
  return parsed ? out : out + " ! " + parsed.error().message;
}

TEST(StatsdLine, HasABucketAndValues) {
  EXPECT_EQ(shown("a.b:1|c"), "a.b counter=1i");
  EXPECT_EQ(shown("a:-2.5|c|@0.1"), "a counter=-2.5 relative@0.1");
  EXPECT_EQ(shown("a:3|g"), "a gauge=3i");
  EXPECT_EQ(shown("a:+3|g"), "a gauge=3i relative");
  EXPECT_EQ(shown("a:x y|s"), "a set=x y");
  EXPECT_EQ(shown("a:320|ms|@0.5"), "a timing=320i@0.5");
  EXPECT_EQ(shown("a:1e3|h"), "a histogram=1000");
  EXPECT_EQ(shown("a:-4|d"), "a distribution=-4i relative");
  EXPECT_EQ(shown("a:1|c:2|ms:3|g"), "a counter=1i timing=2i gauge=3i");
  EXPECT_EQ(shown("a,x=1,y=2:1|c"), "a,x=1,y=2 counter=1i");
  EXPECT_EQ(shown("a:1|c|somethingnew"), "a counter=1i");
}

TEST(StatsdLine, SaysWhatIsWrongAndKeepsWhatIsGood) {
  for (const char* text :
       {"",          "a",        "a:",          "a:1",     "a:|c",     "a:1|x",   "a:x|c",
        "a:inf|g",   "a:nan|ms", "a:1e999|g",   "a:-1|ms", "a:+1|s",   "a:-1|h",  "a:1|c|@0",
        "a:1|c|@-1", "a:1|c|@x", "a:1|c|@1e-9", ":1|c",    "a:0x10|c", "a:+-1|g", "a: 1|c"}) {
    EXPECT_THAT(shown(text), HasSubstr(" ! ")) << text;
  }
  EXPECT_THAT(shown("a:1|c:x|g"), HasSubstr("a counter=1i ! found `x`"));
}

TEST(StatsdLine, HasDatadogsTagsWhereTheyAreWanted) {
  const Dialect datadog{true, false};
  EXPECT_EQ(shown("a:1|c|#x:y:z,flag,empty:", datadog),
            "a counter=1i #empty:true #flag:true #x:y:z");
  EXPECT_EQ(shown("a:1|c|@0.5|#x:1|c:abc|T1656581400", datadog), "a counter=1i@0.5 #x:1");
  EXPECT_EQ(shown("a:1|c|#x:1|c:abc", {true, true}), "a counter=1i #container:abc #x:1");
  EXPECT_EQ(shown("a:1|c|#,,:v", datadog), "a counter=1i");
  EXPECT_EQ(shown("c:1|c|#x:1", datadog), "c counter=1i #x:1");
  // Without the extension a colon begins another value.
  EXPECT_THAT(shown("a:1|c|#x:y"), HasSubstr(" ! "));
}

std::string named(std::string_view bucket, const NameOptions& options = {}) {
  const auto names = Names::compile(options);
  if (!names) return names.error().message;
  const Name name = names->parse(bucket);
  std::string out = name.measurement;
  for (const auto& [key, value] : name.tags) out += fmt::format(",{}={}", key, value);
  return out + " " + name.field;
}

TEST(StatsdNames, ComeFromTheBucket) {
  EXPECT_EQ(named("cpu.load"), "cpu_load value");
  EXPECT_EQ(named("cpu.load", {.separator = "."}), "cpu.load value");
  EXPECT_EQ(named("a,region=eu,host=a.b,flag,=x,url=/?q=1"),
            "a,host=a.b,region=eu,url=/?q=1 value");
  EXPECT_EQ(named("a-b.c d", {.separator = "-", .convert = true}), "a__b__c value");
  EXPECT_EQ(named("a b/c%d.e", {.sanitize = true}), "a_b-cd_e value");
}

TEST(StatsdNames, AreCutByTemplates) {
  const NameOptions options{.templates = {"cpu.* measurement.measurement.host",
                                          "cpu.load measurement.field.host.field tier=one",
                                          "mem measurement.region.field*", "..x measurement*"}};
  EXPECT_EQ(named("cpu.idle.h1", options), "cpu_idle,host=h1 value");
  EXPECT_EQ(named("cpu.load.h1.short", options), "cpu,host=h1,tier=one load_short");
  EXPECT_EQ(named("cpu.load.h1.short,host=mine,a=b", options),
            "cpu,a=b,host=h1,tier=one load_short");
  EXPECT_EQ(named("mem.eu.free.total", options), "mem,region=eu free_total");
  EXPECT_EQ(named("cpu", options), "cpu value");
  EXPECT_EQ(named("other.thing", options), "other_thing value");
  EXPECT_EQ(named("a.b.c.d", {.templates = {"measurement.region..measurement"}}),
            "a_d,region=b value");
  EXPECT_EQ(named("a.b.c", {.templates = {"measurement.t.t"}}), "a,t=b_c value");
  EXPECT_EQ(named("a/b.c", {.templates = {"/ a.* measurement/x", "/ a/* measurement/x"}}),
            "a,x=b.c value");
  EXPECT_EQ(named("a.b", {.templates = {"host.field"}}), "a_b,host=a b");
}

TEST(StatsdNames, TemplatesThatAreNoneAreNamed) {
  for (const char* bad : {"", "measurement*.field*", "a b c d e", "xx a measurement",
                          "measurement x=", "measurement =x"}) {
    EXPECT_THAT(named("a", {.templates = {bad}}), HasSubstr(fmt::format("`{}`", bad))) << bad;
  }
}

std::string encoded(const line::Point& point) {
  std::string out;
  EXPECT_TRUE(line::encode(point, {}, point.time().value_or(0), {.sort_fields = true}, out));
  return out;
}

std::string message(std::string_view text) {
  line::Point point("");
  const auto parse = is_event(text) ? parse_event : parse_service_check;
  EXPECT_NE(is_event(text), is_service_check(text));
  const auto parsed = parse(text, "192.0.2.1", 5, point);
  return parsed ? encoded(point) : parsed.error().message;
}

TEST(Datadog, EventsArePoints) {
  EXPECT_EQ(message("_e{5,4}:title|text"),
            "title,source=192.0.2.1 alert_type=\"info\",priority=\"normal\",text=\"text\" 5\n");
  EXPECT_EQ(message("_e{1,6}:t|a|b\\nc|d:21|p:low|h:edge|t:error|k:key|s:app|#x:y,z|c:id"),
            "t,aggregation_key=key,source=edge,x=y,z=true alert_type=\"error\",priority=\"low\","
            "source_type_name=\"app\",text=\"a|b\nc\",ts=21i 5\n");
  EXPECT_EQ(message("_e{1,1}:t|x|p:odd|t:odd|d:odd|#host:h"),
            "t,source=h alert_type=\"info\",priority=\"normal\",text=\"x\" 5\n");
}

TEST(Datadog, EventsThatAreNoneAreRefused) {
  for (const char* bad :
       {"_e{", "_e{1}:t|x", "_e{1,1}", "_e{1,1}:", "_e{1,2}:t|x", "_e{9,1}:t|x", "_e{0,1}:|x",
        "_e{1,0}:t|", "_e{a,1}:t|x", "_e{-1,1}:t|x", "_e{18446744073709551615,1}:t|x",
        "_e{1,18446744073709551615}:t|x", "_e{1,1}:t|x|odd"}) {
    EXPECT_THAT(message(bad), ::testing::Not(HasSubstr("source="))) << bad;
  }
}

TEST(Datadog, ServiceChecksArePoints) {
  EXPECT_EQ(message("_sc|db.up|0"),
            "statsd_service_check,check_name=db.up,source=192.0.2.1 status=0i,status_text=\"ok\" "
            "5\n");
  EXPECT_EQ(message("_sc|db|2|d:9|h:edge|#x:y|m:down|since \\nnoon"),
            "statsd_service_check,check_name=db,source=edge,x=y message=\"down|since \nnoon\","
            "status=2i,status_text=\"critical\",ts=9i 5\n");
  for (const char* bad : {"_sc|", "_sc||0", "_sc|a", "_sc|a|4", "_sc|a|-1", "_sc|a|0|odd"}) {
    EXPECT_THAT(message(bad), ::testing::Not(HasSubstr("check_name="))) << bad;
  }
}

TEST(Statistics, AreThoseOfAllValues) {
  base::Random random(1);
  Statistics values(100);
  for (int i = 1; i <= 100; ++i) values.add(i, 1, random);
  values.settle();
  EXPECT_EQ(values.count(), 100U);
  EXPECT_DOUBLE_EQ(values.sum(), 5050);
  EXPECT_DOUBLE_EQ(values.mean(), 50.5);
  EXPECT_NEAR(values.stddev(), std::sqrt((100.0 * 100 - 1) / 12), 1e-9);
  EXPECT_EQ(values.lower(), 1);
  EXPECT_EQ(values.upper(), 100);
  EXPECT_EQ(values.median(), 50.5);
  EXPECT_EQ(values.percentile(0), 1);
  EXPECT_EQ(values.percentile(50), 51);
  EXPECT_EQ(values.percentile(99.9), 100);
  EXPECT_EQ(values.percentile(100), 100);
}

TEST(Statistics, OneValueMayStandForMany) {
  base::Random random(1);
  Statistics values(10);
  values.add(-4, 1'000'000, random);
  values.add(8, 1'000'000, random);
  EXPECT_EQ(values.count(), 2'000'000U);
  EXPECT_DOUBLE_EQ(values.mean(), 2);
  EXPECT_DOUBLE_EQ(values.stddev(), 6);
  EXPECT_EQ(values.lower(), -4);
  EXPECT_EQ(values.upper(), 8);
  EXPECT_EQ(values.sampled(), 10U);
}

TEST(Statistics, LargeNumbersKeepTheirSmallDifferences) {
  base::Random random(1);
  Statistics values(10);
  for (const double value : {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}) values.add(value, 1, random);
  EXPECT_NEAR(values.stddev(), std::sqrt(22.5), 1e-9);
}

TEST(Statistics, TheSampleIsBoundedAndFair) {
  base::Random random(7);
  Statistics values(1000);
  for (int i = 0; i < 100'000; ++i) {
    values.add(static_cast<double>(random.below(1000)), 1, random);
  }
  values.settle();
  EXPECT_EQ(values.sampled(), 1000U);
  EXPECT_NEAR(values.median(), 500, 75);
  EXPECT_NEAR(values.percentile(90), 900, 75);
}

class StatsdCache : public ::testing::Test {
 protected:
  void make(const CacheOptions& options) {
    cache_ = std::make_unique<Cache>(options, clock_, base::Random(1));
  }
  base::Status add(std::string_view text) {
    Line line;
    EXPECT_TRUE(parse_line(text, {true, false}, line)) << text;
    const auto names = Names::compile({.templates = {"*.t measurement.field"}});
    Name name = names->parse(line.bucket);
    name.tags.insert(line.tags.begin(), line.tags.end());
    for (const Sample& sample : line.samples) {
      if (auto added = cache_->add(sample, name); !added) return added;
    }
    return base::ok();
  }
  void add_all(const std::vector<std::string>& lines) {
    for (const auto& line : lines) EXPECT_TRUE(add(line)) << line;
  }
  // Lines without their time.
  std::string emit() {
    std::string out;
    cache_->emit([&](line::Point& point) {
      const std::string text = encoded(point);
      out += text.substr(0, text.rfind(' ')) + "\n";
    });
    return out;
  }

  test::FakeClock clock_;
  std::unique_ptr<Cache> cache_;
};

TEST_F(StatsdCache, SumsAnInterval) {
  make({});
  add_all({"c:1|c", "c:2|c", "c:-1|c", "c:1.9|c", "c:1|c|@0.1", "c:1|c|#a:b"});
  EXPECT_EQ(emit(), "c,a=b,metric_type=counter value=1i\nc,metric_type=counter value=13i\n");
  EXPECT_EQ(emit(), "");
  add_all({"c:9223372036854775807|c", "c:9223372036854775807|c", "d:1e30|c", "e:-1e30|c"});
  EXPECT_EQ(emit(),
            "c,metric_type=counter value=9223372036854775807i\n"
            "d,metric_type=counter value=9223372036854775807i\n"
            "e,metric_type=counter value=-9223372036854775808i\n");
}

TEST_F(StatsdCache, KeepsWhatIsNotToBeDeleted) {
  make({.delete_gauges = false,
        .delete_counters = false,
        .delete_sets = false,
        .delete_timings = false});
  add_all({"c:1|c", "g:5|g", "s:x|s", "m:2|ms"});
  const std::string first = emit();
  EXPECT_EQ(emit(), first);
  add_all({"c:1|c", "g:-2|g", "s:x|s", "s:y|s", "m:4|ms"});
  EXPECT_EQ(emit(),
            "c,metric_type=counter value=2i\n"
            "g,metric_type=gauge value=3\n"
            "s,metric_type=set value=2i\n"
            "m,metric_type=timing count=2i,lower=2,mean=3,median=3,stddev=1,sum=6,upper=4\n");
}

TEST_F(StatsdCache, ForgetsGaugesAndTheirBase) {
  make({});
  add_all({"g:5|g", "g:+2|g", "h:-1|g"});
  EXPECT_EQ(emit(), "g,metric_type=gauge value=7\nh,metric_type=gauge value=-1\n");
  add_all({"g:+2|g"});
  EXPECT_EQ(emit(), "g,metric_type=gauge value=2\n");
}

TEST_F(StatsdCache, ForgetsWhatIsOld) {
  make({.delete_gauges = false, .max_ttl = std::chrono::seconds(10)});
  add_all({"a:1|g", "b:2|g"});
  EXPECT_NE(emit(), "");
  clock_.advance(std::chrono::seconds(8));
  add_all({"b:3|g"});
  clock_.advance(std::chrono::seconds(8));
  // Given out once more, then gone.
  EXPECT_EQ(emit(), "a,metric_type=gauge value=1\nb,metric_type=gauge value=3\n");
  EXPECT_EQ(emit(), "b,metric_type=gauge value=3\n");
}

TEST_F(StatsdCache, HasTheFieldsOfTimers) {
  make({.percentiles = {50, 99.9, 100}});
  add_all({"t:1|ms", "t:3|ms|@0.5", "t:1|h", "x.t:2|ms"});
  EXPECT_EQ(emit(),
            "t,metric_type=timing 100_percentile=3,50_percentile=3,99.9_percentile=3,count=3i,"
            "lower=1,mean=2.3333333333333335,median=3,stddev=0.9428090415820636,sum=7,upper=3\n"
            "x,metric_type=timing t_100_percentile=2,t_50_percentile=2,t_99.9_percentile=2,"
            "t_count=1i,t_lower=2,t_mean=2,t_median=2,t_stddev=0,t_sum=2,t_upper=2\n"
            "t,metric_type=histogram 100_percentile=1,50_percentile=1,99.9_percentile=1,count=1i,"
            "lower=1,mean=1,median=1,stddev=0,sum=1,upper=1\n");
}

TEST_F(StatsdCache, HasFloatsWhereTheyAreWanted) {
  make({.float_counters = true, .float_timings = true, .float_sets = true});
  add_all({"c:1.5|c", "c:1|c|@0.4", "s:a|s", "m:1|ms"});
  EXPECT_EQ(emit(),
            "c,metric_type=counter value=4\n"
            "s,metric_type=set value=1\n"
            "m,metric_type=timing count=1,lower=1,mean=1,median=1,stddev=0,sum=1,upper=1\n");
}

TEST_F(StatsdCache, HasDistributionsValueByValueIfAtAll) {
  make({});
  add_all({"d:1|d", "d:2|d"});
  EXPECT_EQ(emit(), "");
  make({.distributions = true});
  add_all({"d:1|d", "d:2|d"});
  EXPECT_EQ(emit(), "d,metric_type=distribution value=1\nd,metric_type=distribution value=2\n");
  EXPECT_EQ(emit(), "");
}

TEST_F(StatsdCache, SaysWhenAnIntervalBeganWhereThatIsWanted) {
  for (const bool deleted : {true, false}) {
    make({.delete_counters = deleted, .temporality = true});
    const std::string start = base::format_utc(clock_.wall());
    clock_.advance(std::chrono::seconds(10));
    add_all({"c:1|c", "g:1|g"});
    EXPECT_EQ(emit(),
              fmt::format("c,metric_type=counter,temporality={} start_time=\"{}\",value=1i\n"
                          "g,metric_type=gauge start_time=\"{}\",value=1\n",
                          deleted ? "delta" : "cumulative", start, start));
    add_all({"g:1|g"});
    EXPECT_THAT(emit(), HasSubstr(base::format_utc(clock_.wall())));
  }
}

TEST_F(StatsdCache, IsBounded) {
  make({});
  const std::string large(60'000, 'x');
  std::uint64_t refused = 0;
  for (int i = 0; i < 2'000; ++i) refused += add(fmt::format("s:{}{}|s", i, large)) ? 0U : 1U;
  EXPECT_GT(refused, 0U);
  EXPECT_LT(refused, 1'500U);
  EXPECT_FALSE(add("another" + large + large + ":1|c"));
  EXPECT_NE(emit(), "");
  EXPECT_TRUE(add("s:" + large + "|s"));  // there is room again
  EXPECT_EQ(emit(), "s,metric_type=set value=1i\n");
}

}  // namespace
}  // namespace holdfast::statsd
