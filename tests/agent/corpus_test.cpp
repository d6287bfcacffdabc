// Configurations as people have them, tests/config/corpus/<name>.conf, and what becomes of each,
// <name>.txt beside it: every problem with its excerpt, and what would run. HOLDFAST_UPDATE_DOCS=1
// rewrites these. A file that begins with "#! skip-unsupported" is loaded with that flag.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "agent/loading.h"
#include "agent/migration_names.h"
#include "config/migration.h"
#include "config/units.h"
#include "tests/agent/agent_harness.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

const fs::path kCorpus = fs::path(HOLDFAST_SOURCE_DIR) / "tests/config/corpus";

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(kCorpus)) {
    if (entry.path().extension() == ".conf") out.push_back(entry.path().stem().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

config::Environment environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    static const std::map<std::string, std::string> variables{
        {"BATCH", "500"},
        {"DOCKER_INFLUXDB_INIT_ADMIN_TOKEN", "hunter2"},
        {"INFLUX_DB", "words"},
        {"INFLUX_PASSWORD", "hunter2"},
        {"INFLUX_TOKEN", "hunter2"},
        {"INFLUX_URL", "http://influx.example.net:8086"},
        {"INFLUX_USER", "agent"},
        {"INTERVAL", "20s"},
        {"NODE_NAME", "node-7"},
        {"OMIT_HOST", "true"},
        {"RACK", "b3"},
        {"SKIP_CREATE", "true"},
        {"VAN", "12"},
    };
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

struct Loaded {
  base::SystemClock clock;
  inputs::HostFs host{inputs::HostRoots{}};
  config::Diagnostics diagnostics;
  agent::Configuration configuration;

  explicit Loaded(const std::string& text) {
    config::Document document;
    diagnostics.skip_unsupported(text.starts_with("#! skip-unsupported\n"));
    config::load_text(text, "t.conf", environment(), diagnostics, document);
    configuration = agent::configure(document, {host, clock, base::Logger()}, diagnostics);
    agent::check_required(configuration, {}, diagnostics);
  }

  [[nodiscard]] std::ptrdiff_t errors() const {
    const auto items = diagnostics.sorted();
    return std::count_if(items.begin(), items.end(), [](const config::Diagnostic& item) {
      return item.severity == config::Severity::kError;
    });
  }

  [[nodiscard]] std::string problems() const {
    std::string out;
    for (const auto& item : diagnostics.sorted()) {
      out += item.text() + "\n" + diagnostics.excerpt(item);
    }
    return out;
  }
};

std::string seconds(base::Duration duration) { return base::format_duration(duration); }

std::string shown(const agent::ConfiguredInput& input, const agent::Configuration& whole) {
  std::string out = input.display;
  out += input.service() != nullptr ? " listening" : " every " + seconds(input.interval);
  if (input.jitter > base::Duration()) out += ", jitter " + seconds(input.jitter);
  if (input.offset > base::Duration()) out += ", offset " + seconds(input.offset);
  if (!input.rules.names.replacement.empty()) out += ", name " + input.rules.names.replacement;
  if (!input.rules.names.prefix.empty()) out += ", prefix " + input.rules.names.prefix;
  if (!input.rules.names.suffix.empty()) out += ", suffix " + input.rules.names.suffix;
  out += ", rounded to " + seconds(input.rules.precision);
  for (const auto& tag : input.rules.extra_tags) {
    const bool is_global = std::find(whole.global_tags.begin(), whole.global_tags.end(), tag) !=
                           whole.global_tags.end();
    if (!is_global) out += fmt::format(", {}={}", tag.first, tag.second);
  }
  return out + "\n";
}

std::string shown(const agent::ConfiguredOutput& output) {
  const auto& worker = output.worker;
  const auto batch = worker.metric_batch_size > 0 ? worker.metric_batch_size : 5000;
  // The reader of an output without an alias is named by a hash; its own tests say which.
  const bool has_alias = output.display.find("::") != std::string::npos;
  return fmt::format(
      "{} to {}, flush every {}{}, batches of {}{}\n", output.display, output.output->destination(),
      seconds(worker.flush_interval),
      worker.flush_jitter > base::Duration() ? " + " + seconds(worker.flush_jitter) : "", batch,
      has_alias ? ", reader " + output.reader_id : "");
}

// What would run, in a form that is the same on every machine.
std::string shown(const agent::Configuration& whole) {
  std::string out = "tags:";
  for (const auto& [key, value] : whole.global_tags) {
    const bool of_machine = key == "host" && whole.agent.hostname.empty();
    out += fmt::format(" {}={}", key, of_machine ? "(this machine)" : value);
  }
  out += "\n";
  for (const auto& input : whole.inputs) out += shown(input, whole);
  for (const auto& output : whole.outputs) out += shown(output);
  return out + fmt::format("ring of {}, {}, sync {} {}\n",
                           config::format_bytes(whole.buffer.size.count), whole.buffer.mode,
                           whole.buffer.sync, seconds(whole.buffer.sync_interval));
}

std::string outcome(const std::string& text) {
  const Loaded loaded(text);
  std::string out = loaded.problems();
  if (!loaded.diagnostics.has_errors()) out += shown(loaded.configuration);
  return out;
}

class Corpus : public testing::TestWithParam<std::string> {};

TEST_P(Corpus, BecomesWhatStandsBesideIt) {
  const std::string text = read(kCorpus / (GetParam() + ".conf"));
  const fs::path expected = kCorpus / (GetParam() + ".txt");
  const std::string found = outcome(text);
  EXPECT_THAT(found, Not(HasSubstr("hunter"))) << "a secret";
  if (std::getenv("HOLDFAST_UPDATE_DOCS") != nullptr) {
    std::ofstream(expected, std::ios::binary) << found;
  } else {
    EXPECT_EQ(found, read(expected)) << "run this test with HOLDFAST_UPDATE_DOCS=1";
  }
}

// Migrated once, a file has no more to migrate, warns of no old name alone, has no more errors than
// before and, if there were none, does what it did.
TEST_P(Corpus, MeansTheSameWhenItIsMigrated) {
  const std::string text = read(kCorpus / (GetParam() + ".conf"));
  const auto file = std::make_shared<const std::string>("t.conf");
  const auto made = config::migrate(text, file, agent::current_option_name);
  if (!made) {
    EXPECT_TRUE(Loaded(text).diagnostics.has_errors());
    return;
  }
  if (made->changes.empty()) {
    EXPECT_EQ(made->text, text);
    return;
  }
  const Loaded before(text);
  const Loaded after(made->text);
  EXPECT_THAT(after.problems(), Not(HasSubstr("is an old name;")));
  EXPECT_LE(after.errors(), before.errors()) << after.problems();
  if (before.errors() == 0) {
    EXPECT_EQ(shown(after.configuration), shown(before.configuration));
  }
  EXPECT_EQ(config::migrate(made->text, file, agent::current_option_name)->text, made->text);
}

INSTANTIATE_TEST_SUITE_P(Files, Corpus, testing::ValuesIn(names()),
                         [](const auto& file) { return file.param; });

TEST(CorpusFolder, HoldsTheFiles) { EXPECT_GE(names().size(), 60U); }

}  // namespace
}  // namespace holdfast::test
