// The files that TLS server options name, read and checked.
#pragma once

#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/tls/server_options.h"

namespace holdfast::tls {

struct ServerFiles {
  std::string certificates;  // PEM texts
  std::string key;
  std::string key_password;
  std::string client_authorities;  // of all files, one after the other; empty: no client needs one
  std::vector<std::string> allowed_dns_names;
  std::string priorities;  // GnuTLS's priority string, for the versions of the protocol
};

// Errors name the file and what is wrong with it: not there, no certificate in it, a wrong
// password, a key of another certificate. Also kInvalid if the versions leave nothing. Blocks on
// files.
[[nodiscard]] base::Result<ServerFiles> load_server_files(const ServerOptions& options);

}  // namespace holdfast::tls
