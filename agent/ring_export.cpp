// Block by block: taken whole where all of it is wanted, else line by line.
#include "agent/ring_export.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>
#include <vector>

#include "agent/line/cursor.h"
#include "buffer/block_walker.h"
#include "outputs/deflate.h"

namespace holdfast::agent {
namespace {

using base::ErrorCode;
using base::fail;
using buffer::BlockHeader;
using buffer::BlockWalker;
using buffer::Range;
using buffer::ReaderState;
using buffer::Snapshot;
using buffer::Stretch;

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::string_view kSyncFlush("\x00\x00\xff\xff", 4);

using Span = std::pair<std::uint64_t, std::uint64_t>;  // lines [first, second) of a block

// Which points are wanted.
class Selection {
 public:
  Selection(const Snapshot& snapshot, const ExportOptions& options) : options_(options) {
    all_ = options.all || snapshot.readers().empty();
    for (const ReaderState& reader : snapshot.readers()) {
      if (options.reader.empty() || reader.id == options.reader) readers_.push_back(reader);
    }
  }

  [[nodiscard]] bool knows_reader() const { return options_.reader.empty() || !readers_.empty(); }

  // The lines of a block that some reader has still to deliver, in order, none of them twice.
  [[nodiscard]] std::vector<Span> pending_lines(const BlockHeader& header) const {
    const Span whole{0, header.points};
    if (all_) return {whole};
    std::vector<Span> spans;
    for (const ReaderState& reader : readers_) {
      for (const Range& range : reader.ranges) {
        const Span span = lines_of(range, header);
        if (span.first < span.second) spans.push_back(span);
      }
    }
    std::sort(spans.begin(), spans.end());
    std::vector<Span> joined;
    for (const Span& span : spans) {
      if (!joined.empty() && span.first <= joined.back().second) {
        joined.back().second = std::max(joined.back().second, span.second);
      } else {
        joined.push_back(span);
      }
    }
    return joined;
  }

  [[nodiscard]] bool wants_damage(const Stretch& stretch) const {
    if (stretch.kind == Stretch::Kind::kBadBlock && !may_hold(stretch.block.header)) return false;
    if (stretch.points_known && stretch.points == 0) return false;
    return all_ || std::any_of(readers_.begin(), readers_.end(), [&](const ReaderState& reader) {
             return wants(reader, stretch.position, stretch.size, stretch.known_point(),
                          stretch.points);
           });
  }

  [[nodiscard]] bool wants_time(std::int64_t ns) const {
    return (!options_.since_ns || ns >= *options_.since_ns) &&
           (!options_.until_ns || ns < *options_.until_ns);
  }
  // Some point of the block may lie in the wanted time; all of them do.
  [[nodiscard]] bool may_hold(const BlockHeader& header) const {
    return (!options_.until_ns || header.oldest_ns < *options_.until_ns) &&
           (!options_.since_ns || newest_ns(header) >= *options_.since_ns);
  }
  [[nodiscard]] bool may_want(const BlockHeader& header) const {
    return header.kind == buffer::BlockKind::kData && header.points > 0 && may_hold(header) &&
           !pending_lines(header).empty();
  }
  [[nodiscard]] bool holds_all(const BlockHeader& header) const {
    return wants_time(header.oldest_ns) && wants_time(newest_ns(header));
  }

 private:
  // At the latest: the span is rounded up, and may not fit its field.
  [[nodiscard]] static std::int64_t newest_ns(const BlockHeader& header) {
    constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
    const std::int64_t span_ns = static_cast<std::int64_t>(header.span_s) * kSecondNs;
    const bool unknown = header.span_s == std::numeric_limits<std::uint32_t>::max();
    return unknown || header.oldest_ns > kLast - span_ns ? kLast : header.oldest_ns + span_ns;
  }

  // By the count of points: a reader may have had some from memory before the block was written.
  [[nodiscard]] static Span lines_of(const Range& range, const BlockHeader& header) {
    const std::uint64_t first = header.point_sequence;
    const auto line_of = [&](std::uint64_t points) {
      return std::min<std::uint64_t>(points > first ? points - first : 0, header.points);
    };
    return {line_of(range.begin.points()),
            range.is_open() ? header.points : line_of(range.end.points())};
  }

  const ExportOptions& options_;
  bool all_ = false;
  std::vector<ReaderState> readers_;
};

// Where the points go: plain, or as the pieces of one gzip member.
class Sink {
 public:
  Sink(bool gzip, const std::function<base::Status(std::string_view)>& write)
      : gzip_(gzip), write_(write) {}

  base::Status begin() {
    if (!gzip_) return base::ok();
    std::string header(outputs::kGzipHeaderSize, '\0');
    outputs::write_gzip_header(header.data());
    return write_(header);
  }

