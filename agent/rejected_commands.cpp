// The commands that work on what servers refused: list, show, retry, purge. They find the files by
// the configuration, and work beside a running agent.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>

#include <fmt/core.h>

#include "agent/commands.h"
#include "agent/json_parts.h"
#include "agent/line/cursor.h"
#include "agent/loading.h"
#include "agent/rejected_batches.h"
#include "agent/rejected_retry.h"
#include "config/units.h"
#include "outputs/batch.h"

namespace holdfast::agent {
namespace {

using outputs::RejectedInfo;

void complain(const std::string& text) { std::fputs((text + "\n").c_str(), stderr); }

// Prints all of it, or the command has failed.
int print(std::string_view text, int status) {
  const bool good = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
                    std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  if (good) return status;
  complain("standard output: " + base::errno_text(errno));
  return kExitFailed;
}

// What every one of these commands begins with.
struct Found {
  std::unique_ptr<World> world;
  Configuration configuration;
  RejectedBatches batches;
};

// Null with an exit status if that is the end of it.
std::unique_ptr<Found> find_batches(const CommandLine& line, int& status) {
  auto found = std::make_unique<Found>();
  found->world = make_world(line);
  auto configuration = load(line, *found->world, {.inputs = false, .outputs = true});
  if (!configuration) {
    status = kExitConfiguration;
    return nullptr;
  }
  found->configuration = std::move(*configuration);
  auto batches = RejectedBatches::find(found->configuration, line.rejected.output);
  if (!batches) {
    complain(batches.error().message);
    status = kExitFailed;
    return nullptr;
  }
  found->batches = std::move(*batches);
  return found;
}

// Those that are named, all, or those older than a moment; oldest first. What is named and not
// there is complained about.
std::vector<const RejectedBatch*> choose(const RejectedBatches& batches,
                                         const RejectedArguments& said,
                                         std::optional<std::int64_t> before_ns, bool& complete) {
  std::vector<const RejectedBatch*> chosen;
  complete = true;
  for (const std::string& id : said.ids) {
    if (batches.of_id(id) != nullptr) continue;
    complain(fmt::format("{}: no such batch; see `holdfast rejected list`", id));
    complete = false;
  }
  for (const RejectedBatch& batch : batches.all()) {
    const bool named =
        said.all || std::find(said.ids.begin(), said.ids.end(), batch.id()) != said.ids.end();
    if (named || (before_ns && batch.name.time_ns < *before_ns)) chosen.push_back(&batch);
  }
  return chosen;
}

std::string time_text(const RejectedBatch& batch) {
  return base::format_utc(base::WallTime(base::Duration(batch.name.time_ns)), true);
}

Json batch_json(const RejectedBatch& batch, const RejectedInfo& info) {
  return {{"id", batch.id()},
          {"time", time_text(batch)},
          {"output", batch.output->display},
          {"reader", batch.name.reader},
          {"points", info.points},
          {"bytes", info.bytes},
          {"file_bytes", batch.file_bytes},
          {"status", info.status},
          {"reason", info.reason},
          {"url", info.url},
          {"may_be_stored", info.may_be_stored},
          {"retried_at", null_if_empty(info.retried_at)}};
}

// The sidecar, or one that says why there is none. Nothing if the batch is gone.
std::optional<RejectedInfo> info_of(const RejectedBatch& batch) {
  auto info = batch.directory->info(batch.name);
  if (info) return *info;
  if (!batch.directory->contains(batch.name)) return std::nullopt;
  RejectedInfo unknown;
  unknown.reason = info.error().message;
  return unknown;
}

std::string list_json(const RejectedBatches& batches) {
  Json json = {{"batches", Json::array()}};
  for (const RejectedBatch& batch : batches.all()) {
    if (const auto info = info_of(batch)) json["batches"].push_back(batch_json(batch, *info));
  }
  return json_text(json);
}

struct Row {
  std::string id, time, output, points, bytes, status, reason;
};

Row row_of(const RejectedBatch& batch, const RejectedInfo& info) {
  return {batch.id(),
          time_text(batch),
          batch.output->display,
          std::to_string(info.points),
          config::format_bytes(info.bytes),
          info.status == 0 ? "-" : std::to_string(info.status),
          info.reason};
}

std::string list_text(const RejectedBatches& batches) {
  std::vector<Row> rows{{"id", "time", "output", "points", "bytes", "status", "reason"}};
  for (const RejectedBatch& batch : batches.all()) {
    if (const auto info = info_of(batch)) rows.push_back(row_of(batch, *info));
  }
  std::size_t id_width = 0;
  std::size_t output_width = 0;
  for (const Row& row : rows) {
    id_width = std::max(id_width, row.id.size());
    output_width = std::max(output_width, row.output.size());
  }
  std::string out;
  for (const Row& row : rows) {
    out +=
        fmt::format("{:<{}}  {:<24}  {:<{}}  {:>7}  {:>9}  {:>6}  {}\n", row.id, id_width, row.time,
                    row.output, output_width, row.points, row.bytes, row.status, row.reason);
  }
  return out;
}

// As comments, so that the whole is still line protocol.
std::string info_text(const RejectedBatch& batch, const RejectedInfo& info) {
  std::string out = fmt::format(
      "# id: {}\n# time: {}\n# output: {}\n# points: {}\n# bytes: {}\n# status: {}\n# reason: "
      "{}\n# url: {}\n",
      batch.id(), time_text(batch), batch.output->display, info.points, info.bytes, info.status,
      info.reason, info.url);
  if (info.may_be_stored) out += "# some of the points may be stored\n";
  if (!info.retried_at.empty()) out += fmt::format("# retried at: {}\n", info.retried_at);
  return out;
}

std::string_view first_lines(std::string_view text, std::uint64_t count) {
  line::LineCursor cursor(text);
  std::size_t end = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto parts = cursor.next();
    if (!parts) return text;
    end = static_cast<std::size_t>(parts->line.data() + parts->line.size() - text.data());
  }
  return text.substr(0, count == 0 ? 0 : end + 1);
}

}  // namespace

