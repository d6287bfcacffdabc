// crash --states N [--seed S] [--lying] [--trace]: enumerates what a crash may leave of a ring
// file. The work is done in a child, so that a ring that aborts is a violation like any other, with
// its place.
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>
#include <string_view>
#include <vector>

#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/enumerator.h"

namespace {

using holdfast::crash::Enumerator;
using holdfast::crash::Place;
using holdfast::crash::Report;
using holdfast::crash::Settings;

constexpr int kFailed = 1;
constexpr int kUsage = 2;

bool parse_number(std::string_view text, std::uint64_t& number) {
  const auto end = text.data() + text.size();
  return std::from_chars(text.data(), end, number).ptr == end && !text.empty();
}

bool parse(const std::vector<std::string_view>& words, Settings& settings) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool more = i + 1 < words.size();
    if (words[i] == "--lying") {
      settings.lying = true;
    } else if (words[i] == "--trace") {
      settings.trace = true;
    } else if (words[i] == "--states" && more) {
      if (!parse_number(words[++i], settings.states)) return false;
    } else if (words[i] == "--seed" && more) {
      if (!parse_number(words[++i], settings.seed)) return false;
    } else {
      return false;
    }
  }
  return true;
}

void print(const Report& report, const Settings& settings, double seconds) {
  fmt::print(
      "{} states in {:.1f} s: {} kills, {} power cuts, {} on level 2 (from {} rings that "
      "went on)\n",
      report.states, seconds, report.kills, report.power_cuts, report.second_level,
      report.second_workloads);
  fmt::print(
      "recovery met: {} full scans, {} with holes, {} with ghosts, {} with points lost; {} "
      "without promise (sync = never)\n",
      report.full_scans, report.holes, report.ghosts, report.with_loss, report.lenient);
  fmt::print(
      "the ring met: {} with blocks in memory, {} after refusals, {} after a failed sync, {} after "
      "healing, {} after spilling\n",
      report.held, report.refused, report.failed_syncs, report.healed, report.spilled);
  fmt::print("readers met: {} with a backlog set apart, {} after points expired\n", report.apart,
             report.expired);
  fmt::print("seeds {} to {}; violations: {}\n", settings.seed, settings.seed + report.seeds - 1,
             report.violations.size());
}

int enumerate(const Settings& settings, Place& place) {
  const auto start = std::chrono::steady_clock::now();
  Enumerator enumerator(settings, place);
  const Report& report = enumerator.run();
  const std::chrono::duration<double> used = std::chrono::steady_clock::now() - start;
  print(report, settings, used.count());
  return report.violations.empty() ? 0 : kFailed;
}

void print_death(int signal, const Place& place) {
  fmt::print(
      "VIOLATION: died of signal {} ({}): seed {}, level {}, cut after operation {}, state {}",
      signal, sigabbrev_np(signal), place.seed, place.level, place.cut[0], place.state[0]);
  if (place.level == 2) {
    fmt::print("; level 2: after operation {}, state {}", place.cut[1], place.state[1]);
  }
  fmt::print("\nviolations: 1\n");
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  if (!parse({argv + 1, argv + argc}, settings)) {
    fmt::print(stderr, "usage: crash [--states N] [--seed S] [--lying] [--trace]\n");
    return kUsage;
  }
  void* shared =
      mmap(nullptr, sizeof(Place), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) {
    std::perror("crash: mmap");
    return kFailed;
  }
  auto& place = *new (shared) Place;
  const pid_t child = fork();
  if (child < 0) {
    std::perror("crash: fork");
    return kFailed;
  }
  if (child == 0) {
    settings.on_violation = [](const std::string& text) {
      fmt::print("VIOLATION: {}\n", text);
      (void)std::fflush(stdout);
    };
    return enumerate(settings, place);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child) {
    std::perror("crash: waitpid");
    return kFailed;
  }
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  print_death(WTERMSIG(status), place);
  return kFailed;
}
