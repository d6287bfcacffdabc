#include "agent/configuration.h"

#include <gmock/gmock.h>

#include "tests/agent/agent_harness.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
using testing::Pair;

TEST(Configuration, DefaultsAreThoseOfTheSections) {
  const Configured made("[[inputs.mem]]\n[[outputs.file]]\n  files = [\"stdout\"]\n");
  EXPECT_EQ(made.problems(), "");
  const auto& configuration = made.configuration;
  ASSERT_EQ(configuration.inputs.size(), 1U);
  EXPECT_EQ(configuration.inputs[0].interval, 10s);
  EXPECT_EQ(configuration.inputs[0].display, "inputs.mem");
  EXPECT_EQ(configuration.inputs[0].rules.precision, 1s);
  ASSERT_EQ(configuration.outputs.size(), 1U);
  EXPECT_EQ(configuration.outputs[0].worker.flush_interval, 10s);
  EXPECT_EQ(configuration.block_points(), 5000U);
  EXPECT_EQ(configuration.buffer.size.count, 64U << 20U);
}

TEST(Configuration, AnInputsOwnOptionsWinOverTheAgents) {
  const Configured made(R"(
[agent]
  interval = "20s"
  collection_jitter = "3s"
  collection_offset = "2s"
[[inputs.mem]]
[[inputs.mem]]
  alias = "fast"
  interval = "250ms"
  collection_jitter = "0s"
[[outputs.file]]
)");
  EXPECT_EQ(made.problems(), "");
  const auto& inputs = made.configuration.inputs;
  ASSERT_EQ(inputs.size(), 2U);
  EXPECT_EQ(inputs[0].interval, 20s);
  EXPECT_EQ(inputs[0].jitter, 3s);
  EXPECT_EQ(inputs[0].offset, 2s);
  EXPECT_EQ(inputs[1].display, "inputs.mem::fast");
  EXPECT_EQ(inputs[1].interval, 250ms);
  EXPECT_EQ(inputs[1].jitter, 0s);  // an explicit zero counts
  EXPECT_EQ(inputs[1].rules.precision, 1ms);
}

TEST(Configuration, UnsignedFieldsAreStoredAsAllOutputsWantThem) {
  const std::string input = "[[inputs.mem]]\n";
  const std::string with = "[[outputs.influxdb]]\ninflux_uint_support = true\n";
  const std::string without = "[[outputs.influxdb_v2]]\nbucket = \"b\"\n";
  const std::string file = "[[outputs.file]]\n";
  const auto stored = [](const Configured& made) {
    EXPECT_EQ(made.problems(), "");
    return made.configuration.inputs.at(0).rules.encode.uint_support;
  };
  EXPECT_TRUE(stored(Configured(input + with + file)));
  EXPECT_TRUE(stored(Configured(file + with + input)));
  EXPECT_FALSE(stored(Configured(input + without + file)));
  EXPECT_FALSE(stored(Configured(input + file)));
  const Configured mixed(with + without + input);
  EXPECT_THAT(mixed.problems(),
              testing::StartsWith("test.toml:3:11: error: `influx_uint_support` differs"));
}

TEST(Configuration, TagsMergeWithTheInputsOwnFirst) {
  const Configured made(R"(
[agent]
  hostname = "pi"
[global_tags]
  site = "roof"
  room = "3"
[[inputs.mem]]
  [inputs.mem.tags]
    room = "4"
[[outputs.file]]
)");
  EXPECT_EQ(made.problems(), "");
  const auto& tags = made.configuration.inputs.at(0).rules.extra_tags;
  EXPECT_THAT(tags, Contains(Pair("host", "pi")));
  EXPECT_THAT(tags, Contains(Pair("site", "roof")));
  EXPECT_THAT(tags, Contains(Pair("room", "4")));
  EXPECT_EQ(tags.size(), 3U);
  EXPECT_TRUE(std::is_sorted(tags.begin(), tags.end()));
}

TEST(Configuration, TheHostTagCanBeLeftOut) {
  const Configured made("[agent]\nomit_hostname = true\n[[inputs.mem]]\n[[outputs.file]]\n");
  EXPECT_TRUE(made.configuration.inputs.at(0).rules.extra_tags.empty());
}