int rejected_list(const CommandLine& line) {
  int status = kExitDone;
  const auto found = find_batches(line, status);
  if (!found) return status;
  const RejectedBatches& batches = found->batches;
  for (const auto& [reader, count] : batches.foreign()) {
    complain(fmt::format("{} more there are of the reader {}, which is no output's here", count,
                         reader));
  }
  if (line.json) return print(list_json(batches), kExitDone);
  if (batches.all().empty()) return print("nothing that was refused is kept\n", kExitDone);
  return print(list_text(batches), kExitDone);
}

int rejected_show(const CommandLine& line) {
  int status = kExitDone;
  const auto found = find_batches(line, status);
  if (!found) return status;
  bool complete = true;
  const auto chosen = choose(found->batches, line.rejected, std::nullopt, complete);
  if (!complete || chosen.empty()) return kExitFailed;
  const RejectedBatch& stored = *chosen.front();
  const auto info = info_of(stored);
  auto gzip = stored.directory->gzip(stored.name);
  if (info) status = print(info_text(stored, *info), kExitDone);
  auto batch = gzip ? outputs::Batch::from_gzip(std::move(*gzip)) : tl::unexpected(gzip.error());
  auto lines = batch ? batch->lines() : tl::unexpected(batch.error());
  if (!lines) {
    complain(fmt::format("{}: {}", stored.id(), lines.error().message));
    return kExitFailed;
  }
  const RejectedArguments& said = line.rejected;
  return print(said.limit_lines ? first_lines(*lines, said.lines) : *lines, status);
}

int rejected_retry(const CommandLine& line) {
  int status = kExitDone;
  const auto found = find_batches(line, status);
  if (!found) return status;
  bool complete = true;
  const auto chosen = choose(found->batches, line.rejected, std::nullopt, complete);
  const RetryReport report = retry(chosen, found->world->clock);
  complain(fmt::format("{} batches delivered, {} refused again, {} left", report.delivered,
                       report.refused, report.left));
  return print("", complete && report.complete() ? kExitDone : kExitFailed);
}

int rejected_purge(const CommandLine& line) {
  int status = kExitDone;
  const auto age = config::parse_duration(line.rejected.older_than);
  if (!age) {
    complain("--older-than: " + age.error().message);
    return kExitUsage;
  }
  const auto found = find_batches(line, status);
  if (!found) return status;
  std::optional<std::int64_t> before_ns;
  if (!line.rejected.older_than.empty()) before_ns = found->world->clock.wall_ns() - age->count();
  bool complete = true;
  std::uint64_t removed = 0;
  std::uint64_t bytes = 0;
  for (const RejectedBatch* batch : choose(found->batches, line.rejected, before_ns, complete)) {
    const auto gone = batch->directory->remove(batch->name);
    if (!gone) complain(gone.error().message);
    complete = complete && gone;
    if (!gone || !*gone) continue;
    ++removed;
    bytes += batch->file_bytes;
  }
  return print(fmt::format("removed {} batches, {}\n", removed, config::format_bytes(bytes)),
               complete ? kExitDone : kExitFailed);
}

}  // namespace holdfast::agent
