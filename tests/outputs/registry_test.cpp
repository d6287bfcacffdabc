// The table of outputs and the names of readers.
#include "outputs/registry.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace holdfast::outputs {
namespace {

TEST(OutputRegistry, IsSortedAndComplete) {
  const auto plugins = all_outputs();
  EXPECT_TRUE(std::is_sorted(plugins.begin(), plugins.end(),
                             [](const auto& a, const auto& b) { return a.name < b.name; }));
  for (const OutputPlugin& plugin : plugins) {
    EXPECT_FALSE(plugin.summary.empty()) << plugin.name;
    EXPECT_FALSE(plugin.options().empty()) << plugin.name;
    EXPECT_EQ(find_output(plugin.name), &plugin);
  }
  EXPECT_NE(find_output("influxdb"), nullptr);
  EXPECT_EQ(find_output("influx"), nullptr);
}

// These names are in ring files: they must never change.
TEST(ReaderNames, AreFixedForEver) {
  ReaderNames names;
  EXPECT_EQ(names.take("influxdb", "", "http://localhost:8086\ntelegraf"),
            "influxdb-858b964040f1f858");
  EXPECT_EQ(names.take("influxdb", "", ""), "influxdb-cbf29ce484222325");
  EXPECT_EQ(names.take("influxdb", "main", "whatever"), "main");
}

TEST(ReaderNames, RepeatsGetAnOrdinal) {
  ReaderNames names;
  EXPECT_EQ(names.take("file", "a", ""), "a");
  EXPECT_EQ(names.take("file", "a", ""), "a-2");
  EXPECT_EQ(names.take("file", "a-2", ""), "a-2-2");
  EXPECT_EQ(names.take("influxdb", "a", ""), "a-3");
}

TEST(ReaderNames, LongAliasesAreCutAndStayDistinct) {
  ReaderNames names;
  const std::string alias(100, 'x');
  const std::string one = names.take("file", alias + "1", "");
  const std::string two = names.take("file", alias + "2", "");
  const std::string again = names.take("file", alias + "1", "");
  EXPECT_EQ(one.size(), ReaderNames::kMaxBytes);
  EXPECT_EQ(two.size(), ReaderNames::kMaxBytes);
  EXPECT_LE(again.size(), ReaderNames::kMaxBytes);
  EXPECT_NE(one, two);
  EXPECT_NE(one, again);
}

TEST(WorkerSchema, DefaultsAndBounds) {
  config::Table table;
  config::Diagnostics diagnostics;
  const WorkerOptions options = worker_schema().parse(table, diagnostics);
  EXPECT_EQ(options.metric_batch_size, 0);
  EXPECT_EQ(options.max_batch_bytes.count, 1U << 20);
  EXPECT_EQ(options.max_retry_after, std::chrono::minutes(10));
  EXPECT_EQ(options.rejected_directory, "");
  EXPECT_EQ(options.rejected_limit.count, 16U << 20);
  EXPECT_FALSE(diagnostics.has_errors());

  table.add("max_retry_after", {}, {.data = std::string("0s"), .where = {}});
  table.add("rejected_limit", {}, {.data = std::string("63KiB"), .where = {}});
  table.add("metric_batch_size", {}, {.data = std::int64_t{-1}, .where = {}});
  table.add("metric_buffer_limit", {}, {.data = std::int64_t{10'000}, .where = {}});
  (void)worker_schema().parse(table, diagnostics);
  const auto found = diagnostics.sorted();
  EXPECT_EQ(std::count_if(found.begin(), found.end(),
                          [](const auto& d) { return d.severity == config::Severity::kError; }),
            3);
  EXPECT_EQ(found.size(), 4U);
}

}  // namespace
}  // namespace holdfast::outputs
