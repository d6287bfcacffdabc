// Cases of inputs: folders below fixtures/inputs/<plugin>/<case>. Of captured hosts, and how to
// gather from them:
//
//   proc/ sys/ etc/ run/ var/ dev/   the files of the host; proc.2/ is /proc at the second gather
//   statfs.txt        <block size> <blocks> <free> <available> <files> <free files> <mount point>
//   environment.txt   HOST_... variables that matter besides the roots
//   options.toml      the input's table
//   expected.lp       the lines of all gathers, fields sorted, unsigned fields as `u`
//   expected_error.txt  one line an error that must be reported, with a part of its text
//
// And of what other programs write, which fed_golden_test.cpp hands to the input:
//
//   input             its bytes
//   options.toml      as above; `{input}` is the path of those bytes, where the input reads them
//                     itself, `{address}` what it listens on to be sent them
//   expected.lp, expected_error.txt  as above
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "agent/line/lines.h"
#include "inputs/input.h"

namespace holdfast::test {

struct Case {
  std::string plugin;
  std::string name;
  std::filesystem::path folder;
};

// All cases of each kind, sorted.
[[nodiscard]] std::vector<Case> host_cases();
[[nodiscard]] std::vector<Case> fed_cases();
// For the names of parametrized tests.
[[nodiscard]] std::string name_of(const testing::TestParamInfo<Case>& info);

// The whole content; empty when there is no such file.
[[nodiscard]] std::string read_text(const std::filesystem::path& file);

class CaseHost final : public inputs::HostFs {
 public:
  explicit CaseHost(const std::filesystem::path& folder);

  // Which sample of /proc is read, from 1. Where a sample has no folder, the first one stands.
  void set_sample(int sample) { sample_ = sample; }
  [[nodiscard]] int samples() const;
  // Called with each file that is read, to damage its text.
  void set_damage(std::function<void(const std::string& path, std::string& text)> damage) {
    damage_ = std::move(damage);
  }

  [[nodiscard]] base::Result<inputs::FsUsage> usage(const std::string& mount_point) const override;

 protected:
  [[nodiscard]] base::Result<std::string> read_file(const std::string& path) const override;

 private:
  std::filesystem::path folder_;
  int sample_ = 1;
  std::function<void(const std::string&, std::string&)> damage_;
  std::map<std::string, inputs::FsUsage> usages_;
};

struct Outcome {
  std::string lines;                // of all gathers
  std::uint64_t points = 0;         // as counted by the accumulators
  std::vector<std::string> errors;  // of the configuration, of gathers and of their parts
};

// Makes an input from its table as TOML; null, with the reasons in `errors`, when that fails.
[[nodiscard]] std::unique_ptr<inputs::Input> make_input(const std::string& plugin,
                                                        const std::string& toml,
                                                        const inputs::HostFs& host,
                                                        const base::Clock& clock,
                                                        std::vector<std::string>& errors);

// Gathers once and adds what came of it to `outcome`; the kinds of the errors are returned.
std::vector<base::ErrorCode> gather_once(inputs::Input& input, const base::Clock& clock,
                                         Outcome& outcome);

// Makes the plugin from options.toml and gathers once a sample, ten seconds apart.
[[nodiscard]] Outcome gather_all(const Case& one, CaseHost& host);

// The lines of an accumulator as one text.
[[nodiscard]] std::string text_of(std::vector<line::LineChunk> chunks);

}  // namespace holdfast::test
