#include "config/sample.h"

#include <chrono>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "config/loader.h"
#include "tests/config/example_options.h"

namespace holdfast::config {
namespace {

struct Options {
  StringList urls{"http://localhost:8086"};
  std::string password = "default-that-is-secret";
  std::string sync = "interval";
  base::Duration period = std::chrono::seconds(90);
  Bytes size{1ULL << 20};
  std::int64_t limit = 5;
  StringMap tags;
};

std::vector<OptionInfo> options() {
  return Schema<Options>{}
      .option("urls", &Options::urls, "Servers to send to", {.required = true})
      .option("password", &Options::password, "For the login.", {.secret = true})
      .option("sync", &Options::sync, "When to sync: a|b.", {.choices = {"interval", "never"}})
      .option("period", &Options::period, "How often.",
              {.min = 1, .max = 3600, .old_names = {"every"}})
      .option("size", &Options::size, "How much.", {.min = 4096})
      .option("limit", &Options::limit, "Unused.", {.no_effect = "the ring is bounded in bytes"})
      .option("tags", &Options::tags, "More tags.")
      .describe();
}

TEST(Sample, ExplainsEveryOptionAndShowsItsDefault) {
  EXPECT_EQ(sample_section("[[outputs.x]]", "Sends points.", options()), R"(# Sends points.
[[outputs.x]]
  ## Servers to send to. Required.
  urls = ["http://localhost:8086"]

  ## For the login.
  # password = ""

  ## When to sync: a|b. One of "interval", "never".
  # sync = "interval"

  ## How often. From 1s to 1h.
  # period = "1m30s"

  ## How much. At least 4KiB.
  # size = "1MiB"

  ## More tags.
  # tags = {}
)");
}

TEST(Sample, WrapsLongHelp) {
  struct One {
    bool flag = false;
  };
  std::string help;
  for (int i = 0; i < 40; ++i) help += "word ";
  help += "end.\nA new line.";
  const auto infos = Schema<One>{}.option("flag", &One::flag, help).describe();
  const std::string sample = sample_options(infos, "  ");
  std::size_t lines = 0;
  for (std::size_t at = 0; at < sample.size();) {
    const std::size_t end = sample.find('\n', at);
    ASSERT_NE(end, std::string::npos);
    EXPECT_LE(end - at, 90U);
    EXPECT_EQ(sample.substr(at, 3), "  #");
    at = end + 1;
    ++lines;
  }
  EXPECT_EQ(lines, 5U);  // three of words, the new line, the default
  EXPECT_NE(sample.find("  ## A new line.\n"), std::string::npos);
}

// What the sample shows is what the parser accepts, with and without the comment marks.
TEST(Sample, LoadsWithoutDiagnostics) {
  std::string text = sample_section("[agent]", "All inputs.", test::agent_schema().describe()) +
                     sample_section("[buffer]", "The ring.", test::buffer_schema().describe()) +
                     sample_section("[[inputs.cpu]]", "CPU.", test::input_schema().describe()) +
                     sample_section("[[outputs.influxdb]]", "", test::output_schema().describe());
  for (const bool uncommented : {false, true}) {
    for (std::size_t at = 0; uncommented && (at = text.find("  # ", at)) != text.npos; ++at) {
      text.replace(at, 4, "    ");
    }
    Diagnostics diagnostics;
    Document document;
    load_text(text, "sample.toml", test::example_environment(), diagnostics, document);
    test::check_document(document, diagnostics);
    EXPECT_EQ(test::report(diagnostics), "") << text;
    EXPECT_EQ(document.agent.entries().size(), uncommented ? 7U : 0U);
    EXPECT_EQ(document.inputs.size(), 1U);
  }
}

TEST(MarkdownTable, HasARowForEveryOption) {
  EXPECT_EQ(markdown_table(options()), R"(| option | type | default | meaning |
| --- | --- | --- | --- |
| `urls` | list of strings | `["http://localhost:8086"]` | Servers to send to. Required. |
| `password` | string | `""` | For the login. |
| `sync` | string | `"interval"` | When to sync: a\|b. One of "interval", "never". |
| `period` | duration | `"1m30s"` | How often. From 1s to 1h. Old name: `every`. |
| `size` | size | `"1MiB"` | How much. At least 4KiB. |
| `limit` | integer | `5` | Unused. Accepted without effect: the ring is bounded in bytes. |
| `tags` | table of strings | `{}` | More tags. |
)");
}

TEST(FillMarkers, ReplacesWhatStandsBetween) {
  const std::string text =
      "a\n<!-- options:agent -->\nold\nrows\n<!-- /options -->\nb\n"
      "<!-- options:buffer -->\n<!-- /options -->\n";
  const std::string once = fill_markers(text, "agent", "| new |\n");
  EXPECT_EQ(once,
            "a\n<!-- options:agent -->\n| new |\n<!-- /options -->\nb\n"
            "<!-- options:buffer -->\n<!-- /options -->\n");
  EXPECT_EQ(fill_markers(once, "agent", "| new |"), once);
  EXPECT_EQ(fill_markers(text, "buffer", "x"),
            "a\n<!-- options:agent -->\nold\nrows\n<!-- /options -->\nb\n"
            "<!-- options:buffer -->\nx\n<!-- /options -->\n");
  EXPECT_EQ(fill_markers(text, "status", "x"), text);
  EXPECT_EQ(fill_markers("<!-- options:a -->\nno end", "a", "x"), "<!-- options:a -->\nno end");
}

TEST(FillMarkers, TheReadmeOfTheFolderHasItsMarkers) {
  std::ifstream file(std::string(HOLDFAST_SOURCE_DIR) + "/config/README.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  for (const char* name : {"agent", "buffer", "status"}) {
    EXPECT_NE(fill_markers(text, name, "| a row that is not there |"), text) << name;
  }
}

}  // namespace
}  // namespace holdfast::config
