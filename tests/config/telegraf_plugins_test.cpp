#include "config/telegraf_plugins.h"

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

TEST(TelegrafPlugins, AreKnownByTheirWholeName) {
  for (const char* name : {"activemq", "cpu", "docker", "docker_log", "io", "zookeeper"}) {
    EXPECT_TRUE(is_telegraf_plugin("inputs", name)) << name;
  }
  for (const char* name : {"amon", "influxdb", "influxdb_v2", "kafka", "zabbix"}) {
    EXPECT_TRUE(is_telegraf_plugin("outputs", name)) << name;
  }
  for (const char* name : {"", " ", "ocker", "docke", "cpu d", "Cpu", "kafka"}) {
    EXPECT_FALSE(is_telegraf_plugin("inputs", name)) << name;
  }
  EXPECT_FALSE(is_telegraf_plugin("outputs", "docker"));
  EXPECT_FALSE(is_telegraf_plugin("processors", "rename"));
}

TEST(TelegrafPlugins, ThatWereRenamedAreKnownByTheNewName) {
  EXPECT_EQ(current_plugin_name("inputs", "http_listener"), "influxdb_listener");
  EXPECT_EQ(current_plugin_name("inputs", "http_listener_v2"), "http_listener_v2");
  EXPECT_EQ(current_plugin_name("outputs", "http_listener"), "http_listener");
}

// Else they would be taken for tables of ours in very old files.
TEST(TelegrafPlugins, NoneIsCalledAsASectionIs) {
  for (const char* name : {"agent", "buffer", "status", "global_tags", "tags", "inputs", "outputs",
                           "plugins", "processors", "aggregators", "secretstores"}) {
    EXPECT_FALSE(is_telegraf_plugin("inputs", name)) << name;
  }
}

}  // namespace
}  // namespace holdfast::config
