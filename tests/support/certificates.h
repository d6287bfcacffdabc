// Certificates: a private CA and a server certificate of it, made by openssl.
#pragma once

#include <string>

#include "agent/base/result.h"

namespace holdfast::test {

struct Certificates {
  std::string ca;    // files
  std::string cert;  // for `name`, signed by the CA
  std::string key;
  std::string pin;  // of the server's key, as libcurl and `tls_pinned_public_key` have it
};

// A client's certificate of the same CA, its key locked with a password.
struct ClientCertificate {
  std::string cert;  // files
  std::string key;
  std::string password;
};
// To be called after make_certificates, with its directory.
[[nodiscard]] base::Result<ClientCertificate> make_client_certificate(const std::string& directory,
                                                                      const std::string& name);

// `directory` must exist; the files in it are overwritten. `name`: "localhost", "127.0.0.1" is
// always in the certificate too, unless `with_address` is false.
[[nodiscard]] base::Result<Certificates> make_certificates(const std::string& directory,
                                                           const std::string& name,
                                                           bool with_address = true);

}  // namespace holdfast::test
