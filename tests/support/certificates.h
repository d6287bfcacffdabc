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

// `directory` must exist; the files in it are overwritten. `name`: "localhost", "127.0.0.1" is
// always in the certificate too, unless `with_address` is false.
[[nodiscard]] base::Result<Certificates> make_certificates(const std::string& directory,
                                                           const std::string& name,
                                                           bool with_address = true);

struct ClientCertificate {
  std::string cert;  // files
  std::string key;
};

// A certificate of the CA that make_certificates() left in `directory`, for a client whose DNS name
// is `name`; the files are named after it. `purpose`: "clientAuth" or "serverAuth".
[[nodiscard]] base::Result<ClientCertificate> make_client_certificate(
    const std::string& directory, const std::string& name,
    const std::string& purpose = "clientAuth");

// A copy of a key, encrypted with `password`; its path.
[[nodiscard]] base::Result<std::string> encrypt_key(const std::string& key,
                                                    const std::string& password);

}  // namespace holdfast::test
