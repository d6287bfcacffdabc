// Lists the captured hosts and gathers from them.
#include "cases.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

#include "config/loader.h"
#include "inputs/registry.h"
#include "tests/support/fake_clock.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> no_variable(const std::string&) { return std::nullopt; }

inputs::HostRoots roots_of(const fs::path& folder) {
  std::map<std::string, std::string> variables;
  std::istringstream text(read_text(folder / "environment.txt"));
  for (std::string line; std::getline(text, line);) {
    const auto equals = line.find('=');
    variables[line.substr(0, equals)] = line.substr(equals + 1);
  }
  auto roots = inputs::roots_from([&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  });
  roots.proc = folder / "proc";
  roots.sys = folder / "sys";
  roots.etc = folder / "etc";
  roots.var = folder / "var";
  roots.run = folder / "run";
  roots.dev = folder / "dev";
  return roots;
}

std::vector<Case> cases_with_input(bool wanted) {
  std::vector<Case> cases;
  for (const auto& plugin : fs::directory_iterator(fs::path(HOLDFAST_FIXTURES) / "inputs")) {
    for (const auto& one : fs::directory_iterator(plugin.path())) {
      if (fs::exists(one.path() / "input") != wanted) continue;
      cases.push_back({plugin.path().filename(), one.path().filename(), one.path()});
    }
  }
  std::sort(cases.begin(), cases.end(),
            [](const Case& a, const Case& b) { return a.folder < b.folder; });
  return cases;
}

}  // namespace

std::vector<Case> host_cases() { return cases_with_input(false); }
std::vector<Case> fed_cases() { return cases_with_input(true); }

std::string name_of(const testing::TestParamInfo<Case>& info) {
  return info.param.plugin + "_" + info.param.name;
}

std::string read_text(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

CaseHost::CaseHost(const fs::path& folder) : HostFs(roots_of(folder)), folder_(folder) {
  std::istringstream text(read_text(folder / "statfs.txt"));
  inputs::FsUsage usage;
  std::string path;
  while (text >> usage.block_size >> usage.blocks >> usage.blocks_free >> usage.blocks_available >>
             usage.files >> usage.files_free >> std::ws &&
         std::getline(text, path)) {
    usages_[path] = usage;
  }
}

int CaseHost::samples() const {
  int count = 1;
  while (fs::exists(folder_ / ("proc." + std::to_string(count + 1)))) ++count;
  return count;
}

base::Result<inputs::FsUsage> CaseHost::usage(const std::string& mount_point) const {
  const auto found = usages_.find(mount_point);
  if (found == usages_.end()) return base::fail_errno("statfs " + mount_point, ENOENT);
  return found->second;
}

base::Result<std::string> CaseHost::read_file(const std::string& path) const {
  const std::string first = (folder_ / "proc").string() + "/";
  std::string place = path;
  if (sample_ > 1 && path.starts_with(first)) {
    place =
        (folder_ / ("proc." + std::to_string(sample_))).string() + "/" + path.substr(first.size());
  }
  auto text = HostFs::read_file(place);
  if (text && damage_) damage_(path, *text);
  return text;
}

std::string text_of(std::vector<line::LineChunk> chunks) {
  std::string all;
  for (const auto& chunk : chunks) all += chunk.bytes;
  return all;
}

std::unique_ptr<inputs::Input> make_input(const std::string& plugin, const std::string& toml,
                                          const inputs::HostFs& host, const base::Clock& clock,
                                          std::vector<std::string>& errors) {
  config::Diagnostics diagnostics;
  config::Document document;
  config::load_text(toml, "options.toml", no_variable, diagnostics, document);
  const auto* entry = inputs::find_input(plugin);
  if (entry == nullptr || document.inputs.size() != 1) {
    errors.push_back("expected one table [[inputs." + plugin + "]]");
    return nullptr;
  }
  auto& table = document.inputs.front().table;
  auto input = entry->create(table, diagnostics, {host, clock, base::Logger{}});
  table.report_unused(diagnostics, {});
  if (!diagnostics.has_errors()) return input;
  for (const auto& problem : diagnostics.sorted()) {
    if (problem.severity == config::Severity::kError) errors.push_back(problem.text());
  }
  return nullptr;
}

std::vector<base::ErrorCode> gather_once(inputs::Input& input, const base::Clock& clock,
                                         Outcome& outcome) {
  inputs::PointRules rules;
  rules.encode = {.uint_support = true, .sort_fields = true};
  inputs::InputCounters counters;
  inputs::Accumulator out(rules, {}, clock.wall_ns(), counters);
  const auto status = input.gather(out);
  std::vector<base::Error> errors = out.errors();
  if (!status) errors.insert(errors.begin(), status.error());
  std::vector<base::ErrorCode> codes;
  for (const auto& error : errors) {
    codes.push_back(error.code);
    outcome.errors.push_back(error.message);
  }
  outcome.points += out.points();
  outcome.lines += text_of(out.take());
  return codes;
}

Outcome gather_all(const Case& one, CaseHost& host) {
  Outcome outcome;
  FakeClock clock;
  const auto input =
      make_input(one.plugin, read_text(one.folder / "options.toml"), host, clock, outcome.errors);
  for (int sample = 1; input != nullptr && sample <= host.samples(); ++sample) {
    host.set_sample(sample);
    gather_once(*input, clock, outcome);
    clock.advance(std::chrono::seconds(10));
  }
  return outcome;
}

}  // namespace holdfast::test
