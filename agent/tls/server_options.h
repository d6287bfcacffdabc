// What a server that speaks TLS needs to be told.
#pragma once

#include <string>
#include <vector>

namespace holdfast::tls {

struct ServerOptions {
  // PEM files. The certificate may be followed by those that lead to its root.
  std::string certificate_file;
  std::string key_file;
  std::string key_password;  // of an encrypted key; empty: it is not encrypted
  // Clients must show a certificate that one of these authorities signed; empty: they need none.
  std::vector<std::string> client_ca_files;
  // One of these must be among the DNS names of the client's certificate; empty: any may be.
  std::vector<std::string> allowed_dns_names;
  // "TLS10" to "TLS13"; empty: TLS12, and the newest there is.
  std::string min_version = "TLS12";
  std::string max_version;

  [[nodiscard]] bool enabled() const { return !certificate_file.empty() || !key_file.empty(); }
  [[nodiscard]] bool operator==(const ServerOptions&) const = default;
};

}  // namespace holdfast::tls
