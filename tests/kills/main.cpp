// kills --kills N [--seed S] [--mode durable|spill] [--sync interval|always|never] [--scarce]:
// kills a real agent under load again and again, and counts.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "tests/kills/trial.h"

namespace {

using holdfast::kills::Account;
using holdfast::kills::Phase;
using holdfast::kills::Report;
using holdfast::kills::Room;
using holdfast::kills::Settings;
using holdfast::kills::Trial;

constexpr int kFailed = 1;
constexpr int kUsage = 2;

bool parse_number(std::string_view text, std::uint64_t& number) {
  const auto end = text.data() + text.size();
  return std::from_chars(text.data(), end, number).ptr == end && !text.empty();
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool parse(const std::vector<std::string_view>& words, Settings& settings) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--scarce") {
      settings.room = Room::kScarce;
      continue;
    }
    if (i + 1 == words.size()) return false;
    const std::string_view option = words[i];
    const std::string_view value = words[++i];
    if (option == "--kills") {
      if (!parse_number(value, settings.kills)) return false;
    } else if (option == "--seed") {
      if (!parse_number(value, settings.seed)) return false;
    } else if (option == "--mode" && is_one_of(value, {"durable", "spill"})) {
      settings.mode = value;
    } else if (option == "--sync" && is_one_of(value, {"interval", "always", "never"})) {
      settings.sync = value;
    } else {
      return false;
    }
  }
  return true;
}

void print_moments(const Report& report) {
  fmt::print("{:<12} {:>7} {:>7} {:>7} {:>9} {:>7}\n", "killed in", "before", "half", "after",
             "any time", "sum");
  for (const auto& [doing, counts] : report.moments) {
    const auto of = [&](Phase phase) { return counts[static_cast<std::size_t>(phase)]; };
    fmt::print("{:<12} {:>7} {:>7} {:>7} {:>9} {:>7}\n", doing, of(Phase::kBefore),
               of(Phase::kHalf), of(Phase::kAfter), of(Phase::kNone),
               counts[0] + counts[1] + counts[2] + counts[3]);
  }
}

void print_account(const Account& account, const Report& report) {
  const auto& ledger = account.ledger;
  const auto& doubtful = account.doubtful;
  fmt::print("output {}\n", account.reader);
  fmt::print("  ledger      accepted {} = delivered {} + overflow {} + corrupt {} + buffered {}\n",
             ledger.accepted, ledger.delivered, ledger.overflow, ledger.corrupt, ledger.buffered);
  fmt::print("  server      {} stored, {} distinct ({} of them gathered), {} requests failed\n",
             account.stored, account.distinct, account.gathered, account.failed_requests);
  fmt::print("  lost        {} of {} points answered 204\n", account.missing,
             report.points_acknowledged);
  fmt::print(
      "  duplicates  {}; possible {}: {} in {} batches in flight at a kill, {} in {} requests with "
      "the answer lost, {} acknowledged in a slot that was torn\n",
      account.repeats, doubtful.points(), doubtful.in_flight_points, doubtful.in_flight_batches,
      doubtful.lost_answer_points, doubtful.lost_answers, doubtful.torn_slot_points);
}

void print(const Report& report, const Settings& settings, double seconds) {
  fmt::print("{} kills in {:.1f} s, mode {}, sync {}, ring of {} MiB ({}), seed {}\n", report.kills,
             seconds, settings.mode, settings.sync, report.ring_bytes >> 20U,
             settings.room == Room::kEnough ? "enough" : "too small", settings.seed);
  print_moments(report);
  fmt::print(
      "{} posts of {} points: {} of {} points answered 204, {} without an answer; the ring went "
      "round {:.1f} times\n",
      report.posts, report.points_posted, report.posts_acknowledged, report.points_acknowledged,
      report.posts_unanswered,
      static_cast<double>(report.bytes_appended) / static_cast<double>(report.ring_bytes));
  fmt::print("blocks cut by a kill held up to {} points, none of them answered 204\n",
             report.torn_points);
  for (const Account& account : report.accounts) print_account(account, report);
  for (const std::string& violation : report.violations) fmt::print("VIOLATION: {}\n", violation);
  fmt::print("violations: {}\n", report.violations.size());
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  if (!parse({argv + 1, argv + argc}, settings)) {
    fmt::print(stderr,
               "usage: kills [--kills N] [--seed S] [--mode durable|spill] [--sync "
               "interval|always|never] [--scarce]\n");
    return kUsage;
  }
  const auto start = std::chrono::steady_clock::now();
  Trial trial(settings);
  const Report& report = trial.run();
  const std::chrono::duration<double> used = std::chrono::steady_clock::now() - start;
  print(report, settings, used.count());
  return report.violations.empty() ? 0 : kFailed;
}
