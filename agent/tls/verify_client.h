// Whether the client at the other end of a session may talk to us.
#pragma once

#include <string>
#include <vector>

#include "agent/base/result.h"

struct gnutls_session_int;  // gnutls_session_t points to it

namespace holdfast::tls {

// After the handshake of a session whose credentials hold the authorities that are trusted. The
// client must have shown a certificate of one of them, made for clients (or for everything), valid
// now, and with one of `allowed_dns_names`, if there are any, among its DNS names (no wildcards;
// upper and lower case are the same). kPermission says what is missing.
[[nodiscard]] base::Status verify_client(gnutls_session_int* session,
                                         const std::vector<std::string>& allowed_dns_names);

}  // namespace holdfast::tls
