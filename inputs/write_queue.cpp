// The listener's work on the pool: inflate, check, cut to blocks, hand over, and put the answers of
// the buffer together into one per request.
#include "inputs/write_queue.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "agent/line/cursor.h"

namespace holdfast::inputs {
namespace {

// What one job takes at a time: about four blocks, before their lines are flushed together.
constexpr std::size_t kJobBytes = std::size_t{256} * 1024;
constexpr int kMostJobs = 2;

std::int64_t time_of(const line::LineParts& parts) {
  std::int64_t time_ns = 0;  // ingest has put a valid one there
  std::from_chars(parts.timestamp.data(), parts.timestamp.data() + parts.timestamp.size(), time_ns);
  return time_ns;
}

}  // namespace

// Shared by the job that works on a request and by the buffer's answers to its pieces; whoever
// comes last reports.
class WriteQueue::Outcome {
 public:
  Outcome(InputCounters& counters, std::function<void(const WriteResult&)> done)
      : counters_(counters), done_(std::move(done)) {}

  void expect_answer() {
    const std::lock_guard lock(mutex_);
    ++open_;
  }
  void finish(const base::Status& status) {
    {
      const std::lock_guard lock(mutex_);
      if (!status && result_.status) result_.status = status;
      if (--open_ > 0) return;
    }
    report();
  }
  void add_bytes(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    result_.bytes += bytes;
  }
  void add_bad_lines(line::IngestResult& ingested, std::size_t lines_before) {
    if (ingested.bad_lines == 0) return;
    const std::lock_guard lock(mutex_);
    if (result_.bad_lines == 0 && !ingested.errors.empty()) {
      result_.first_bad = std::move(ingested.errors.front());
      result_.first_bad.number += lines_before;
    }
    result_.bad_lines += ingested.bad_lines;
  }
  [[nodiscard]] bool failed() {
    const std::lock_guard lock(mutex_);
    return !result_.status;
  }
  [[nodiscard]] InputCounters& counters() const { return counters_; }

 private:
  void report() {
    if (result_.bad_lines > 0 || (!result_.status && is_clients_fault())) ++counters_.errors;
    done_(result_);
  }
  [[nodiscard]] bool is_clients_fault() const {
    const base::ErrorCode code = result_.status.error().code;
    return code == base::ErrorCode::kInvalid || code == base::ErrorCode::kTooLarge;
  }

  InputCounters& counters_;
  const std::function<void(const WriteResult&)> done_;
  std::mutex mutex_;
  WriteResult result_;
  int open_ = 1;  // answers to come, the job's own included
};

WriteQueue::WriteQueue(Environment environment) : environment_(std::move(environment)) {}

void WriteQueue::push(WriteRequest request) {
  {
    const std::lock_guard lock(mutex_);
    waiting_bytes_ += request.body.size();
    waiting_.push_back(std::move(request));
    if (jobs_ >= kMostJobs || (jobs_ > 0 && waiting_bytes_ < kJobBytes)) return;
    ++jobs_;
  }
  environment_.pool([self = shared_from_this()] { self->work(); });
}

void WriteQueue::work() {
  auto requests = take();
  if (requests.empty()) return;
  for (WriteRequest& request : requests) process(request);
  environment_.sink.flush();
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
      --jobs_;
      return;
    }
  }
  // To the end of the pool's queue, so that gathers get their turn under a flood.
  environment_.pool([self = shared_from_this()] { self->work(); });
}

std::vector<WriteRequest> WriteQueue::take() {
  std::vector<WriteRequest> taken;
  std::size_t bytes = 0;
  const std::lock_guard lock(mutex_);
  while (!waiting_.empty() &&
         (taken.empty() || bytes + waiting_.front().body.size() <= kJobBytes)) {
    bytes += waiting_.front().body.size();
    taken.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  waiting_bytes_ -= bytes;
  if (taken.empty()) --jobs_;
  return taken;
}

void WriteQueue::process(WriteRequest& request) {
  const auto outcome = std::make_shared<Outcome>(environment_.counters, std::move(request.done));
  const buffer::BlockLimits limits = environment_.sink.limits();
  line::IngestOptions options;
  options.precision = request.precision;
  options.now_ns = environment_.clock.wall_ns();
  line::RewriteRules rules{
      environment_.rules.names, environment_.rules.filter, request.forced_tags, {}};
  // Tags to add come behind the filter.
  auto& added = rules.filter.empty() ? options.add_tags : rules.add_tags;
  added = environment_.rules.extra_tags;
  line::LineRewriter rewriter(rules);
  options.reserved_bytes = rewriter.most_added();
  options.uint_support = environment_.rules.encode.uint_support;
  BodyReader body(request.body, request.coding, environment_.max_body_bytes);
  base::Status status;
  std::size_t lines_before = 0;
  line::LineChunks lines(limits.raw_bytes, limits.points);
  while (!outcome->failed()) {  // the rest of a body that was refused in part is not worth the work
    const auto piece = body.next();
    if (!piece) status = tl::unexpected(piece.error());
    if (!piece || piece->empty()) break;
    outcome->add_bytes(piece->size());
    auto ingested = line::ingest(*piece, options, lines);
    outcome->add_bad_lines(ingested, lines_before);
    lines_before += ingested.lines;
    auto chunks = lines.take();
    if (rules.empty()) {
      submit(chunks, outcome);
    } else {
      submit(rewritten(chunks, rewriter), outcome);
    }
    lines.give_back(std::move(chunks));
  }
  request.body = std::string();
  outcome->finish(status);
}

std::vector<line::LineChunk> WriteQueue::rewritten(const std::vector<line::LineChunk>& chunks,
                                                   line::LineRewriter& rewriter) const {
  const buffer::BlockLimits limits = environment_.sink.limits();
  line::LineChunks changed(limits.raw_bytes, limits.points);
  for (const line::LineChunk& chunk : chunks) {
    line::LineCursor lines(chunk.bytes);
    while (const auto parts = lines.next()) {
      if (rewriter.append(*parts, changed.open())) {
        changed.commit(time_of(*parts));
      } else {
        ++environment_.counters.filtered;
        changed.rollback();
      }
    }
  }
  return changed.take();
}

void WriteQueue::submit(const std::vector<line::LineChunk>& chunks,
                        const std::shared_ptr<Outcome>& outcome) {
  if (chunks.empty()) return;
  std::uint64_t points = 0;
  for (const line::LineChunk& chunk : chunks) points += chunk.points;
  outcome->expect_answer();
  outcome->counters().gathered += points;
  environment_.sink.add(views_of(chunks), buffer::Origin::kReceived,
                        [outcome](const base::Status& status, std::uint64_t not_accepted) {
                          outcome->counters().not_accepted += not_accepted;
                          outcome->finish(status);
                        });
}

}  // namespace holdfast::inputs
