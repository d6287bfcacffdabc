// Lives and deaths. The oracle is `holdfast buffer info` on the ring as a death left it, never the
// agent's own memory.
#include "tests/kills/trial.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <new>
#include <optional>
#include <stdexcept>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <unistd.h>

namespace holdfast::kills {
namespace {

using std::chrono::milliseconds;
using test::AgentProcess;
using test::LedgerState;
using test::RingState;

constexpr std::uint64_t kRoomyRing = 4ULL << 20;
constexpr std::uint64_t kScarceRing = 1ULL << 20;
// Points that may be pending before clients wait: about a third of the roomy ring.
constexpr std::int64_t kMostPending = 40'000;
constexpr int kSpillPauseMs = 300;  // so that gathered points have the ring for themselves
constexpr int kSlowPercent[2] = {5, 25};
constexpr milliseconds kHangs(500);  // until what hangs is dropped
constexpr int kMostHangs = 20;       // then the agent is killed where it is
constexpr const char* kAppend = "append";
constexpr const char* kRecovery = "recovery";
constexpr std::uint64_t kSyncsOfRecovery = 2;
constexpr std::size_t kMostViolations = 5;  // then it is over

KillPage* map_page(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const bool made = descriptor >= 0 && ::ftruncate(descriptor, sizeof(KillPage)) == 0;
  void* const memory =
      made ? ::mmap(nullptr, sizeof(KillPage), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
           : MAP_FAILED;
  if (descriptor >= 0) ::close(descriptor);
  if (memory == MAP_FAILED) throw std::runtime_error("no page to share with the agent");
  return new (memory) KillPage;
}

const char* name_of(Call call) {
  switch (call) {
    case Call::kAppend:
      return kAppend;
    case Call::kSlot:
      return "slot write";
    case Call::kSync:
      return "sync";
    case Call::kRead:
      return "read";
    case Call::kHead:
      return "superblock";
    case Call::kNone:
      break;
  }
  return "idle";
}

}  // namespace

Trial::Trial(const Settings& settings)
    : settings_(settings),
      ring_(dir_.path("ring")),
      page_(map_page(dir_.path("page"))),
      deck_(settings.seed),
      deliveries_{Delivery("first", settings.seed, kSlowPercent[0]),
                  Delivery("second", settings.seed + 1, kSlowPercent[1])} {
  report_.ring_bytes = settings_.room == Room::kEnough ? kRoomyRing : kScarceRing;
  configure();
  LoadOptions load;
  load.address = "unix:" + dir_.path("listen");
  load.seed = settings_.seed;
  load.longest_pause_ms = settings_.mode == "spill" ? kSpillPauseMs : 0;
  load.may_post = [this] { return may_post(); };
  load_ = std::make_unique<Load>(std::move(load));
}

Trial::~Trial() {
  load_.reset();
  ::munmap(page_, sizeof(KillPage));
}

void Trial::configure() const {
  std::ofstream(dir_.path("holdfast.toml"))
      << "[agent]\nhostname = \"edge\"\ninterval = \"100ms\"\nprecision = \"1us\"\n"
         "flush_interval = \"100ms\"\nshutdown_timeout = \"20s\"\n"
      << fmt::format(
             "[buffer]\npath = \"{}\"\nsize = \"{}B\"\nmode = \"{}\"\nspill_after = \"1s\"\n"
             "sync = \"{}\"\nsync_interval = \"100ms\"\n",
             ring_, report_.ring_bytes, settings_.mode, settings_.sync)
      << fmt::format("[status]\nsocket = \"{}\"\n", dir_.path("status"))
      << fmt::format("[[inputs.influxdb_listener]]\nservice_address = \"unix:{}\"\n",
                     dir_.path("listen"))
      << "[[inputs.mem]]\n"
      << deliveries_[0].section() << deliveries_[1].section();
}

const Report& Trial::run() {
  for (std::uint64_t i = 0; i < settings_.kills && report_.violations.size() < kMostViolations;
       ++i) {
    live(deck_.next());
  }
  load_->stop();
  if (!met(kAppend) || !met(kRecovery)) violation("too few kills where they were to be");
  drain();
  settle_accounts();
  return report_;
}

// Each tenth kill, at least, was there: else the switch does not work.
bool Trial::met(const char* moment) const {
  std::uint64_t met = 0;
  const auto found = report_.moments.find(moment);
  if (found == report_.moments.end()) return report_.kills < 10;
  for (const std::uint64_t count : found->second) met += count;
  return met >= report_.kills / 10;
}

void Trial::live(const Plan& plan) {
  const std::unique_ptr<AgentProcess> agent = start(plan);
  run_to_death(*agent, plan);
  const std::optional<test::Ended> ended = agent->wait();
  load_->close();
  if (!ended || ended->signal != SIGKILL) {
    return violation(fmt::format(
        "the agent was not killed, but ended with status {}, signal {}\n{}",
        ended.value_or(test::Ended{}).status, ended.value_or(test::Ended{}).signal, agent->log()));
  }
  ++report_.kills;
  const Death death = autopsy();
  note_moment(death);
  inquire(death);
}

std::unique_ptr<AgentProcess> Trial::start(const Plan& plan) {
  new (page_) KillPage;
  was_ready_ = false;
  if (plan.when == Plan::When::kRecovery) arm(plan);
  return std::make_unique<AgentProcess>(
      test::ProcessOptions{{HOLDFAST_BINARY, "run", "--config", dir_.path("holdfast.toml")},
                           {{"LD_PRELOAD", HOLDFAST_KILL_SWITCH},
                            {kPageVariable, dir_.path("page")},
                            {kRingVariable, ring_}}});
}

void Trial::arm(const Plan& plan) {
  page_->call = plan.call;
  page_->phase = plan.phase;
  page_->countdown = plan.nth;
}

void Trial::run_to_death(AgentProcess& agent, const Plan& plan) {
  const auto end = std::chrono::steady_clock::now() + plan.after;
  const bool any_time = plan.when == Plan::When::kAnyTime;
  was_ready_ = agent.wait_ready(any_time ? plan.after : AgentProcess::kPatience);
  if (was_ready_) {
    ring_made_ = true;
    open_load();
  }
  if (any_time) {
    const auto left = end - std::chrono::steady_clock::now();
    (void)agent.wait(std::chrono::duration_cast<milliseconds>(left));
  } else if (was_ready_) {
    if (plan.when == Plan::When::kAtWork) arm(plan);
    wait_for_own_death(agent);
  }
  agent.signal(SIGKILL);
}

void Trial::wait_for_own_death(AgentProcess& agent) {
  for (int i = 0; i < kMostHangs && !agent.wait(kHangs); ++i) {
    for (Delivery& delivery : deliveries_) delivery.server().drop_connections();
  }
}

void Trial::open_load() {
  for (std::size_t i = 0; i < deliveries_.size(); ++i) {
    const auto [numbers, others] = deliveries_[i].server().distinct_points();
    backlog_base_[i] = static_cast<std::int64_t>(deliveries_[i].ledger().buffered) -
                       static_cast<std::int64_t>(load_->acknowledged()) +
                       static_cast<std::int64_t>(numbers + others);
  }
  load_->open();
}

bool Trial::may_post() const {
  if (settings_.room == Room::kScarce) return true;
  for (std::size_t i = 0; i < deliveries_.size(); ++i) {
    const auto [numbers, others] = deliveries_[i].server().distinct_points();
    const std::int64_t pending = backlog_base_[i] +
                                 static_cast<std::int64_t>(load_->acknowledged()) -
                                 static_cast<std::int64_t>(numbers + others);
    if (pending > kMostPending) return false;
  }
  return true;
}

Trial::Death Trial::autopsy() const {
  Death death;
  death.in = page_->died_in;
  death.at = page_->died_at;
  for (const Call call : {Call::kAppend, Call::kSlot, Call::kSync, Call::kRead, Call::kHead}) {
    if (death.in == Call::kNone && page_->inside(call)) death.in = call;
  }
  const bool opening = page_->begun_of(Call::kRead) + page_->begun_of(Call::kSync) > 0;
  death.recovering =
      ring_made_ && !was_ready_ && opening && page_->done_of(Call::kSync) < kSyncsOfRecovery;
  return death;
}

void Trial::note_moment(const Death& death) {
  std::string doing = name_of(death.in);
  if (death.recovering) {
    doing = kRecovery;
  } else if (!was_ready_) {
    doing = "start";
  }
  ++report_.moments[doing][static_cast<std::size_t>(death.at)];
  report_.bytes_appended += page_->bytes_appended;
  const bool may_be_torn = death.at == Phase::kHalf || death.at == Phase::kNone;
  if (may_be_torn) report_.torn_points += page_->points_in_append;
}

// Questions to the ring and to the servers, once all that the dead agent had sent is judged.
void Trial::inquire(const Death& death) {
  for (Delivery& delivery : deliveries_) {
    if (!delivery.server().settle()) return violation("a server does not come to rest");
  }
  const std::uint64_t acknowledged = load_->acknowledged();
  const RingState ring = ring_state();
  const bool whole = ring.readable && ring.readers.size() == deliveries_.size();
  if (!whole && !ring_made_) return;  // killed while it made the ring
  if (!whole) return violation(fmt::format("the ring shows {} readers", ring.readers.size()));
  if (ring.accepted < acknowledged) {
    violation(fmt::format("the ring has accepted {} points, {} were answered 204", ring.accepted,
                          acknowledged));
  }
  const bool torn = death.in == Call::kSlot && death.at == Phase::kHalf && !death.recovering;
  // What was delivered from memory is told by slots only.
  const bool may_go_back = settings_.mode == "spill" && torn;
  if (ring.accepted < accepted_ && !may_go_back) {
    violation(fmt::format("accepted went from {} back to {}", accepted_, ring.accepted));
  }
  accepted_ = ring.accepted;
  for (Delivery& delivery : deliveries_) {
    const auto found = ring.readers.find(delivery.reader());
    if (found == ring.readers.end()) return violation("no reader " + delivery.reader());
    check_ledger(ring, found->second, delivery.reader());
    for (const std::string& wrong : delivery.end_life(found->second, torn)) violation(wrong);
  }
}

void Trial::check_ledger(const RingState& ring, const LedgerState& ledger,
                         const std::string& reader) {
  const auto wrong = [&](const char* what) {
    violation(fmt::format(
        "{}: {}: accepted {} (the ring {}), delivered {}, buffered {}, overflow {}, rejected {}, "
        "expired {}, corrupt {} (at most {} torn), filtered {}",
        reader, what, ledger.accepted, ring.accepted, ledger.delivered, ledger.buffered,
        ledger.overflow, ledger.rejected, ledger.expired, ledger.corrupt, report_.torn_points,
        ledger.filtered));
  };
  if (!ledger.balanced()) wrong("the ledger does not add up");
  if (ledger.accepted != ring.accepted) wrong("not all points count");
  if (settings_.room == Room::kEnough && ledger.overflow > 0) wrong("overflow");
  if (ledger.rejected + ledger.expired + ledger.filtered > 0) wrong("points were dropped");
  // In spill mode points gathered may be delivered to one output and lost for the other, with the
  // memory that they waited in.
  std::uint64_t may_be_corrupt = report_.torn_points;
  if (settings_.mode == "spill") may_be_corrupt += gathered_points();
  if (ledger.corrupt > may_be_corrupt) wrong("points were lost");
}

// That some server has.
std::uint64_t Trial::gathered_points() const {
  std::uint64_t most = 0;
  for (const Delivery& delivery : deliveries_) {
    most = std::max(most, delivery.server().distinct_points().others);
  }
  return most;
}

RingState Trial::ring_state() {
  const test::Ended ended =
      test::run_program({{HOLDFAST_BINARY, "buffer", "info", ring_, "--json"}});
  if (ended.status == 0) return test::parse_ring(ended.out);
  if (ring_made_) violation("buffer info: " + ended.err);
  return {};
}

void Trial::violation(const std::string& text) {
  report_.violations.push_back(fmt::format("after kill {}: {}", report_.kills, text));
}

}  // namespace holdfast::kills
