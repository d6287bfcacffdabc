// WriteTarget: where an output over HTTP writes to, worked out from its options. No I/O.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "outputs/http_client.h"
#include "outputs/line_groups.h"

namespace holdfast::outputs {

// One of the servers that take the same data.
struct WriteServer {
  std::string name;       // for log and status; without credentials
  std::string write_url;  // without parameters
  std::string query_url;
  Parameters login;  // u and p, if they are to be in the query
  HttpClientOptions client;
};

struct WriteTarget {
  std::vector<WriteServer> servers;  // the preferred one first; at least one
  Parameters parameters;             // of every write; the groups of `rules` replace theirs
  LineRules rules;                   // empty: the ring's bytes go out as they are
  // With it CREATE DATABASE is sent for the parameter `db`.
  bool create_databases = false;
  std::vector<HttpHeader> headers;   // of every request
  std::vector<std::string> secrets;  // never to be shown, in every spelling that may come back
  bool gzip = true;
  bool trace = false;            // Zap-Trace-Span
  bool unsigned_fields = false;  // `influx_uint_support`
  std::string identity;          // Output plugins: what the reader's name is made of
};

}  // namespace holdfast::outputs
