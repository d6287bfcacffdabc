// The job's part, too: records of the files that have some, as many as may be on their way.
#include <algorithm>
#include <utility>

#include "inputs/tail_service.h"

namespace holdfast::inputs {
namespace {

// Of one file in one turn: others want the pool too.
constexpr std::size_t kTurnBytes = std::size_t{512} * 1024;

}  // namespace

// An older file of a path is read to its end before a newer one.
void TailService::read_files() {
  std::size_t left =
      static_cast<std::size_t>(std::count_if(files_.begin(), files_.end(), [](const Followed& one) {
        return one.touched || one.file.more();
      }));
  std::set<std::string> held;
  for (std::size_t i = 0; i < files_.size() && !stopping_; ++i) {
    if (held.contains(files_[i].path)) continue;
    const bool has_some =
        files_[i].touched || files_[i].file.more() || files_[i].file.waits_for_lines();
    if (!has_some) continue;
    const std::size_t on_the_way = undelivered_;
    if (on_the_way >= settings_->max_undelivered) return;
    if (!files_[i].file.same_as_before()) {
      replace(i--);  // what takes its place comes next
      continue;
    }
    files_[i].touched = false;
    const std::size_t share =
        (settings_->max_undelivered - on_the_way) / std::max<std::size_t>(left, 1);
    read_one(i, std::max<std::size_t>(share, 1));
    if (left > 1) --left;
    if (files_[i].file.more()) held.insert(files_[i].path);
  }
}

void TailService::read_one(std::size_t at, std::size_t lines) {
  Followed& one = files_[at];
  Accumulator points = feed_->open();
  std::size_t bytes = kTurnBytes;
  std::size_t taken = 0;
  while (taken < lines) {
    const auto record = one.file.next(bytes);
    if (!record) break;
    parse(one, *record, points);
    ++taken;
  }
  one.file.mark_turn(clock_.boot());
  if (taken < lines) {
    if (const auto overdue = one.file.next_overdue(clock_.boot())) {
      parse(one, *overdue, points);
      ++taken;
      one.file.mark_turn(clock_.boot());
    }
  }
  if (const std::uint64_t skipped = one.file.take_skipped(); skipped > 0) {
    points.add_error(
        {base::ErrorCode::kTooLarge, fmt::format("{}: skipped {} lines of over {} bytes", one.path,
                                                 skipped, tail::kMaxLineBytes)});
  }
  if (const auto error = one.file.take_error()) {
    points.add_error({error->code, fmt::format("{}: {}", one.path, error->message)});
  }
  if (taken > 0 || !points.errors().empty()) submit(one, std::move(points), taken);
}

void TailService::parse(Followed& one, const tail::Record& record, Accumulator& points) {
  const auto parsed = one.parser->parse_line(record.text, [&](line::Point& point) {
    if (!settings_->path_tag.empty()) point.tag(settings_->path_tag, one.path);
    points.add(point);
  });
  if (parsed) return;
  points.add_error({parsed.error().code, fmt::format("{}, before byte {}: {}", one.path, record.end,
                                                     parsed.error().message)});
}

void TailService::submit(Followed& one, Accumulator points, std::size_t lines) {
  undelivered_ += lines;
  std::uint64_t number = 0;
  if (one.progress) {
    const std::lock_guard lock(mutex_);
    number = one.progress->next_number++;
    one.progress->batches.push_back({number, one.file.mark()});
  }
  feed_->submit(std::move(points), buffer::Origin::kReceived, WhenRefused::kWait,
                [self = shared_from_this(), progress = one.progress, number, lines](bool accepted) {
                  self->settled(progress, number, lines, accepted);
                });
}

}  // namespace holdfast::inputs
