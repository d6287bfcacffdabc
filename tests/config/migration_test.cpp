#include "config/migration.h"

#include <map>
#include <memory>

#include <gtest/gtest.h>

namespace holdfast::config::test {
namespace {

std::string current_name(std::string_view category, std::string_view plugin,
                         std::string_view option) {
  static const std::map<std::string, std::string> names{{"agent.old", "new"},
                                                        {"inputs.disk.mountpoints", "mount_points"},
                                                        {"inputs.disk.pass", "fieldinclude"},
                                                        {"inputs.cpu.pass", "fieldinclude"},
                                                        {"inputs.cpu.fieldpass", "fieldinclude"},
                                                        {"outputs.influxdb.ssl_ca", "tls_ca"}};
  const std::string path = std::string(category) + (plugin.empty() ? "" : ".") +
                           std::string(plugin) + "." + std::string(option);
  const auto found = names.find(path);
  return found == names.end() ? std::string() : found->second;
}

Migration migrated(const std::string& text) {
  auto made = migrate(text, std::make_shared<const std::string>("t.toml"), current_name);
  EXPECT_TRUE(made.has_value());
  return made ? *made : Migration{};
}

std::string changes(const Migration& migration) {
  std::string out;
  for (const Change& change : migration.changes) {
    out += change.where.text() + ": " + change.text + "\n";
  }
  return out;
}

TEST(Migration, ReplacesNamesAndNothingElse) {
  const Migration made = migrated(
      "# pass = 1\n[agent]\n\told  =  1 # old = 2\n[[inputs.cpu]]  # [inputs.cpu]\n"
      "  pass=[\n    \"pass\", # pass\n  ]\n  [inputs.cpu.tags]\n    pass = \"x\"\n"
      "[[outputs.influxdb]]\n  \"ssl_ca\" = \"\"\"\nssl_ca = 1\"\"\"\n");
  EXPECT_EQ(made.text,
            "# pass = 1\n[agent]\n\tnew  =  1 # old = 2\n[[inputs.cpu]]  # [inputs.cpu]\n"
            "  fieldinclude=[\n    \"pass\", # pass\n  ]\n  [inputs.cpu.tags]\n    pass = \"x\"\n"
            "[[outputs.influxdb]]\n  tls_ca = \"\"\"\nssl_ca = 1\"\"\"\n");
  EXPECT_EQ(changes(made),
            "t.toml:3:2: `old` is now `new`\nt.toml:5:3: `pass` is now `fieldinclude`\n"
            "t.toml:11:3: `ssl_ca` is now `tls_ca`\n");
}

TEST(Migration, RenewsNamesOfPlugins) {
  const Migration made = migrated(
      "[[inputs.http_listener]]\n[plugins.http_listener]\n  [plugins.http_listener.tags]\n"
      "[http_listener]  # old\n[[outputs.http_listener]]\n[[inputs.\"http_listener\"]]\n");
  EXPECT_EQ(made.text,
            "[[inputs.influxdb_listener]]\n[[inputs.influxdb_listener]]\n"
            "  [inputs.influxdb_listener.tags]\n[[inputs.influxdb_listener]]  # old\n"
            "[[outputs.http_listener]]\n[[inputs.influxdb_listener]]\n");
  EXPECT_TRUE(changes(made).starts_with(
      "t.toml:1:1: [[inputs.http_listener]] is now [[inputs.influxdb_listener]]\n"))
      << changes(made);
}

TEST(Migration, AnOldHeaderBehindANewOneOfThatPluginIsRenewed) {
  EXPECT_EQ(migrated("[[inputs.cpu]]\n[cpu]\n").text, "[[inputs.cpu]]\n[[inputs.cpu]]\n");
}

TEST(Migration, RenewsHeaders) {
  const Migration made = migrated(
      "[tags]\n  a = \"b\"\n[inputs.mem]\n  [inputs.mem.tags]\n[plugins.disk]\n  mountpoints = []\n"
      "  [plugins.disk.tags]\n[cpu]  # old\n  pass = []\n  [cpu.tags]\n[ outputs . influxdb ]\n"
      "[[plugins.cpu]]\n");
  EXPECT_EQ(made.text,
            "[global_tags]\n  a = \"b\"\n[[inputs.mem]]\n  [inputs.mem.tags]\n[[inputs.disk]]\n"
            "  mount_points = []\n  [inputs.disk.tags]\n[[inputs.cpu]]  # old\n"
            "  fieldinclude = []\n  [inputs.cpu.tags]\n[[ outputs . influxdb ]]\n"
            "[[inputs.cpu]]\n");
  EXPECT_EQ(made.changes.size(), 10U);
  EXPECT_EQ(migrated(made.text).changes.size(), 0U);
}

TEST(Migration, KeepsByteOrderMarkAndLineEnds) {
  EXPECT_EQ(migrated("\xEF\xBB\xBF[tags]\r\n[cpu]\r\n  pass = []\r\n\r\n# end").text,
            "\xEF\xBB\xBF[global_tags]\r\n[[inputs.cpu]]\r\n  fieldinclude = []\r\n\r\n# end");
  EXPECT_EQ(migrated("").text, "");
}

TEST(Migration, LeavesWhatWouldCollide) {
  const std::string text =
      "[global_tags]\n[tags]\n[[inputs.cpu]]\n  fieldinclude = []\n  pass = []\n[[inputs.cpu]]\n"
      "  pass = []\n  fieldpass = []\n[inputs.mem.tags]\n  a = \"b\"\n[inputs.mem]\n";
  const Migration made = migrated(text);
  EXPECT_EQ(made.text,
            "[global_tags]\n[tags]\n[[inputs.cpu]]\n  fieldinclude = []\n  pass = []\n"
            "[[inputs.cpu]]\n  fieldinclude = []\n  fieldpass = []\n[inputs.mem.tags]\n"
            "  a = \"b\"\n[inputs.mem]\n");
  EXPECT_EQ(
      changes(made),
      "t.toml:2:1: [tags] is left as it is: the file has [global_tags] too\n"
      "t.toml:5:3: `pass` is left as it is: `fieldinclude` is given too\n"
      "t.toml:7:3: `pass` is now `fieldinclude`\n"
      "t.toml:8:3: `fieldpass` is left as it is: `fieldinclude` is given too\n"
      "t.toml:11:1: [inputs.mem] is left as it is: a part of it stands before it, on line 9\n");
}

TEST(Migration, KnowsDottedKeys) {
  EXPECT_EQ(migrated("agent.old = 1\n[inputs]\ndisk.mountpoints = []\n").text,
            "agent.new = 1\n[inputs]\ndisk.mount_points = []\n");
}

TEST(Migration, OfABrokenFileFailsWithItsFirstProblem) {
  const auto made = migrate("[agent]\nx = \n", nullptr, current_name);
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().offset, 12U);
}

}  // namespace
}  // namespace holdfast::config::test
