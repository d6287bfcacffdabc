// A server, a queue and the way between them. HTTP is done by agent/http, taking in lines by
// write_queue.cpp.
#include "inputs/line_listener.h"

#include <chrono>
#include <utility>

namespace holdfast::inputs {

LineListener::LineListener(LineListenerSettings settings, const InputContext& context)
    : settings_(std::move(settings)), clock_(context.clock), log_(context.log) {}

base::Status LineListener::start(const ServiceContext& context) {
  counters_ = &context.counters;
  bad_requests_ = std::make_shared<BadRequestLog>(log_, clock_, context.counters);
  queue_ = std::make_shared<WriteQueue>(
      WriteQueue::Environment{context.pool, context.sink, context.rules, context.counters, clock_,
                              settings_.listener.max_body_bytes});
  auto options = server_options(settings_.address, settings_.listener);
  options.error_answer = [this](int status, std::string_view message) {
    // Too much at a time, or the end of the server: no fault of the client.
    if (status != 503) note_bad_request("a client", status, message);
    ++requests_->requests_received;
    ++requests_->requests_served;
    return error(status, message);
  };
  auto server = http::Server::start(
      context.io, options,
      [this](http::Request request, http::Responder responder) {
        ++requests_->requests_received;
        if (stopping_) return answer(responder, error(503, "the listener is stopping"));
        handle(std::move(request), std::move(responder));
      },
      log_);
  if (!server) return tl::unexpected(server.error());
  server_ = std::move(*server);
  stopping_ = false;
  log_.info("listening on {} (port {}){}", settings_.address, server_->port(),
            options.tls.enabled() ? ", TLS" : "");
  return base::ok();
}

void LineListener::stop(std::function<void()> stopped) {
  stopping_ = true;
  server_->quiesce(std::move(stopped));
}

PluginCounts LineListener::counts() const {
  return {{{"address", settings_.address}},
          {{"auth_failures", requests_->auth_failures},
           {"bytes_received", requests_->bytes_received},
           {"not_founds_served", requests_->not_founds_served},
           {"pings_served", requests_->pings_served},
           {"requests_received", requests_->requests_received},
           {"requests_served", requests_->requests_served},
           {"writes_served", requests_->writes_served}}};
}

void LineListener::answer(http::Responder& responder, http::Response response) {
  ++requests_->requests_served;
  responder.respond(std::move(response));
}

void LineListener::answer(RequestCounters::Count& kind, http::Responder& responder,
                          http::Response response) {
  ++kind;
  answer(responder, std::move(response));
}

void LineListener::note_bad_request(std::string_view remote, int status, std::string_view problem) {
  ++counters_->errors;
  bad_requests_->note(remote, status, problem);
}

bool LineListener::authorize(const http::Request& request, http::Responder& responder) {
  const auto now_s =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::nanoseconds(clock_.wall_ns()));
  const Authorization& authorization = settings_.authorization;
  if (authorization.accept(request.header("authorization"), now_s.count())) return true;
  note_bad_request(request.remote, 401, "authorization failed");
  ++requests_->auth_failures;
  answer(responder, unauthorized_answer(settings_.error, authorization.challenge()));
  return false;
}

void LineListener::write(http::Request request, http::Responder responder) {
  auto parsed = read_write_request(settings_.parameters, request);
  if (!parsed) {
    note_bad_request(request.remote, 400, parsed.error().message);
    return answer(requests_->writes_served, responder, error(400, parsed.error().message));
  }
  // std::function copies, a Responder does not.
  auto shared = std::make_shared<http::Responder>(std::move(responder));
  parsed->done = [shared, bad_requests = bad_requests_, requests = requests_,
                  form = settings_.error,
                  remote = std::move(request.remote)](const WriteResult& result) {
    auto answer = write_answer(result, form);
    if (answer.status != 204) bad_requests->note(remote, answer.status, problem_of(result));
    requests->bytes_received += result.bytes;
    ++requests->writes_served;
    ++requests->requests_served;
    shared->respond(std::move(answer));
  };
  queue_->push(std::move(*parsed));
}

}  // namespace holdfast::inputs
