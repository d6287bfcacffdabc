// One poll loop for the pipes and ends of all programs that run.
#include "inputs/command_batch.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <list>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace holdfast::inputs {
namespace {

// Where the kernel does not tell of a process's end we look for it this often.
constexpr base::Duration kLookInterval = std::chrono::milliseconds(20);

// Reads what is there; keeps at most `most` bytes in all. False at the end of the stream.
bool drain(const base::Descriptor& from, std::string& into, std::size_t most, bool& too_much) {
  std::array<char, 16384> piece;  // NOLINT(cppcoreguidelines-pro-type-member-init): written below
  // A program that writes all the time must not keep us from the others.
  for (int round = 0; round < 64; ++round) {
    const ssize_t got = ::read(from.get(), piece.data(), piece.size());
    if (got == 0) return false;
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    const auto size = static_cast<std::size_t>(got);
    const std::size_t room = most - std::min(most, into.size());
    into.append(piece.data(), std::min(size, room));
    if (size > room) too_much = true;
  }
  return true;
}

// A program that runs, and what is to become of it.
class Running {
 public:
  Running(ChildProcess child, CommandResult& result, const CommandLimits& limits,
          base::BootTime now)
      : child_(std::move(child)),
        result_(result),
        limits_(limits),
        deadline_(now + limits.timeout) {}

  void watch(std::vector<pollfd>& all) {
    for (const base::Descriptor* one : {&child_.out(), &child_.error(), &child_.end_handle()}) {
      if (one->valid()) all.push_back({one->get(), POLLIN, 0});
    }
  }
  // When it has to be looked at, whatever happens.
  [[nodiscard]] base::BootTime due(base::BootTime now) {
    const bool pipes = child_.out().valid() || child_.error().valid();
    const bool told = child_.end_handle().valid();
    return told || (pipes && stage_ == Stage::kRuns) ? deadline_
                                                     : std::min(deadline_, now + kLookInterval);
  }
  // Reads, and moves on; true once it is over.
  [[nodiscard]] bool step(base::BootTime now, bool stop);

 private:
  enum class Stage : std::uint8_t { kRuns, kAsked, kKilled };

  void read_pipes();
  void ask_to_end(base::BootTime now, tl::unexpected<base::Error> why);
  void kill(base::BootTime now);

  ChildProcess child_;
  CommandResult& result_;
  const CommandLimits& limits_;
  base::BootTime deadline_;
  Stage stage_ = Stage::kRuns;
  bool too_much_ = false;
};

void Running::read_pipes() {
  bool ignored = false;
  if (child_.out().valid() && !drain(child_.out(), result_.out, limits_.out_bytes, too_much_)) {
    child_.out().reset();
  }
  if (child_.error().valid() &&
      !drain(child_.error(), result_.error, limits_.error_bytes, ignored)) {
    child_.error().reset();
  }
}

void Running::ask_to_end(base::BootTime now, tl::unexpected<base::Error> why) {
  result_.status = std::move(why);
  child_.signal_group(SIGTERM);
  stage_ = Stage::kAsked;
  deadline_ = now + limits_.grace;
}

// Before the process is reaped: its group's number is ours until then.
void Running::kill(base::BootTime now) {
  child_.signal_group(SIGKILL);
  stage_ = Stage::kKilled;
  deadline_ = now + limits_.grace;
}

bool Running::step(base::BootTime now, bool stop) {
  read_pipes();
  const bool ended = child_.has_ended();
  // Nobody looks at the handle again, which would stay readable.
  if (ended) child_.end_handle().reset();
  const bool over = ended && !child_.out().valid() && !child_.error().valid();
  switch (stage_) {
    case Stage::kRuns:
      if (over) {
        result_.end = child_.reap().value_or(ChildEnd{});
        return true;
      }
      if (stop) {
        ask_to_end(now, base::fail(base::ErrorCode::kBusy, "stopped before it was done"));
      } else if (too_much_) {
        ask_to_end(now, base::fail(base::ErrorCode::kTooLarge, "wrote more than {} bytes: killed",
                                   limits_.out_bytes));
      } else if (now >= deadline_) {
        ask_to_end(now, base::fail(base::ErrorCode::kTimeout, "not done after {}: killed",
                                   base::format_duration(limits_.timeout)));
      }
      return false;
    case Stage::kAsked:
      if (!over && now < deadline_) return false;
      kill(now);
      return child_.reap().has_value();
    case Stage::kKilled:
      // Its pipes may be held by what left the group: they are given up.
      return child_.reap().has_value() || now >= deadline_;
  }
  return true;
}

int poll_ms(base::Duration wait) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
  return static_cast<int>(std::clamp<std::int64_t>(ms, 0, 60'000));
}

}  // namespace

StopFlag::StopFlag() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void StopFlag::raise() {
  const std::uint64_t one = 1;
  (void)!::write(event_.get(), &one, sizeof one);
}

void StopFlag::lower() {
  std::uint64_t count = 0;
  (void)!::read(event_.get(), &count, sizeof count);
}

bool StopFlag::is_raised() const {
  pollfd raised{event_.get(), POLLIN, 0};
  return ::poll(&raised, 1, 0) > 0;
}

std::vector<CommandResult> run_commands(const std::vector<ChildOptions>& commands,
                                        const CommandLimits& limits, const base::Clock& clock,
                                        const StopFlag& stop) {
  std::vector<CommandResult> results(commands.size());
  std::list<Running> running;
  std::size_t next = 0;
  while (next < commands.size() || !running.empty()) {
    const bool stopping = stop.is_raised();
    for (; next < commands.size() && running.size() < limits.parallel; ++next) {
      auto child = stopping ? base::Result<ChildProcess>(
                                  base::fail(base::ErrorCode::kBusy, "stopped before it began"))
                            : ChildProcess::start(commands[next]);
      if (child) {
        running.emplace_back(std::move(*child), results[next], limits, clock.boot());
      } else {
        results[next].status = tl::unexpected(child.error());
      }
    }
    std::vector<pollfd> watched;
    if (!stopping) watched.push_back({stop.descriptor(), POLLIN, 0});
    base::BootTime now = clock.boot();
    base::BootTime due = now + std::chrono::minutes(1);
    for (Running& one : running) {
      one.watch(watched);
      due = std::min(due, one.due(now));
    }
    if (!running.empty()) ::poll(watched.data(), watched.size(), poll_ms(due - now));
    now = clock.boot();
    const bool stop_now = stopping || stop.is_raised();
    std::erase_if(running, [&](Running& one) { return one.step(now, stop_now); });
  }
  return results;
}

}  // namespace holdfast::inputs
