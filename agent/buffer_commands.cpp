// The commands that work on a ring file: info, verify, dump, export, trim.
#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <tuple>

#include <fmt/core.h>

#include "agent/base/clock.h"
#include "agent/buffer_report.h"
#include "agent/commands.h"
#include "agent/ring_export.h"
#include "agent/time_argument.h"
#include "buffer/posix_file.h"
#include "config/units.h"

namespace holdfast::agent {
namespace {

// So many damaged places are listed in JSON, which is held in memory; all are counted.
constexpr std::size_t kMaxDamageListed = 1000;

void complain(const std::string& text) { std::fputs((text + "\n").c_str(), stderr); }

int fail_with(const std::string& path, const base::Error& error) {
  // Errors of the file itself name it.
  const bool named = error.message.find(path) != std::string::npos;
  complain(named ? error.message : fmt::format("ring {}: {}", path, error.message));
  return kExitFailed;
}

base::Status put(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size()) return base::ok();
  return base::fail_errno("standard output", errno);
}

// What was printed has arrived, or the command has failed.
int finish(base::Status printed, int status) {
  if (printed && std::fflush(stdout) != 0) printed = base::fail_errno("standard output", errno);
  if (printed) return status;
  complain(printed.error().message);
  return kExitFailed;
}

struct OpenedRing {
  std::unique_ptr<buffer::PosixFile> file;
  int user = 0;
  buffer::Snapshot snapshot;
};

// Read-only, also beside a running agent.
base::Result<OpenedRing> look_at(const std::string& path) {
  auto file = buffer::PosixFile::open_readonly(path);
  if (!file) return tl::unexpected(file.error());
  const int user = (*file)->lock_holder();
  auto snapshot = buffer::take_snapshot(**file, user != 0);
  if (!snapshot) return tl::unexpected(snapshot.error());
  return OpenedRing{std::move(*file), user, std::move(*snapshot)};
}

// An option that was not given leaves `moment` as it is.
base::Status read_moment(const char* option, const std::string& text, const base::Clock& clock,
                         std::optional<std::int64_t>& moment) {
  if (text.empty()) return base::ok();
  const auto parsed = parse_moment(text, clock.wall_ns());
  if (!parsed) {
    return base::fail(parsed.error().code, "{}: {}", option, parsed.error().message);
  }
  moment = *parsed;
  return base::ok();
}

std::string export_summary(const ExportReport& report) {
  std::string out = fmt::format("exported {} points of {} blocks", report.points, report.blocks);
  if (report.damaged > 0) {
    out += fmt::format("; {} damaged places skipped, {} points lost", report.damaged,
                       report.points_lost);
  }
  if (report.overwritten > 0) {
    out += fmt::format("; {} points overwritten by the agent meanwhile", report.overwritten);
  }
  return out;
}

base::Result<buffer::TrimOptions> trim_options(const BufferArguments& said,
                                               const base::Clock& clock) {
  buffer::TrimOptions options;
  options.reader = said.reader;
  options.remove = said.remove;
  if (auto done = read_moment("--before", said.before, clock, options.before_ns); !done) {
    return tl::unexpected(done.error());
  }
  if (!said.keep_last.empty()) {
    const auto size = config::parse_bytes(said.keep_last);
    if (!size) {
      return base::fail(size.error().code, "--keep-last: {}", size.error().message);
    }
    options.keep_last = size->count;
  }
  return options;
}

}  // namespace

int buffer_info(const CommandLine& line) {
  const auto ring = look_at(line.file);
  if (!ring) return fail_with(line.file, ring.error());
  const buffer::RingInfo info = buffer::info_of(*ring->file, ring->snapshot.recovered);
  const LookedAt looked{line.file, ring->user, ring->snapshot};
  return finish(put(line.json ? info_json(looked, info) : info_text(looked, info)), kExitDone);
}

int buffer_verify(const CommandLine& line) {
  const auto ring = look_at(line.file);
  if (!ring) return fail_with(line.file, ring.error());
  const LookedAt looked{line.file, ring->user, ring->snapshot};
  base::Status printed = line.json ? base::ok() : put(head_text(looked));
  std::vector<buffer::Damage> listed;
  const auto report =
      buffer::verify(*ring->file, ring->snapshot, count_points, [&](const buffer::Damage& damage) {
        if (!line.json) {
          if (printed) printed = put(damage_text(damage));
        } else if (listed.size() < kMaxDamageListed) {
          listed.push_back(damage);
        }
      });
  if (printed) printed = put(line.json ? verify_json(looked, report, listed) : verify_text(report));
  return finish(printed, report.good() ? kExitDone : kExitFailed);
}

int buffer_dump(const CommandLine& line) {
  const auto ring = look_at(line.file);
  if (!ring) return fail_with(line.file, ring.error());
  const LookedAt looked{line.file, ring->user, ring->snapshot};
  base::Status printed = put(line.json ? dump_head_json(looked) : dump_head_text(looked));
  buffer::BlockWalker walker(*ring->file, ring->snapshot, buffer::BlockCheck::kPayload, {});
  while (printed) {
    const auto stretch = walker.next();
    if (!stretch) break;
    printed = put(line.json ? stretch_json(*stretch) : stretch_text(*stretch));
  }
  return finish(printed, kExitDone);
}

int buffer_export(const CommandLine& line) {
  const base::SystemClock clock;
  const BufferArguments& said = line.buffer;
  ExportOptions options;
  options.reader = said.reader;
  options.all = said.all;
  options.gzip = said.gzip;
  for (const auto& [name, text, moment] : {std::tuple("--since", &said.since, &options.since_ns),
                                           std::tuple("--until", &said.until, &options.until_ns)}) {
    if (auto done = read_moment(name, *text, clock, *moment); !done) {
      complain(done.error().message);
      return kExitUsage;
    }
  }
  const auto ring = look_at(line.file);
  if (!ring) return fail_with(line.file, ring.error());
  const auto report = export_points(*ring->file, ring->snapshot, options, put);
  if (!report) return fail_with(line.file, report.error());
  const int status = finish(base::ok(), kExitDone);
  complain(export_summary(*report));
  return status;
}

int buffer_trim(const CommandLine& line) {
  const base::SystemClock clock;
  const auto options = trim_options(line.buffer, clock);
  if (!options) {
    complain(options.error().message);
    return kExitUsage;
  }
  // Looked at first: taking the lock would make a file where there is none.
  auto ring = look_at(line.file);
  if (!ring) return fail_with(line.file, ring.error());
  base::Result<buffer::TrimPlan> plan;
  if (line.buffer.dry_run) {
    plan = buffer::plan_trim(*ring->file, ring->snapshot, *options);
  } else {
    auto file = buffer::PosixFile::open_locked(line.file);
    if (!file) return fail_with(line.file, file.error());
    plan = buffer::trim(std::move(*file), *options, clock, base::Random::from_system());
  }
  if (!plan) return fail_with(line.file, plan.error());
  return finish(put(trim_text(*plan, line.buffer.dry_run)), kExitDone);
}

}  // namespace holdfast::agent
