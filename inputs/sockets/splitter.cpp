// Keeping what is unfinished, and leaving out what is too long.
#include "inputs/sockets/splitter.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

namespace holdfast::sockets {

Reading Splitter::feed(std::string_view bytes, const OnMessage& on_message,
                       const OnError& on_error) {
  // Bytes that follow something unfinished are put behind it; others are looked at where they are.
  std::string joined;
  std::string_view pending = bytes;
  if (!kept_.empty()) {
    joined.swap(kept_);
    joined.append(bytes);
    pending = joined;
  }
  bool progress = false;
  while (!pending.empty()) {
    const Step step = skipping() ? skip(pending) : cut(pending, on_message, on_error);
    if (step == Step::kBroken) return Reading::kBroken;
    if (step == Step::kMore) break;
    progress = true;
  }
  if (joined.empty()) {
    kept_.assign(pending);
  } else {
    joined.erase(0, joined.size() - pending.size());
    kept_.swap(joined);
  }
  return progress || (kept_.empty() && !skipping()) ? Reading::kProgress : Reading::kWaiting;
}

Splitter::Step Splitter::cut(std::string_view& pending, const OnMessage& on_message,
                             const OnError& on_error) {
  const auto found = framing_.find(pending, seen_);
  if (!found) {
    on_error(found.error());
    return Step::kBroken;
  }
  seen_ = 0;
  if (!*found) {
    seen_ = pending.size();
    if (pending.size() <= max_message_bytes_ + framing_.overlap()) return Step::kMore;
    report_oversized(on_error);
    skip_to_end_ = true;
    return skip(pending);
  }
  const Cut& at = **found;
  if (at.message > max_message_bytes_) {
    report_oversized(on_error);
    to_skip_ = at.end;
    return skip(pending);
  }
  if (at.end > pending.size()) return Step::kMore;
  if (at.message > 0) on_message(pending.substr(at.skip, at.message));
  pending.remove_prefix(at.end);
  return Step::kMessage;
}

Splitter::Step Splitter::skip(std::string_view& pending) {
  if (skip_to_end_) {
    const auto end = framing_.find_end(pending);
    if (!end) {
      seen_ = 0;
      pending.remove_prefix(pending.size() - std::min(pending.size(), framing_.overlap()));
      return Step::kMore;
    }
    pending.remove_prefix(*end);
    skip_to_end_ = false;
    seen_ = 0;
    return Step::kMessage;
  }
  const std::size_t size = std::min(to_skip_, pending.size());
  pending.remove_prefix(size);
  to_skip_ -= size;
  return to_skip_ == 0 ? Step::kMessage : Step::kMore;
}

void Splitter::report_oversized(const OnError& on_error) const {
  on_error({base::ErrorCode::kTooLarge,
            fmt::format("a message of more than {} bytes was left out", max_message_bytes_)});
}

void Splitter::finish(StreamEnd why, const OnMessage& on_message, const OnError& on_error) {
  const std::string rest = std::exchange(kept_, {});
  if (rest.empty() || skipping()) return;
  if (why == StreamEnd::kClosed && framing_.ends_with_stream()) {
    return rest.size() > max_message_bytes_ ? report_oversized(on_error) : on_message(rest);
  }
  on_error({base::ErrorCode::kInvalid,
            fmt::format("the connection ended within a message, of which {} bytes had come",
                        rest.size())});
}

}  // namespace holdfast::sockets
