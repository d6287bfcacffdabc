// LineListener: what listeners for line protocol over HTTP have in common. A plugin adds the paths
// it knows and the form of its errors.
#pragma once

#include <memory>
#include <string>

#include "agent/http/server.h"
#include "inputs/authorization.h"
#include "inputs/bad_request_log.h"
#include "inputs/input.h"
#include "inputs/listener_answers.h"
#include "inputs/listener_options.h"
#include "inputs/request_counters.h"
#include "inputs/write_parameters.h"
#include "inputs/write_queue.h"

namespace holdfast::inputs {

struct LineListenerSettings {
  std::string address;  // as http::ServerOptions has it
  ListenerOptions listener;
  Authorization authorization;
  WriteParameters parameters;
  ErrorAnswer error = &influxdb_v1_error;
};

class LineListener : public ServiceInput {
 public:
  LineListener(LineListenerSettings settings, const InputContext& context);

  [[nodiscard]] base::Status start(const ServiceContext& context) override;
  void stop(std::function<void()> stopped) override;
  // What all listeners count; a plugin adds its own.
  [[nodiscard]] PluginCounts counts() const override;

 protected:
  // Answers any request that comes while the listener runs. I/O thread.
  virtual void handle(http::Request request, http::Responder responder) = 0;

  // For `handle`: answers, and counts the answer among those of its kind.
  void answer(RequestCounters::Count& kind, http::Responder& responder, http::Response response);
  // For `handle`. True if the request has what it needs; else it is answered 401.
  [[nodiscard]] bool authorize(const http::Request& request, http::Responder& responder);
  // Takes the body in, and answers when its points are in the ring or it is known why not.
  void write(http::Request request, http::Responder responder);
  [[nodiscard]] RequestCounters& requests() const { return *requests_; }
  [[nodiscard]] const base::Clock& clock() const { return clock_; }
  [[nodiscard]] http::Response error(int status, std::string_view message) const {
    return settings_.error(status, message);
  }
  [[nodiscard]] http::Response wrong_method(std::string_view allowed) const {
    return method_answer(settings_.error, allowed);
  }

 private:
  void answer(http::Responder& responder, http::Response response);
  void note_bad_request(std::string_view remote, int status, std::string_view problem);

  const LineListenerSettings settings_;
  const base::Clock& clock_;
  base::Logger log_;
  InputCounters* counters_ = nullptr;
  const std::shared_ptr<RequestCounters> requests_ = std::make_shared<RequestCounters>();
  std::shared_ptr<BadRequestLog> bad_requests_;
  std::shared_ptr<WriteQueue> queue_;
  bool stopping_ = false;
  std::unique_ptr<http::Server> server_;  // last: its handler uses the others
};

}  // namespace holdfast::inputs
