// Text of a listener's request → finished lines: skips blanks and comments, scans each line, and
// copies the good ones with what they lack spliced in.
#include "agent/line/ingest.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "agent/line/rules.h"
#include "agent/line/scanner.h"

namespace holdfast::line {
namespace {

constexpr std::size_t kMaxErrors = 10;
constexpr std::size_t kExcerptBytes = 60;

[[nodiscard]] std::string_view between(const char* from, const char* to) {
  return {from, static_cast<std::size_t>(to - from)};
}

// The LF at or after `from`, or `end`.
[[nodiscard]] const char* find_lf(const char* from, const char* end) {
  if (from == end) {
    return end;
  }
  const void* lf = std::memchr(from, '\n', static_cast<std::size_t>(end - from));
  return lf == nullptr ? end : static_cast<const char*>(lf);
}

// The tags to add, escaped once for the whole text.
class AddedTags {
 public:
  explicit AddedTags(const std::vector<TagPair>& tags) {
    for (const auto& [key, value] : tags) {
      Tag tag;
      append_escaped_key(key, tag.key);
      append_escaped_key(value, tag.spliced);
      if (!tag.key.empty() && !tag.spliced.empty() && !is_reserved_tag(tag.key)) {
        tag.spliced = "," + tag.key + "=" + tag.spliced;
        all_ += tag.spliced;
        tags_.push_back(std::move(tag));
      }
    }
  }

  // Appends those whose key is not among `present`.
  void splice(std::span<const std::string_view> present, std::string& out) const {
    const auto is_present = [present](const Tag& tag) {
      return std::find(present.begin(), present.end(), tag.key) != present.end();
    };
    if (std::none_of(tags_.begin(), tags_.end(), is_present)) {
      out.append(all_);
      return;
    }
    for (const Tag& tag : tags_) {
      if (!is_present(tag)) {
        out.append(tag.spliced);
      }
    }
  }

 private:
  struct Tag {
    std::string key;
    std::string spliced;
  };
  std::vector<Tag> tags_;
  std::string all_;
};

class Ingester {
 public:
  Ingester(std::string_view text, const IngestOptions& options, LineChunks& out)
      : end_(text.data() + text.size()),
        at_(text.data()),
        options_(options),
        out_(out),
        added_(options.add_tags),
        scanner_(text, {.keep_unsigned = options.uint_support, .final_form = false}) {}

  IngestResult run() {
    while (at_ != end_) {
      ++number_;
      skip_blanks();
      if (at_ == end_) {
        break;
      }
      if (*at_ == '\n' || *at_ == '#') {
        at_ = find_lf(at_, end_);
      } else {
        take_line();
      }
      at_ += at_ == end_ ? 0 : 1;
    }
    result_.lines = number_;
    return std::move(result_);
  }

 private:
  void skip_blanks() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\t')) {
      ++at_;
    }
    if (at_ != end_ && *at_ == '\r' && (at_ + 1 == end_ || at_[1] == '\n')) {
      ++at_;
    }
  }

  // Leaves `at_` at the LF that ends the line.
  void take_line() {
    const char* start = at_;
    const bool good = scanner_.scan(at_);
    at_ = find_lf(scanner_.resume(), end_);
    if (!good) {
      refuse(start, [this] { return scanner_.reason(); });
    } else if (const std::optional<std::int64_t> time_ns = time_of_line()) {
      copy_line(*time_ns, start);
    } else {
      refuse(start, [] { return std::string("timestamp out of range"); });
    }
    number_ += scanner_.inner_lfs();
  }

  [[nodiscard]] std::optional<std::int64_t> time_of_line() const {
    if (!scanner_.has_time()) {
      return options_.now_ns;
    }
    std::int64_t time_ns = 0;
    if (__builtin_mul_overflow(scanner_.ticks(), static_cast<std::int64_t>(options_.precision),
                               &time_ns) ||
        time_ns < kMinTimeNs || time_ns > kMaxTimeNs) {
      return std::nullopt;
    }
    return time_ns;
  }

  void copy_line(std::int64_t time_ns, const char* start) {
    std::string& out = out_.open();
    const std::size_t before = out.size();
    out.append(scanner_.series());
    added_.splice(scanner_.tag_keys(), out);
    const std::size_t added = out.size() - before - scanner_.series().size();
    if (!scanner_.series_fits(added + options_.reserved_bytes)) {
      out_.rollback();
      refuse(start, [] { return std::string(kSeriesTooLong); });
      return;
    }
    if (options_.precision == Precision::kNanoseconds && !scanner_.tail().empty()) {
      out.append(scanner_.tail());
      out.push_back('\n');
    } else {
      append_tail(time_ns, out);
    }
    out_.commit(time_ns);
    ++result_.points;
  }

  void append_tail(std::int64_t time_ns, std::string& out) const {
    out.push_back(' ');
    append_fields(out);
    std::array<char, 24> time;
    time[0] = ' ';
    char* time_end = std::to_chars(time.data() + 1, time.data() + time.size(), time_ns).ptr;
    *time_end++ = '\n';
    out.append(time.data(), static_cast<std::size_t>(time_end - time.data()));
  }

  void append_fields(std::string& out) const {
    const std::string_view fields = scanner_.fields();
    const char* copied = fields.data();
    for (const Patch& patch : scanner_.patches()) {
      out.append(between(copied, patch.begin));
      out.append(patch.replacement);
      copied = patch.end;
    }
    out.append(between(copied, fields.data() + fields.size()));
  }

  // `reason` makes the text, for the first few bad lines only: a flood of them stays cheap.
  template <class Reason>
  void refuse(const char* start, Reason reason) {
    ++result_.bad_lines;
    if (result_.errors.size() < kMaxErrors) {
      const std::string_view first = between(start, find_lf(start, end_));
      result_.errors.push_back({number_, reason(), printable(first, kExcerptBytes)});
    }
  }

  const char* end_;
  const char* at_;
  std::size_t number_ = 0;  // of the line at `at_`
  const IngestOptions& options_;
  LineChunks& out_;
  AddedTags added_;
  LineScanner scanner_;
  IngestResult result_;
};

}  // namespace

IngestResult ingest(std::string_view text, const IngestOptions& options, LineChunks& out) {
  return Ingester(text, options, out).run();
}

std::optional<std::string> check_line(std::string_view line) {
  if (!line.empty() && line.back() == '\n') {
    line.remove_suffix(1);
  }
  LineScanner scanner(line, {.keep_unsigned = true, .final_form = true});
  const char* end = line.data() + line.size();
  if (!scanner.scan(line.data())) {
    return scanner.reason();
  }
  if (scanner.resume() != end) {
    return "line break within the line";
  }
  if (scanner.has_time() && (scanner.ticks() < kMinTimeNs || scanner.ticks() > kMaxTimeNs)) {
    return "timestamp out of range";
  }
  return std::nullopt;
}

}  // namespace holdfast::line
