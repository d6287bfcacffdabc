#include "config/loader.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/config/example_options.h"
#include "tests/support/temp_dir.h"

namespace holdfast::config {
namespace {

namespace fs = std::filesystem;
using test::example_environment;
using test::report;

struct Loaded {
  Document document;
  Diagnostics diagnostics;
  [[nodiscard]] std::string said() const { return report(diagnostics); }
};

Loaded load(const std::vector<std::string>& texts) {
  Loaded out;
  char name = 'a';
  for (const std::string& text : texts) {
    load_text(text, std::string(1, name++), example_environment(), out.diagnostics, out.document);
  }
  return out;
}

std::string shown(const Table& table, std::string_view key) {
  const Table::Entry* entry = table.find(key);
  return entry == nullptr ? "absent" : entry->value.shown();
}

class TemporaryFolder : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }
  [[nodiscard]] std::string path(const std::string& name) const { return dir_.path(name); }

 private:
  holdfast::test::TempDir dir_;
};

TEST(Loader, SectionsOverlayKeyByKeyInFileOrder) {
  const Loaded out =
      load({"[agent]\ninterval = \"10s\"\nhostname = \"a\"\n[buffer]\nsize = 1",
            "[agent]\ninterval = \"5s\"\n[status]\nlisten = \"x\"", "[agent]\nhostname = \"c\""});
  EXPECT_EQ(out.said(), "");
  EXPECT_EQ(shown(out.document.agent, "interval"), "\"5s\"");
  EXPECT_EQ(shown(out.document.agent, "hostname"), "\"c\"");
  EXPECT_EQ(out.document.agent.name(), "[agent]");
  EXPECT_EQ(out.document.agent.find("hostname")->where.text(), "c:2:1");
  EXPECT_EQ(shown(out.document.buffer, "size"), "1");
  EXPECT_EQ(shown(out.document.status, "listen"), "\"x\"");
}

TEST(Loader, GlobalTagsMergeAndPluginsAccumulate) {
  const Loaded out =
      load({"[global_tags]\na = \"1\"\nb = \"1\"\n[[inputs.cpu]]\n[[inputs.mem]]\n[[inputs.cpu]]",
            "[global_tags]\nb = \"2\"\n[inputs.cpu]\n[[outputs.x]]\n[outputs.y]"});
  EXPECT_EQ(out.said(), "");
  EXPECT_EQ(shown(out.document.global_tags, "a"), "\"1\"");
  EXPECT_EQ(shown(out.document.global_tags, "b"), "\"2\"");
  std::vector<std::string> inputs;
  for (const PluginTable& plugin : out.document.inputs) {
    inputs.push_back(plugin.name + " " + plugin.where.text() + " " + plugin.table.name());
  }
  EXPECT_EQ(inputs,
            (std::vector<std::string>{"cpu a:4:10 [[inputs.cpu]]", "mem a:5:10 [[inputs.mem]]",
                                      "cpu a:6:10 [[inputs.cpu]]", "cpu b:3:9 [inputs.cpu]"}));
  ASSERT_EQ(out.document.outputs.size(), 2U);
  EXPECT_EQ(out.document.outputs[1].name, "y");
}

TEST(Loader, PluginsWithAnOldNameGetTheNewOne) {
  const Loaded out =
      load({"[[inputs.http_listener]]\n[inputs.http_listener.tags]\na = \"1\"\n"
            "[[plugins.http_listener]]\n",
            "[http_listener]\n"});
  EXPECT_EQ(out.said(),
            "a:1:10: warning: [[inputs.http_listener]] is an old name; write "
            "[[inputs.influxdb_listener]]\n"
            "a:4:11: warning: [[plugins.http_listener]] is an old name; write "
            "[[inputs.influxdb_listener]]\n"
            "b:1:2: warning: [http_listener] is an old name; write "
            "[[inputs.influxdb_listener]]\n");
  ASSERT_EQ(out.document.inputs.size(), 3U);
  for (const PluginTable& plugin : out.document.inputs) EXPECT_EQ(plugin.name, "influxdb_listener");
  EXPECT_NE(out.document.inputs[0].table.find("tags"), nullptr);
}

TEST(Loader, SubTablesBelongToTheirInstance) {
  const Loaded out =
      load({"[[inputs.cpu]]\n[inputs.cpu.tags]\na = \"1\"\n"
            "[[inputs.cpu]]\n[inputs.cpu.tags]\na = \"2\""});
  EXPECT_EQ(out.said(), "");
  ASSERT_EQ(out.document.inputs.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    const Table::Entry* tags = out.document.inputs[i].table.find("tags");
    ASSERT_NE(tags, nullptr);
    const auto table = std::get<std::shared_ptr<Table>>(tags->value.data);
    EXPECT_EQ(table->find("a")->value.shown(), i == 0 ? "\"1\"" : "\"2\"");
    EXPECT_EQ(table->name(), "[inputs.cpu.tags]");
  }
}

