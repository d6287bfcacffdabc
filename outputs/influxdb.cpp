// Plugin `influxdb`: batches to the /write endpoint of InfluxDB 1.x and whatever speaks like it.
#include "outputs/influxdb.h"

#include <utility>

#include "outputs/answer.h"
#include "outputs/text.h"

namespace holdfast::outputs {
namespace {

// Nobody heard the request: what follows it would not be heard either.
bool no_connection(TransportError error) {
  return error == TransportError::kResolve || error == TransportError::kConnect ||
         error == TransportError::kTls || error == TransportError::kAborted;
}

class InfluxdbOutput final : public Output {
 public:
  InfluxdbOutput(InfluxdbTarget target, std::unique_ptr<HttpClient> client,
                 const OutputContext& context)
      : target_(std::move(target)),
        client_(std::move(client)),
        clock_(context.clock),
        log_(context.log),
        creation_due_(has_statement()),
        may_create_(has_statement()) {}

  [[nodiscard]] Attempt deliver(Batch& batch, const StopSignal& stop) override {
    Attempt attempt;
    const bool first_contact = creation_due_;
    if (first_contact && !create_database(attempt, stop)) return attempt;
    if (!write(batch, attempt, stop)) return attempt;
    // Asked for a moment ago or refused since the last success: asking again would not help.
    if (!attempt.decision.database_missing || first_contact || !may_create_) return attempt;
    if (create_database(attempt, stop)) {
      may_create_ = false;
      (void)write(batch, attempt, stop);
    }
    return attempt;
  }

  [[nodiscard]] std::string destination() const override { return target_.destination; }

 private:
  [[nodiscard]] bool has_statement() const { return !target_.create_statement.empty(); }

  HttpResult send(std::string_view url, std::vector<HttpHeader> headers, std::string_view body,
                  Attempt& attempt, const StopSignal& stop) {
    headers.insert(headers.end(), target_.headers.begin(), target_.headers.end());
    HttpResult result = client_->send({std::string(url), std::move(headers), body}, stop);
    attempt.statuses.push_back(result.status);
    attempt.bytes_sent += result.bytes_sent;
    for (const std::string& secret : target_.secrets) {
      redact(secret, result.body);
      redact(secret, result.error_text);
      for (HttpHeader& header : result.headers) redact(secret, header.value);
    }
    return result;
  }

  // False when the attempt ends here: there is no connection, or the server asks for a wait. Any
  // other failure is none of the write's business: the user may have no right to create databases.
  bool create_database(Attempt& attempt, const StopSignal& stop) {
    const HttpResult result =
        send(target_.query_url, {{"Content-Type", "application/x-www-form-urlencoded"}},
             target_.create_statement, attempt, stop);
    const Decision decision = decide(result, {.points = 0, .now = clock_.wall()});
    if (decision.action == Action::kWait || (result.status == 0 && no_connection(result.error))) {
      attempt.decision = decision;
      return false;
    }
    if (result.status >= 400 && result.status < 500) may_create_ = false;
    if (decision.action != Action::kDelivered) {
      log_.debug("CREATE DATABASE failed, writing all the same: {}", decision.reason);
    }
    return true;
  }

  // False when the lines cannot be had; else the decision is in `attempt`.
  bool write(Batch& batch, Attempt& attempt, const StopSignal& stop) {
    std::vector<HttpHeader> headers{{"Content-Type", "text/plain; charset=utf-8"}};
    std::string_view body = batch.gzip();
    if (target_.gzip) {
      headers.push_back({"Content-Encoding", "gzip"});
    } else {
      const auto lines = batch.lines();
      if (!lines) {
        attempt.decision = {.action = Action::kRejected, .reason = lines.error().message};
        return false;
      }
      body = *lines;
    }
    const HttpResult result = send(target_.write_url, std::move(headers), body, attempt, stop);
    attempt.decision = decide(result, {.points = batch.points(), .now = clock_.wall()});
    if (result.status > 0) creation_due_ = false;  // in contact: creating comes after a 404 only
    if (attempt.decision.action == Action::kDelivered) may_create_ = has_statement();
    return true;
  }

  InfluxdbTarget target_;
  std::unique_ptr<HttpClient> client_;
  const base::Clock& clock_;
  base::Logger log_;
  bool creation_due_;  // nobody has answered yet
  bool may_create_;    // after a 404; once for each incident: comes back with the next success
};

std::vector<config::OptionInfo> options() { return influxdb_schema().describe(); }

std::unique_ptr<Output> create(config::Table& table, config::Diagnostics& diagnostics,
                               const OutputContext& context, std::string& identity) {
  auto target = read_influxdb_target(table, diagnostics);
  if (!target) return nullptr;
  identity = target->identity;
  auto client = make_http_client(target->client, context.clock);
  if (!client) {
    diagnostics.error(table.where(), client.error().message);
    return nullptr;
  }
  return make_influxdb_output(std::move(*target), std::move(*client), context);
}

}  // namespace

std::unique_ptr<Output> make_influxdb_output(InfluxdbTarget target,
                                             std::unique_ptr<HttpClient> client,
                                             const OutputContext& context) {
  return std::make_unique<InfluxdbOutput>(std::move(target), std::move(client), context);
}

OutputPlugin influxdb_plugin() {
  return {"influxdb", "InfluxDB 1.x and compatible servers, over HTTP /write.", &options, &create};
}

}  // namespace holdfast::outputs
