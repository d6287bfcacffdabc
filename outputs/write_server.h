// ServerConnection: requests to one server, its databases included.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "outputs/http_client.h"
#include "outputs/output.h"
#include "outputs/write_target.h"

namespace holdfast::outputs {

// What goes out in one write, and what an attempt keeps account of.
struct WriteBody {
  Parameters parameters;  // that replace those of the target
  std::string_view bytes;
  bool gzip = true;
  std::uint64_t points = 0;
  std::string trace;  // Zap-Trace-Span; empty: not sent
};

// For one thread; `target`, `server` and `clock` outlive it.
class ServerConnection {
 public:
  ServerConnection(const WriteTarget& target, const WriteServer& server,
                   std::unique_ptr<HttpClient> client, const base::Clock& clock, base::Logger log)
      : target_(target),
        server_(server),
        client_(std::move(client)),
        clock_(clock),
        log_(std::move(log)) {}

  // Writes; creates the database before the first contact, and when the server says that it is
  // missing. Adds each request to `attempt`, whose decision it leaves alone.
  [[nodiscard]] Decision write(const WriteBody& body, Attempt& attempt, const StopSignal& stop);

  [[nodiscard]] const std::string& name() const { return server_.name; }

 private:
  struct Creation {
    bool due = true;  // nobody has answered yet
    bool may = true;  // after a 404; once for each incident: comes back with the next success
  };

  [[nodiscard]] Creation* creation_of(const std::string& database);
  // A write, kept: the next one mostly differs in nothing but its bytes.
  struct Prepared {
    Parameters parameters;  // these three are of the body
    bool gzip = true;
    std::string trace;
    std::string database;  // empty: not named
    HttpRequest request;
  };
  [[nodiscard]] Prepared& prepare(const WriteBody& body);
  // One request, and what its answer means for `points` points.
  struct Exchange {
    HttpResult result;
    Decision decision;
  };
  Exchange send(const HttpRequest& request, std::uint64_t points, Attempt& attempt,
                const StopSignal& stop);
  [[nodiscard]] std::vector<HttpHeader> headers_of(std::vector<HttpHeader> own,
                                                   const std::string& trace) const;
  [[nodiscard]] std::optional<Decision> create(const std::string& database, Creation& creation,
                                               const WriteBody& body, Attempt& attempt,
                                               const StopSignal& stop);
  [[nodiscard]] Decision post(const HttpRequest& request, std::uint64_t points, Creation* creation,
                              Attempt& attempt, const StopSignal& stop);

  const WriteTarget& target_;
  const WriteServer& server_;
  std::unique_ptr<HttpClient> client_;
  const base::Clock& clock_;
  base::Logger log_;
  std::map<std::string, Creation> creations_;  // by database
  std::optional<Prepared> prepared_;           // for the latest body
};

}  // namespace holdfast::outputs