TEST(Loader, VariablesAreExpandedInValuesOnly) {
  const Loaded out =
      load({"# ${PORT:?in a comment}\n[[inputs.x]]\n"
            "a = \"${HOST}:${PORT}\"\nb = ['${HOST}', \"$HOST\"]\n"
            "c = { d = '''${WORDS}''' }\n\"${HOST}\" = 1\ne = 'a$$b'\n"
            "f = [${PORT}, ${ABSENT:-2.5}] # ${PORT}\ng = ${FLAG}"});
  EXPECT_EQ(out.said(), "");
  ASSERT_EQ(out.document.inputs.size(), 1U);
  const Table& table = out.document.inputs[0].table;
  EXPECT_EQ(shown(table, "a"), "\"db.example:8086\"");
  for (const Value& item : std::get<Value::Array>(table.find("b")->value.data)) {
    EXPECT_EQ(item.shown(), "\"db.example\"");
  }
  const auto inner = std::get<std::shared_ptr<Table>>(table.find("c")->value.data);
  EXPECT_EQ(shown(*inner, "d"), "\"words and more\"");
  EXPECT_EQ(shown(table, "${HOST}"), "1");
  EXPECT_EQ(shown(table, "e"), "\"a$b\"");
  const auto numbers = std::get<Value::Array>(table.find("f")->value.data);
  ASSERT_EQ(numbers.size(), 2U);
  EXPECT_EQ(numbers[0].shown(), "8086");
  EXPECT_EQ(numbers[1].shown(), "2.5");
  EXPECT_EQ(numbers[1].where.text(), "a:8:15");  // the column of the file, not of the value put in
  EXPECT_EQ(shown(table, "g"), "false");
}

TEST(Loader, VariablesCannotBringInConfiguration) {
  const Loaded out = load({"[agent]\na = ${INJECTION}\nb = '${INJECTION}'\nc = 1"});
  EXPECT_EQ(out.document.inputs.size(), 0U);
  EXPECT_EQ(out.document.agent.entries().size(), 3U);
  EXPECT_TRUE(out.document.agent.find("a")->value.invalid);
  EXPECT_EQ(shown(out.document.agent, "c"), "1");
}

TEST(Loader, MarksLineEndsAndByteOrderMarksDoNotMatter) {
  const Loaded out = load({"\xEF\xBB\xBF[agent]\r\ninterval = \"10s\"\r\n\r\nhostname = 5"});
  EXPECT_EQ(out.said(), "");
  EXPECT_EQ(out.document.agent.find("hostname")->value.where.text(), "a:4:12");
}

TEST(Loader, EmptyTextsAreEmptyDocuments) {
  for (const char* text : {"", "\n", "# only a comment", " \t", "\xEF\xBB\xBF"}) {
    const Loaded out = load({text});
    EXPECT_EQ(out.said(), "");
    EXPECT_TRUE(out.document.agent.entries().empty());
  }
}

TEST(Loader, WhatIsNoTextIsRefusedWhereItStops) {
  using namespace std::string_literals;
  EXPECT_EQ(load({"a\0b"s}).said(), "a:1:2: error: a NUL byte: this is not a text file\n");
  EXPECT_EQ(load({"# \x1b[1m"}).said(),
            "a:1:3: error: a control character (0x1B), expected text\n");
  EXPECT_EQ(load({"[agent]\r"}).said(),
            "a:1:8: error: a control character (0x0D), expected text\n");
  EXPECT_EQ(load({"#\n# \xE9t\xE9"}).said(),
            "a:2:3: error: byte 0xE9 is not UTF-8; the file must be UTF-8 text\n");
  for (const char* bad : {"\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF", "\xE2\x82",
                          "\xE0\x80\x80", "\x80"}) {
    const Loaded out = load({std::string("# ") + bad});
    EXPECT_NE(out.said().find("a:1:3: error: byte"), std::string::npos) << out.said();
  }
  EXPECT_EQ(load({"# \u00e9 \u20ac \U0001F600"}).said(), "");
}

TEST(Loader, ASyntaxErrorStopsItsFileOnly) {
  const Loaded out = load({"[agent\ninterval = 5", "[agent]\nhostname = \"b\""});
  EXPECT_EQ(out.said(),
            "a:1:7: error: found the end of the line, expected `]` at the end of the table "
            "header\n");
  EXPECT_EQ(shown(out.document.agent, "hostname"), "\"b\"");
  EXPECT_EQ(shown(out.document.agent, "interval"), "absent");
}

TEST_F(TemporaryFolder, FilesAreReadInTheOrderGiven) {
  const std::string z = write("z.toml", "[agent]\nhostname = \"z\"");
  const std::string a = write("a.toml", "[agent]\nhostname = \"a\"");
  Diagnostics diagnostics;
  const Document document = load_files({z, a}, example_environment(), diagnostics);
  EXPECT_EQ(report(diagnostics), "");
  EXPECT_EQ(shown(document.agent, "hostname"), "\"a\"");
}

TEST_F(TemporaryFolder, UnreadableFilesAreReportedWithTheReason) {
  const std::string good = write("good.toml", "[agent]\nhostname = \"a\"");
  fs::create_directory(path("folder"));
  Diagnostics diagnostics;
  const Document document =
      load_files({path("absent.toml"), path("folder"), good}, example_environment(), diagnostics);
  EXPECT_EQ(report(diagnostics), path("absent.toml") +
                                     ": error: cannot be opened: No such file or directory\n" +
                                     path("folder") + ": error: cannot be read: Is a directory\n");
  EXPECT_EQ(shown(document.agent, "hostname"), "\"a\"");
}

TEST_F(TemporaryFolder, HugeFilesAreRefused) {
  const std::string huge = write("huge.toml", std::string(kMaxFileBytes + 1, '#'));
  Diagnostics diagnostics;
  (void)load_files({huge}, example_environment(), diagnostics);
  EXPECT_EQ(report(diagnostics), huge + ": error: has more than 8MiB, which is no configuration\n");
}

}  // namespace
}  // namespace holdfast::config
