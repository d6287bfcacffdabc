// See bad_request_log.h.
#include "inputs/bad_request_log.h"

#include "inputs/listener_answers.h"

namespace holdfast::inputs {

void BadRequestLog::note(std::string_view remote, int status, std::string_view problem) {
  counters_.set_last_error(plain_text(problem));
  std::uint64_t suppressed = 0;
  if (!throttle_.allow(clock_.boot(), suppressed)) return;
  log_.warn("answered {} to {}: {} ({} more since the last warning)", status, remote, problem,
            suppressed);
}

}  // namespace holdfast::inputs
