// Credentials of a server on plain sockets, and the sessions of its connections.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/tls/server_options.h"

struct gnutls_session_int;                 // gnutls_session_t,
struct gnutls_certificate_credentials_st;  // gnutls_certificate_credentials_t
struct gnutls_priority_st;                 // and gnutls_priority_t point to these

namespace holdfast::tls {

struct EndSession {
  void operator()(gnutls_session_int* session) const;
};
// Without a farewell to the peer: gnutls_bye is the owner's.
using Session = std::unique_ptr<gnutls_session_int, EndSession>;

// Shared by the connections of a server and outlives their sessions. Thread-safe once loaded.
class ServerContext {
 public:
  // Errors as load_server_files has them. Blocks on files.
  [[nodiscard]] static base::Result<std::unique_ptr<ServerContext>> load(
      const ServerOptions& options);
  ~ServerContext();
  ServerContext(const ServerContext&) = delete;
  ServerContext& operator=(const ServerContext&) = delete;

  // A non-blocking session, before its handshake; the owner gives it a transport
  // (gnutls_transport_set_int), and leaves its pointer (gnutls_session_set_ptr) alone. The
  // handshake fails for a client that must show a good certificate and does not: no need to call
  // verify_client.
  [[nodiscard]] base::Result<Session> open_session() const;

 private:
  ServerContext() = default;
  static int check_client(gnutls_session_int* session);
  [[nodiscard]] base::Status prepare(const ServerOptions& options);

  gnutls_certificate_credentials_st* credentials_ = nullptr;
  gnutls_priority_st* priorities_ = nullptr;
  bool asks_clients_ = false;
  std::vector<std::string> allowed_dns_names_;
};

}  // namespace holdfast::tls
