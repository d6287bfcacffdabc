#include "agent/completion.h"

#include <gmock/gmock.h>

namespace holdfast::test {
namespace {

using testing::HasSubstr;

agent::CommandTree program() {
  return {"prog",
          "a program",
          {{"--config", "File's name", true}, {"--debug", "More", false}},
          {{"run", "Go on", {}, {}},
           {"buffer",
            "Rings",
            {},
            {{"info", "Look", {{"--debug", "More", false}, {"--json", "As JSON", false}}, {}}}}}};
}

TEST(Completion, BashOffersCommandsAndOptionsOfEachPlace) {
  const std::string script = agent::bash_completion(program());
  EXPECT_THAT(script, HasSubstr("\" run\"|\" buffer\"|\" buffer info\") place="));
  EXPECT_THAT(script, HasSubstr("\"\") words=\"run buffer --config --debug\" ;;\n"));
  EXPECT_THAT(script, HasSubstr("\" buffer info\") words=\"--config --debug --json\" ;;\n"));
  EXPECT_THAT(script, HasSubstr("    --config) return ;;\n"));
  EXPECT_THAT(script, HasSubstr("complete -o default -F _prog prog\n"));
}

TEST(Completion, ZshOffersThemWithTheirHelp) {
  const std::string script = agent::zsh_completion(program());
  EXPECT_EQ(script.rfind("#compdef prog\n", 0), 0U);
  EXPECT_THAT(script, HasSubstr("'buffer:Rings'\n"));
  EXPECT_THAT(script, HasSubstr("'--config:File'\\''s name'\n"));
  EXPECT_THAT(script, HasSubstr("(--config) _files; return ;;\n"));
}

}  // namespace
}  // namespace holdfast::test
