// WriteQueue: bodies of line protocol on their way from a listener to the buffer.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/line/ingest.h"
#include "buffer/block_sink.h"
#include "inputs/accumulator.h"
#include "inputs/body_reader.h"

namespace holdfast::inputs {

// What became of one body.
struct WriteResult {
  // Why the body could not be read (kInvalid, kTooLarge) or the points not be accepted (all others,
  // and kTooLarge for a line that fits no block).
  base::Status status;
  std::uint64_t bytes = 0;  // of the body, inflated, that was looked at
  std::uint64_t bad_lines = 0;
  line::LineError first_bad;  // set if bad_lines > 0; its number counts from the start of the body
};

struct WriteRequest {
  std::string body;
  BodyCoding coding = BodyCoding::kIdentity;
  line::Precision precision = line::Precision::kNanoseconds;
  // Tags that every line gets, in place of its own of that name.
  std::vector<line::TagPair> forced_tags;
  // Called once, from any thread, when all good lines are accepted or it is known why not.
  std::function<void(const WriteResult&)> done;
};

// Takes bodies in on the worker pool. One job runs while there is little to do and takes what has
// queued up meanwhile in one go, so that small requests that arrive together share a block; a
// second one helps while more than one job's worth is waiting. No job waits for the buffer's
// answer. What is queued is bounded by its caller (the HTTP server's budget). Thread-safe.
class WriteQueue : public std::enable_shared_from_this<WriteQueue> {
 public:
  // All of it outlives the queue and its jobs.
  struct Environment {
    std::function<void(std::function<void()>)> pool;
    buffer::BlockSink& sink;
    const PointRules& rules;
    InputCounters& counters;
    const base::Clock& clock;
    std::uint64_t max_body_bytes;  // of an inflated body
  };

  explicit WriteQueue(Environment environment);

  void push(WriteRequest request);

 private:
  class Outcome;
  void work();
  [[nodiscard]] std::vector<WriteRequest> take();
  void process(WriteRequest& request);
  [[nodiscard]] std::vector<line::LineChunk> rewritten(const std::vector<line::LineChunk>& chunks,
                                                       line::LineRewriter& rewriter) const;
  void submit(const std::vector<line::LineChunk>& chunks, const std::shared_ptr<Outcome>& outcome);

  const Environment environment_;
  std::mutex mutex_;
  std::deque<WriteRequest> waiting_;  // this and the following: under mutex_
  std::size_t waiting_bytes_ = 0;
  int jobs_ = 0;
};

}  // namespace holdfast::inputs
