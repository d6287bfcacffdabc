// Accumulator: the only thing an input writes to. Adds tags and the time, rounds it, encodes once,
// and hands finished lines to the block sink.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/line/encode.h"
#include "agent/line/lines.h"
#include "agent/line/point.h"
#include "agent/line/rewrite.h"
#include "buffer/block_sink.h"

namespace holdfast::inputs {

// Numbers of one input instance, for status. Written by its accumulator and the scheduler, read by
// anybody.
struct InputCounters {
  std::atomic<std::uint64_t> gathers{0};
  std::atomic<std::uint64_t> errors{0};
  std::atomic<std::uint64_t> gathered{0};      // points handed over
  std::atomic<std::uint64_t> filtered{0};      // points that the input's own filter left out
  std::atomic<std::uint64_t> not_accepted{0};  // points the buffer refused, with the reason logged
  std::atomic<std::uint64_t> skipped{0};       // ticks missed because a gather was still running
  std::atomic<std::int64_t> gather_ns{0};      // duration of the last gather
  std::atomic<std::int64_t> gather_total_ns{0};  // of all of them

  void set_last_error(std::string text);
  [[nodiscard]] std::string last_error() const;

 private:
  mutable std::mutex mutex_;
  std::string last_error_;
};

// Which time a gathered point gets.
enum class TimeSource {
  kMetric,           // its own, else the one at which the gather began
  kCollectionStart,  // that at which the gather began
  kCollectionEnd,    // that at which it was done
};

// What is done to each point of one input instance, compiled once from the configuration.
struct PointRules {
  line::NameRules names;
  line::MetricFilter filter;  // sees the plugin's own name and tags
  // Tags of the input's own table and then global ones, merged (the input's win), sorted by key;
  // those that the filter takes away are not among them.
  std::vector<line::TagPair> extra_tags;
  base::Duration precision{
      std::chrono::seconds(1)};  // timestamps are rounded to nearest, halves up
  line::EncodeOptions encode;
  TimeSource time_source = TimeSource::kMetric;
};

// Rounds to the nearest multiple, halves up; precision of 1 ns or less leaves the time alone.
[[nodiscard]] std::int64_t round_time(std::int64_t time_ns, base::Duration precision);
// The precision when none is configured: from the interval, never coarser than 1 s (telegraf §1.4).
[[nodiscard]] base::Duration automatic_precision(base::Duration interval);

// As the block sink takes them; valid as long as the chunks.
[[nodiscard]] std::vector<buffer::Lines> views_of(const std::vector<line::LineChunk>& chunks);

// One gather of one input: add points, report errors, finish. Not thread-safe; made for each
// gather.
class Accumulator {
 public:
  Accumulator(const PointRules& rules, buffer::BlockLimits limits, std::int64_t now_ns,
              InputCounters& counters);

  // From now on points without a time of their own get one each, later than `last_ns`, which is
  // moved on: else lines of one read would replace each other in the database. For accumulators of
  // several threads; it outlives them.
  void tell_apart(std::atomic<std::int64_t>& last_ns) { last_ns_ = &last_ns; }

  void add(const line::Point& point);
  // A part of the gather failed (one disk, one file) while the rest goes on. Counted and kept as
  // last error; the scheduler logs it.
  void add_error(const base::Error& error);

  [[nodiscard]] const std::vector<base::Error>& errors() const { return errors_; }
  [[nodiscard]] std::uint64_t points() const { return chunks_.points(); }
  // The gather is done, at this time: points that get this time are encoded now.
  void finish(std::int64_t end_ns);
  // Time of the gather, unrounded.
  [[nodiscard]] std::int64_t now_ns() const { return now_ns_; }
  // The lines, to be handed to the sink (or printed, by `holdfast test`).
  [[nodiscard]] std::vector<line::LineChunk> take() { return chunks_.take(); }

 private:
  [[nodiscard]] std::int64_t fresh_time();
  void encode_at(const line::Point& point, std::int64_t time_ns);

  const PointRules& rules_;
  std::int64_t now_ns_;
  std::atomic<std::int64_t>* last_ns_ = nullptr;
  InputCounters& counters_;
  line::LineChunks chunks_;
  [[nodiscard]] bool selected(const line::Point& point);
  // As the rules want it, tags to add apart; null if nothing is left.
  [[nodiscard]] const line::Point* edited(const line::Point& point);

  line::Point edited_{""};
  std::vector<line::TagView> tags_;
  std::vector<base::Error> errors_;
  std::vector<line::Point> waiting_;  // for the end of the gather
};

}  // namespace holdfast::inputs
