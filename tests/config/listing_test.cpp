// What is shown of the file below a message, and what never is.
#include "config/listing.h"

#include <gmock/gmock.h>

#include "tests/config/example_options.h"

namespace holdfast::config::test {
namespace {

using testing::HasSubstr;

// Each message's excerpt; "-" for those that have none.
std::vector<std::string> excerpts(const std::string& text) {
  Diagnostics diagnostics;
  Document document;
  load_text(text, "t.toml", example_environment(), diagnostics, document);
  check_document(document, diagnostics);
  std::vector<std::string> out;
  for (const Diagnostic& item : diagnostics.sorted()) {
    const std::string excerpt = diagnostics.excerpt(item);
    out.push_back(excerpt.empty() ? "-" : excerpt);
  }
  return out;
}

using Shown = std::vector<std::string>;

TEST(Listing, AValueIsShownWithItsLine) {
  EXPECT_EQ(excerpts("[agent]\n  interval = \"10 parsecs\"  # why\n"),
            Shown{"  interval = \"10 parsecs\"\n             ^~~~~~~~~~~~\n"});
  EXPECT_EQ(excerpts("[[inputs.cpu]]\n\tpercpu = 5\n"), Shown{"\tpercpu = 5\n\t         ^\n"});
  EXPECT_EQ(excerpts("[agent]\ninterval = [1, 2]\n"),
            Shown{"interval = [1, 2]\n           ^~~~~~\n"});
}

TEST(Listing, AnElementIsMarkedAlone) {
  EXPECT_EQ(excerpts("[[inputs.mem]]\nnamepass = [\"cpu\", 5]\n"),
            Shown{"namepass = [\"cpu\", 5]\n                   ^\n"});
  EXPECT_EQ(excerpts("[[inputs.mem]]\nnamepass = [\n  \"cpx\", # old\n  \"mem\"]\n"),
            Shown{"  \"cpx\"...\n  ^~~~~\n"});
}

TEST(Listing, ColumnsAreCharacters) {
  EXPECT_EQ(excerpts("[[inputs.cpu]]\ntags = { \"größe\" = 5 }\n"),
            Shown{"tags = { \"größe\" = 5 }\n                   ^\n"});
}

TEST(Listing, OfAnUnknownOptionOnlyTheNameIsShown) {
  EXPECT_EQ(excerpts("[[outputs.influxdb]]\nurls = []\npasswort = \"hunter\"\n"),
            Shown{"passwort = ...\n^~~~~~~~\n"});
  EXPECT_EQ(excerpts("[agent]\ninterval.hunter.x = 1\n").size(), 1U);
}

TEST(Listing, AHeaderIsShownWithoutItsComment) {
  EXPECT_EQ(excerpts("[[inputs.cpuu]] # hunter\n"), Shown{"[[inputs.cpuu]]\n         ^~~~\n"});
  EXPECT_EQ(excerpts("[[outputs.influxdb]]\n"),
            Shown{"[[outputs.influxdb]]\n^~~~~~~~~~~~~~~~~~~~\n"});  // `urls` is missing
  EXPECT_EQ(excerpts("[agnet]\r\n"), Shown{"[agnet]\n ^~~~~\n"});
}

TEST(Listing, AfterASyntaxErrorOnlyTheNamesBeforeItAreShown) {
  EXPECT_EQ(excerpts("[agent\n"), Shown{"[agent\n      ^\n"});
  EXPECT_EQ(excerpts("[agent]\nhostname = hunter\n"), Shown{"hostname = ...\n           ^~~\n"});
  EXPECT_EQ(excerpts("[agent]\nhostname \"hunter\"\n"), Shown{"hostname ...\n         ^~~\n"});
  EXPECT_EQ(excerpts("[agent]\nx = [\"hunter\", hunter]\n"), Shown{"-"});
  EXPECT_EQ(excerpts("[agent]\nurls = [hunter]\n"), Shown{"urls = [...\n        ^~~\n"});
  EXPECT_EQ(excerpts("{hunter}\n"), Shown{"-"});
  EXPECT_EQ(excerpts("[agent] hunter\n"), Shown{"[agent] ...\n        ^~~\n"});
}

TEST(Listing, ASecretIsNeverShown) {
  const std::string output = "[[outputs.influxdb]]\nurls = []\n";
  for (const char* line :
       {"password = [\"hunter\"]", "token = { value = \"hunter\" }", "auth = \"hunter\"",
        "password = hunter", "pass_word = hunter", "database = [\"http://me:hunter@host\"]",
        "timeout = \"my token hunter\"", "timeout = { password = \"hunter\" }",
        "timeout = \"\"\"\n hunter\"\"\"", "password = \"\"\"\nhunter"}) {
    for (const std::string& shown : excerpts(output + line + "\n")) {
      EXPECT_THAT(shown, testing::Not(HasSubstr("hunter"))) << line;
    }
  }
}

TEST(Listing, LongLinesAndPlacesOutsideAreNotShown) {
  const std::string longer = "[agent]\ninterval = \"" + std::string(300, 'x') + "\"\n";
  EXPECT_EQ(excerpts(longer), Shown{"-"});
  const auto file = std::make_shared<const std::string>("t.toml");
  const Listing listing(SourceText(file, "[agent]\n"), *make_outline("[agent]\n"));
  EXPECT_EQ(listing.excerpt({file, 9, 1}, true), "");
  EXPECT_EQ(listing.excerpt({file, 1, 90}, true), "");
  EXPECT_EQ(listing.excerpt({file, 0, 0}, true), "");
}

}  // namespace
}  // namespace holdfast::config::test
