// The end of a trial: everything drains, and is counted.
#include <csignal>
#include <optional>

#include <fmt/core.h>

#include "tests/kills/trial.h"
#include "tests/support/eventually.h"

namespace holdfast::kills {
namespace {

using test::RingState;

constexpr std::uint64_t kFewPoints = 200;  // the last flush sends them
constexpr auto kDrains = std::chrono::seconds(120);

}  // namespace

// One more agent, which nobody kills.
void Trial::drain() {
  for (Delivery& delivery : deliveries_) {
    delivery.calm();
    delivery.server().drop_connections();
  }
  const auto agent = start({});
  if (!agent->wait_ready()) return violation("the last agent does not start\n" + agent->log());
  ring_made_ = true;
  const bool drained = test::eventually(
      [this] {
        const RingState ring = ring_state();
        for (const auto& [name, ledger] : ring.readers) {
          if (ledger.buffered > kFewPoints) return false;
        }
        return ring.readable;
      },
      kDrains);
  if (!drained) violation("the ring does not drain\n" + agent->log());
  agent->signal(SIGTERM);
  const std::optional<test::Ended> ended = agent->wait();
  if (!ended || ended->status != 0) violation("the last agent does not stop\n" + agent->log());
  report_.bytes_appended += page_->bytes_appended;
  inquire({});
}

void Trial::settle_accounts() {
  const std::vector<Post> posts = load_->posts();
  report_.posts = posts.size();
  for (const Post& post : posts) {
    report_.points_posted += post.count;
    if (post.acknowledged()) ++report_.posts_acknowledged;
    if (post.status == 0) ++report_.posts_unanswered;
  }
  report_.points_acknowledged = load_->acknowledged();
  for (Delivery& delivery : deliveries_) {
    report_.accounts.push_back(account_of(delivery, posts));
    check(report_.accounts.back());
  }
}

Account Trial::account_of(Delivery& delivery, const std::vector<Post>& posts) {
  const auto [numbers, others] = delivery.server().distinct_points();
  Account account;
  account.reader = delivery.reader();
  account.ledger = delivery.ledger();
  account.stored = delivery.stored();
  account.distinct = numbers + others;
  account.gathered = others;
  account.repeats = delivery.repeats();
  account.failed_requests = delivery.failed_requests();
  account.doubtful = delivery.doubtful();
  std::uint64_t known = 0;
  for (const Post& post : posts) {
    const test::NumbersReport found = delivery.server().numbers(post.first, post.count);
    known += found.stored;
    if (post.acknowledged()) account.missing += found.lost.size();
  }
  if (known != numbers) violation(fmt::format("{} numbers that nobody posted", numbers - known));
  return account;
}

void Trial::check(const Account& account) {
  const auto wrong = [&](const std::string& what) { violation(account.reader + ": " + what); };
  const test::LedgerState& ledger = account.ledger;
  if (ledger.buffered > 0) wrong(fmt::format("{} points left", ledger.buffered));
  const std::uint64_t may_be_missing = settings_.room == Room::kEnough ? 0 : ledger.overflow;
  if (account.missing > may_be_missing) {
    wrong(fmt::format("{} points answered 204 are not at the server, {} were overwritten",
                      account.missing, ledger.overflow));
  }
  if (account.repeats > account.doubtful.points()) {
    wrong(fmt::format("{} points came again, of {} that may", account.repeats,
                      account.doubtful.points()));
  }
  if (account.stored != account.distinct + account.repeats) wrong("the server cannot count");
  // Each accepted point is at the server or was dropped. Both only if it was overwritten after the
  // kill that took its acknowledgement; at the server without being accepted, if that was in
  // memory.
  const bool exact = settings_.room == Room::kEnough && settings_.mode == "durable";
  const std::uint64_t found = account.distinct + ledger.dropped();
  const std::uint64_t most = ledger.accepted + (exact ? 0 : account.doubtful.points());
  if (found < ledger.accepted || found > most) {
    wrong(fmt::format("{} accepted, {} at the server, {} dropped", ledger.accepted,
                      account.distinct, ledger.dropped()));
  }
}

}  // namespace holdfast::kills
