// Requests to one server: writes, and CREATE DATABASE where it may help.
#include "outputs/write_server.h"

#include <utility>

#include "outputs/answer.h"
#include "outputs/text.h"
#include "outputs/url.h"

namespace holdfast::outputs {
namespace {

// A tag may name more databases than anybody wants to remember.
constexpr std::size_t kMaxDatabases = 1000;

// Nobody heard the request: what follows it would not be heard either.
bool no_connection(TransportError error) {
  return error == TransportError::kResolve || error == TransportError::kConnect ||
         error == TransportError::kTls || error == TransportError::kAborted;
}

// The form body of CREATE DATABASE.
std::string create_statement(std::string_view database) {
  std::string name;
  for (const char c : database) {
    if (c == '\\' || c == '"') name += '\\';
    name += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return "q=" + percent_encode(fmt::format("CREATE DATABASE \"{}\"", name));
}

// The first wins where both have a parameter.
Parameters merged(const Parameters& first, const Parameters& second) {
  Parameters all = first;
  all.insert(second.begin(), second.end());
  return all;
}

}  // namespace

Decision ServerConnection::write(const WriteBody& body, Attempt& attempt, const StopSignal& stop) {
  Prepared& prepared = prepare(body);
  const std::string& name = prepared.database;
  Creation* const creation = creation_of(name);
  const bool first_contact = creation != nullptr && creation->due;
  if (first_contact) {
    if (auto failed = create(name, *creation, body, attempt, stop)) return *failed;
  }
  Decision decision = post(prepared.request, body.points, creation, attempt, stop);
  // Asked for a moment ago or refused since the last success: asking again would not help.
  if (!decision.database_missing || first_contact || creation == nullptr || !creation->may) {
    return decision;
  }
  if (auto failed = create(name, *creation, body, attempt, stop)) return *failed;
  creation->may = false;
  return post(prepared.request, body.points, creation, attempt, stop);
}

ServerConnection::Prepared& ServerConnection::prepare(const WriteBody& body) {
  const bool as_before = prepared_ && prepared_->parameters == body.parameters &&
                         prepared_->gzip == body.gzip && prepared_->trace == body.trace;
  if (!as_before) {
    const Parameters all = merged(body.parameters, target_.parameters);
    const auto database = all.find("db");
    std::vector<HttpHeader> headers{{"Content-Type", "text/plain; charset=utf-8"}};
    if (body.gzip) headers.push_back({"Content-Encoding", "gzip"});
    prepared_ = Prepared{body.parameters,
                         body.gzip,
                         body.trace,
                         database == all.end() ? std::string() : database->second,
                         {server_.write_url + query_string(merged(all, server_.login)),
                          headers_of(std::move(headers), body.trace),
                          {}}};
  }
  prepared_->request.body = body.bytes;
  return *prepared_;
}

ServerConnection::Creation* ServerConnection::creation_of(const std::string& database) {
  if (!target_.create_databases || database.empty()) return nullptr;
  if (creations_.size() >= kMaxDatabases && !creations_.contains(database)) creations_.clear();
  return &creations_[database];
}

std::vector<HttpHeader> ServerConnection::headers_of(std::vector<HttpHeader> own,
                                                     const std::string& trace) const {
  own.insert(own.end(), target_.headers.begin(), target_.headers.end());
  // The form that InfluxDB 2 reads: an OpenTracing span context as JSON.
  if (!trace.empty()) {
    own.push_back(
        {"Zap-Trace-Span", fmt::format(R"({{"trace_id":"{0}","span_id":"{0}"}})", trace)});
  }
  return own;
}

ServerConnection::Exchange ServerConnection::send(const HttpRequest& request, std::uint64_t points,
                                                  Attempt& attempt, const StopSignal& stop) {
  Exchange exchange{client_->send(request, stop), {}};
  HttpResult& result = exchange.result;
  attempt.statuses.push_back(result.status);
  attempt.bytes_sent += result.bytes_sent;
  const AnswerContext context{.points = points, .now = clock_.wall()};
  exchange.decision = decide(result, context);
  // Only the words are cleaned, after the decision: a password "1" must not hide a "dropped=1".
  for (const std::string& secret : target_.secrets) {
    redact(secret, result.body);
    redact(secret, result.error_text);
    for (HttpHeader& header : result.headers) redact(secret, header.value);
  }
  std::string& reason = exchange.decision.reason;
  if (reason.empty()) return exchange;
  reason = decide(result, context).reason;
  // Once more: in JSON a secret may have stood with escapes.
  for (const std::string& secret : target_.secrets) redact(secret, reason);
  return exchange;
}

// A decision when the attempt ends here: there is no connection, or the server asks for a wait. Any
// other failure is none of the write's business: the user may have no right to create databases.
std::optional<Decision> ServerConnection::create(const std::string& database, Creation& creation,
                                                 const WriteBody& body, Attempt& attempt,
                                                 const StopSignal& stop) {
  const std::string statement = create_statement(database);
  const auto [result, decision] = send(
      {server_.query_url + query_string(server_.login),
       headers_of({{"Content-Type", "application/x-www-form-urlencoded"}}, body.trace), statement},
      0, attempt, stop);
  if (decision.action == Action::kWait || (result.status == 0 && no_connection(result.error))) {
    return decision;
  }
  if (result.status >= 400 && result.status < 500) creation.may = false;
  if (decision.action != Action::kDelivered) {
    log_.debug("CREATE DATABASE failed, writing all the same: {}", decision.reason);
  }
  return std::nullopt;
}

Decision ServerConnection::post(const HttpRequest& request, std::uint64_t points,
                                Creation* creation, Attempt& attempt, const StopSignal& stop) {
  const auto [result, decision] = send(request, points, attempt, stop);
  if (creation == nullptr) return decision;
  if (result.status > 0) creation->due = false;  // in contact: creating comes after a 404 only
  if (decision.action == Action::kDelivered) creation->may = true;
  return decision;
}

}  // namespace holdfast::outputs
