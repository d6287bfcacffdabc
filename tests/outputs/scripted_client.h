// An HttpClient that answers from a list and remembers what it was asked, and when.
#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "outputs/http_client.h"
#include "tests/support/fake_clock.h"
#include "tests/support/gzip.h"

namespace holdfast::test {

inline outputs::HttpResult http_answer(int status, std::string body = "",
                                       std::vector<outputs::HttpHeader> headers = {}) {
  outputs::HttpResult result;
  result.status = status;
  result.body = std::move(body);
  result.headers = std::move(headers);
  return result;
}

inline outputs::HttpResult http_failure(outputs::TransportError error, std::string text) {
  outputs::HttpResult result;
  result.error = error;
  result.error_text = std::move(text);
  return result;
}

struct SentRequest {
  base::BootTime at;
  std::string url;
  std::vector<outputs::HttpHeader> headers;
  std::string body;
  std::string lines;  // of a gzip body
};

// What client and test share. Thread-safe.
class HttpScript {
 public:
  explicit HttpScript(FakeClock& clock) : clock_(clock) {}

  void answer(const outputs::HttpResult& result, int times = 1) {
    const std::lock_guard lock(mutex_);
    for (int i = 0; i < times; ++i) answers_.push_back(result);
  }
  // Runs in the client's thread during the next request: time passes, a stop comes.
  void during_next(std::function<void(const outputs::StopSignal&)> action) {
    const std::lock_guard lock(mutex_);
    during_ = std::move(action);
  }
  [[nodiscard]] std::vector<SentRequest> sent() const {
    const std::lock_guard lock(mutex_);
    return sent_;
  }
  [[nodiscard]] std::size_t count() const { return sent().size(); }

  outputs::HttpResult take(const outputs::HttpRequest& request, const outputs::StopSignal& stop) {
    std::function<void(const outputs::StopSignal&)> during;
    outputs::HttpResult result = http_answer(204);
    {
      const std::lock_guard lock(mutex_);
      sent_.push_back({clock_.boot(), request.url, request.headers, std::string(request.body),
                       gunzip_single_member(request.body).value_or("")});
      during = std::exchange(during_, nullptr);
      if (!answers_.empty()) {
        result = std::move(answers_.front());
        answers_.pop_front();
      }
    }
    if (during) during(stop);
    result.bytes_sent = request.body.size();
    return result;
  }

 private:
  FakeClock& clock_;
  mutable std::mutex mutex_;
  std::deque<outputs::HttpResult> answers_;
  std::vector<SentRequest> sent_;
  std::function<void(const outputs::StopSignal&)> during_;
};

class ScriptedClient final : public outputs::HttpClient {
 public:
  explicit ScriptedClient(HttpScript& script) : script_(script) {}
  [[nodiscard]] outputs::HttpResult send(const outputs::HttpRequest& request,
                                         const outputs::StopSignal& stop) override {
    return script_.take(request, stop);
  }

 private:
  HttpScript& script_;
};

}  // namespace holdfast::test
