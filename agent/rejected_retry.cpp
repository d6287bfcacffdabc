// Refused batches on their way out again. A batch that an agent or another command removes
// meanwhile is simply gone.
#include "agent/rejected_retry.h"

#include <cstdio>
#include <set>

#include <fmt/core.h>

#include "outputs/batch.h"

namespace holdfast::agent {
namespace {

using outputs::Action;
using outputs::Attempt;
using outputs::Batch;
using outputs::Decision;

void say(const std::string& text) {
  std::fputs((text + "\n").c_str(), stdout);
  std::fflush(stdout);  // as it happens: a request may take long
}
void complain(const std::string& text) { std::fputs((text + "\n").c_str(), stderr); }

// Refused to the last point. Of a partial write some are stored, so that it counts as done.
bool is_refused(const Decision& decision, const Batch& batch) {
  const bool none_stored = batch.points() > 0 && decision.rejected >= batch.points();
  return decision.action == Action::kRejected ||
         (decision.action == Action::kDelivered && none_stored);
}

class Retry {
 public:
  explicit Retry(const base::Clock& clock) : clock_(clock) {}

  void send(const RejectedBatch& stored) {
    if (stopped_.contains(stored.output)) {
      ++report_.left;
      return;
    }
    // Held until the batch is done with, so that nobody else sends it.
    const auto claimed = stored.directory->claim(stored.name);
    auto gzip = claimed ? stored.directory->gzip(stored.name) : tl::unexpected(claimed.error());
    if (!gzip) return cannot_send(stored, gzip.error());
    auto batch = Batch::from_gzip(std::move(*gzip));
    if (!batch) return cannot_send(stored, batch.error());
    const Attempt attempt = stored.output->output->deliver(*batch, never_);
    settle(stored, *batch, attempt.decision);
  }

  [[nodiscard]] const RetryReport& report() const { return report_; }

 private:
  void cannot_send(const RejectedBatch& stored, const base::Error& error) {
    if (error.code == base::ErrorCode::kNotFound) return say(stored.id() + ": gone meanwhile");
    ++report_.left;
    complain(fmt::format("{}: {}", stored.id(), error.message));
  }

  void settle(const RejectedBatch& stored, const Batch& batch, const Decision& decision) {
    if (is_refused(decision, batch)) {
      ++report_.refused;
      say(fmt::format("{}: refused again: {}", stored.id(), decision.reason));
      note_refusal(stored, batch, decision);
    } else if (decision.action == Action::kDelivered) {
      delivered(stored, batch, decision);
    } else {
      ++report_.left;
      stopped_.insert(stored.output);
      complain(fmt::format("{}: stopped at {}: {}{}", stored.output->display, stored.id(),
                           decision.reason, wait_text(decision)));
    }
  }

  static std::string wait_text(const Decision& decision) {
    if (decision.action != Action::kWait) return {};
    return fmt::format("; the server asks for a wait of {}", base::format_duration(decision.wait));
  }

  void delivered(const RejectedBatch& stored, const Batch& batch, const Decision& decision) {
    say(decision.rejected == 0
            ? fmt::format("{}: delivered, {} points", stored.id(), batch.points())
            : fmt::format("{}: delivered, but for {} of {} points: {}", stored.id(),
                          decision.rejected, batch.points(), decision.reason));
    if (auto removed = stored.directory->remove(stored.name); !removed) {
      ++report_.left;
      return complain(fmt::format("{}: {}", stored.id(), removed.error().message));
    }
    ++report_.delivered;
  }

  void note_refusal(const RejectedBatch& stored, const Batch& batch, const Decision& decision) {
    // Without a sidecar that can be read there is a new one.
    outputs::RejectedInfo info =
        stored.directory->info(stored.name).value_or(outputs::RejectedInfo{});
    info.status = decision.status;
    info.reason = decision.reason;
    info.url = stored.output->output->destination();
    info.output = stored.output->display;
    info.points = batch.points();
    info.bytes = batch.gzip().size();
    info.may_be_stored = info.may_be_stored || decision.may_be_stored;
    info.retried_at = base::format_utc(clock_.wall());
    const auto replaced =
        stored.directory->replace_sidecar(stored.name, sidecar_text(stored.name, info));
    if (!replaced) {
      complain(fmt::format("{}: the new reason cannot be noted: {}", stored.id(),
                           replaced.error().message));
    }
  }

  const base::Clock& clock_;
  const outputs::StopSignal never_;
  std::set<const ConfiguredOutput*> stopped_;
  RetryReport report_;
};

}  // namespace

RetryReport retry(const std::vector<const RejectedBatch*>& batches, const base::Clock& clock) {
  Retry sending(clock);
  for (const RejectedBatch* batch : batches) sending.send(*batch);
  return sending.report();
}

}  // namespace holdfast::agent