  // A deflate fragment and what it inflates to.
  base::Status put_fragment(std::string_view fragment, std::uint32_t crc32, std::uint64_t size) {
    crc32_ = size_ == 0 ? crc32 : outputs::crc32_join(crc32_, crc32, size);
    size_ += size;
    return write_(fragment);
  }

  base::Status put_lines(std::string_view lines) {
    if (lines.empty()) return base::ok();
    if (!gzip_) return write_(lines);
    scratch_.clear();
    if (auto made = outputs::append_fragment(lines, scratch_); !made) return made;
    return put_fragment(scratch_, outputs::crc32_of(lines), lines.size());
  }

  base::Status end() {
    if (!gzip_) return base::ok();
    std::string trailer;
    outputs::append_gzip_end(crc32_, size_, trailer);
    return write_(trailer);
  }

  [[nodiscard]] bool gzip() const { return gzip_; }

 private:
  const bool gzip_;
  const std::function<base::Status(std::string_view)>& write_;
  std::uint32_t crc32_ = 0;
  std::uint64_t size_ = 0;
  std::string scratch_;
};

std::int64_t time_of(const line::LineParts& parts, const BlockHeader& header) {
  std::int64_t ns = header.oldest_ns;
  const std::string_view digits = parts.timestamp;
  std::from_chars(digits.data(), digits.data() + digits.size(), ns);
  return ns;
}

// The wanted ones among the lines of a block.
std::string pick_lines(std::string_view lines, const BlockHeader& header,
                       const std::vector<Span>& spans, const Selection& selection,
                       std::uint64_t& points) {
  std::string picked;
  line::LineCursor cursor(lines);
  auto span = spans.begin();
  std::uint64_t index = 0;
  for (auto parts = cursor.next(); parts && span != spans.end(); parts = cursor.next(), ++index) {
    if (index >= span->first && selection.wants_time(time_of(*parts, header))) {
      picked.append(parts->line).push_back('\n');
      ++points;
    }
    if (index + 1 >= span->second) ++span;
  }
  return picked;
}

base::Status export_block(const BlockWalker& walker, const BlockHeader& header,
                          const Selection& selection, Sink& sink, ExportReport& report) {
  const std::vector<Span> spans = selection.pending_lines(header);
  const bool whole = spans.front() == Span{0, header.points} && selection.holds_all(header);
  if (whole) {
    ++report.blocks;
    report.points += header.points;
    const bool fragment =
        header.codec == buffer::Codec::kDeflate && walker.payload().ends_with(kSyncFlush);
    if (!sink.gzip() || !fragment) return sink.put_lines(walker.lines());
    ++report.spliced;
    return sink.put_fragment(walker.payload(), header.raw_crc32, header.raw_size);
  }
  std::uint64_t points = 0;
  const std::string lines = pick_lines(walker.lines(), header, spans, selection, points);
  if (points == 0) return base::ok();
  ++report.blocks;
  report.points += points;
  return sink.put_lines(lines);
}

}  // namespace

base::Result<ExportReport> export_points(
    buffer::File& file, const Snapshot& snapshot, const ExportOptions& options,
    const std::function<base::Status(std::string_view)>& write) {
  const Selection selection(snapshot, options);
  if (!selection.knows_reader()) {
    std::string known;
    for (const ReaderState& reader : snapshot.readers()) {
      known += (known.empty() ? "" : ", ") + reader.id;
    }
    return fail(ErrorCode::kNotFound, "the ring has no reader `{}`; it has {}", options.reader,
                known.empty() ? "none" : known);
  }
  ExportReport report;
  Sink sink(options.gzip, write);
  if (auto done = sink.begin(); !done) return tl::unexpected(done.error());
  BlockWalker walker(file, snapshot, buffer::BlockCheck::kLines, {});
  walker.check_only([&](const BlockHeader& header) { return selection.may_want(header); });
  while (const auto stretch = walker.next()) {
    if (stretch->kind == Stretch::Kind::kBlock) {
      const BlockHeader& header = stretch->block.header;
      if (!selection.may_want(header)) continue;
      auto done = export_block(walker, header, selection, sink, report);
      if (!done) return tl::unexpected(done.error());
    } else if (selection.wants_damage(*stretch)) {
      const bool gone = stretch->kind == Stretch::Kind::kOverwritten;
      if (!gone) ++report.damaged;
      (gone ? report.overwritten : report.points_lost) += stretch->points;
    }
  }
  if (auto done = sink.end(); !done) return tl::unexpected(done.error());
  return report;
}

std::uint64_t count_points(std::string_view lines) {
  line::LineCursor cursor(lines);
  std::uint64_t points = 0;
  while (cursor.next()) ++points;
  return points;
}

}  // namespace holdfast::agent