TEST(Configuration, TagsThatServersRefuseAreRefusedHere) {
  const Configured made(
      "[global_tags]\ntime = \"now\"\n[[inputs.mem]]\ntags = { _field = \"x\" }\n"
      "[[outputs.file]]\n");
  EXPECT_THAT(made.problems(), HasSubstr("test.toml:2:1: error: the tag `time` is reserved"));
  EXPECT_THAT(made.problems(), HasSubstr("test.toml:4:1: error: the tag `_field` is reserved"));
}

TEST(Configuration, BlocksHoldNoMoreThanTheSmallestBatch) {
  const Configured made(
      "[[inputs.mem]]\n[[outputs.file]]\nmetric_batch_size = 300\n[[outputs.file]]\n"
      "metric_batch_size = 1000\n");
  EXPECT_EQ(made.configuration.block_points(), 300U);
  EXPECT_NE(made.configuration.outputs[0].reader_id, made.configuration.outputs[1].reader_id);
}

TEST(Configuration, ListenersKeepNanosecondsAndSaySoWhenAskedOtherwise) {
  const Configured made(
      "[[inputs.influxdb_listener]]\n[[inputs.influxdb_listener]]\nprecision = \"1s\"\n"
      "[[outputs.file]]\n");
  EXPECT_THAT(made.problems(), HasSubstr("test.toml:3:1: warning: `precision` has no effect"));
  EXPECT_FALSE(made.diagnostics.has_errors());
  EXPECT_EQ(made.configuration.inputs.at(0).rules.precision, 1ns);
  EXPECT_EQ(made.configuration.inputs.at(1).rules.precision, 1ns);
}

TEST(Configuration, UnknownPluginsAndOptionsNameTheNearest) {
  const Configured made(R"([[inputs.cpus]]
[[inputs.cpu]]
  percpus = true
[[outputs.influx]]
[agent]
  intervall = "1s"
)");
  EXPECT_TRUE(made.diagnostics.has_errors());
  EXPECT_THAT(made.problems(), HasSubstr("test.toml:1:"));
  EXPECT_THAT(made.problems(), HasSubstr("did you mean inputs.cpu?"));
  EXPECT_THAT(made.problems(), HasSubstr("`percpu`"));
  EXPECT_THAT(made.problems(), HasSubstr("outputs.influxdb"));
  EXPECT_THAT(made.problems(), HasSubstr("`interval`"));
  EXPECT_EQ(made.diagnostics.sorted().size(), 4U);
}

TEST(Configuration, OptionsWithoutEffectAreAcceptedWithAWord) {
  const Configured made("[agent]\nmetric_buffer_limit = 10000\n[[inputs.mem]]\n[[outputs.file]]\n");
  EXPECT_FALSE(made.diagnostics.has_errors());
  EXPECT_THAT(made.problems(), HasSubstr("[buffer] size"));
}

TEST(Configuration, TelegrafsAgentOptionsAreAccepted) {
  const Configured made(R"([agent]
  precision = ""
  logtarget = "file"
  snmp_translator = "gosmi"
  statefile = "/var/lib/x"
  skip_processors_before_aggregators = true
  skip_processors_after_aggregators = false
  buffer_strategy = "disk_write_through"
  buffer_directory = "/var"
  buffer_disk_sync = true
  flush_buffer_when_full = true
  utc = true
  log_with_timezone = "UTC"
  config_url_retry_attempts = -1
)");
  EXPECT_FALSE(made.diagnostics.has_errors()) << made.problems();
  EXPECT_EQ(made.diagnostics.sorted().size(), 10U) << made.problems();
  EXPECT_THAT(made.problems(),
              HasSubstr("test.toml:3:3: warning: `logtarget` has no effect here: the log goes to"));
}

TEST(Configuration, ValuesThatTelegrafDoesNotKnowAreErrors) {
  const Configured made(R"([agent]
  logformat = "xml"
  logtarget = "printer"
  buffer_strategy = "tape"
  snmp_translator = "babel"
  log_with_timezone = "Mars/Base"
[[inputs.mem]]
  time_source = "sundial"
  startup_error_behavior = "panic"
  log_level = "loud"
[[outputs.file]]
  startup_error_behavior = "panic"
  log_level = "loud"
)");
  std::size_t errors = 0;
  for (const auto& item : made.diagnostics.sorted()) {
    if (item.severity == config::Severity::kError) ++errors;
  }
  EXPECT_EQ(errors, 10U) << made.problems();
  EXPECT_THAT(made.problems(),
              HasSubstr("test.toml:6:23: error: `log_with_timezone` is \"Mars/Base\", expected"));
}

TEST(Configuration, PluginsHaveTelegrafsCommonOptions) {
  const Configured made(R"([[inputs.mem]]
  time_source = "collection_end"
  startup_error_behavior = "retry"
  log_level = "debug"
  labels = { env = "prod" }
[[inputs.influxdb_listener]]
  startup_error_behavior = "probe"
[[inputs.influxdb_listener]]
  time_source = "collection_start"
[[outputs.file]]
  log_level = "warn"
  labels = { env = "prod" }
)");
  EXPECT_EQ(made.problems(),
            "test.toml:9:3: warning: `time_source` has no effect here: lines that arrive keep the "
            "time they have\n");
  const auto& inputs = made.configuration.inputs;
  ASSERT_EQ(inputs.size(), 3U);
  EXPECT_EQ(inputs[0].rules.time_source, inputs::TimeSource::kCollectionEnd);
  EXPECT_EQ(inputs[0].startup_errors, agent::StartupErrors::kRetry);
  EXPECT_EQ(inputs[0].log_level, base::LogLevel::kDebug);
  EXPECT_EQ(inputs[1].startup_errors, agent::StartupErrors::kIgnore);
  EXPECT_EQ(inputs[2].startup_errors, agent::StartupErrors::kFail);
  EXPECT_EQ(inputs[2].log_level, std::nullopt);
  EXPECT_EQ(made.configuration.outputs.at(0).log_level, base::LogLevel::kWarn);
}

// What arrives is not rounded, unless that is asked for; line protocol over HTTP never is.
TEST(Configuration, TimeOptionsHoldForListenersThatMakePoints) {
  const Configured made(R"([agent]
  precision = "1s"
[[inputs.socket_listener]]
  service_address = "udp://:0"
[[inputs.syslog]]
  precision = "1ms"
  time_source = "collection_start"
[[inputs.influxdb_listener]]
  precision = "1ms"
[[inputs.tail]]
  files = ["/var/log/a"]
[[inputs.execd]]
  command = ["a"]
  signal = "STDIN"
  precision = "1s"
[[inputs.statsd]]
[[outputs.file]]
)");
  EXPECT_EQ(made.problems(),
            "test.toml:9:3: warning: `precision` has no effect here: lines that arrive keep the "
            "time they have\n");
  const auto& inputs = made.configuration.inputs;
  ASSERT_EQ(inputs.size(), 6U);
  EXPECT_EQ(inputs[0].rules.precision, base::Duration(1));
  EXPECT_EQ(inputs[1].rules.precision, base::Duration(std::chrono::milliseconds(1)));
  EXPECT_EQ(inputs[2].rules.precision, base::Duration(1));
  EXPECT_EQ(inputs[3].rules.precision, base::Duration(1)) << "not that of its interval";
  EXPECT_EQ(inputs[4].rules.precision, base::Duration(std::chrono::seconds(1)));
  EXPECT_EQ(inputs[5].rules.precision, base::Duration(std::chrono::seconds(1))) << "its gathers'";
  EXPECT_EQ(inputs[1].rules.time_source, inputs::TimeSource::kCollectionStart);
}

TEST(Configuration, TheRejectedDirectoryIsAPathFromTheRoot) {
  const std::string head = "[[inputs.mem]]\n[[outputs.file]]\n";
  EXPECT_EQ(Configured(head + "rejected_directory = \"/var/x\"\n").problems(), "");
  EXPECT_EQ(Configured(head + "rejected_directory = \"\"\n").problems(), "");
  EXPECT_EQ(Configured(head + "rejected_directory = \"x\"\n").problems(),
            "test.toml:3:1: error: `rejected_directory`: found \"x\", expected a path that begins "
            "with /\n");
}

}  // namespace
}  // namespace holdfast::test
