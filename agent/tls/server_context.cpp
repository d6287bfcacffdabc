// GnuTLS set up as a server, for those who bring their own sockets.
#include "agent/tls/server_context.h"

#include <gnutls/gnutls.h>

#include "agent/tls/server_files.h"
#include "agent/tls/verify_client.h"

namespace holdfast::tls {
namespace {

gnutls_datum_t datum(const std::string& text) {
  // GnuTLS only reads it.
  return {reinterpret_cast<unsigned char*>(const_cast<char*>(text.data())),
          static_cast<unsigned>(text.size())};
}

tl::unexpected<base::Error> failed(int status) {
  return base::fail(base::ErrorCode::kIo, "TLS: {}", gnutls_strerror(status));
}

}  // namespace

void EndSession::operator()(gnutls_session_int* session) const { gnutls_deinit(session); }

base::Result<std::unique_ptr<ServerContext>> ServerContext::load(const ServerOptions& options) {
  std::unique_ptr<ServerContext> context(new ServerContext);
  if (auto prepared = context->prepare(options); !prepared) {
    return tl::unexpected(prepared.error());
  }
  return context;
}

ServerContext::~ServerContext() {
  if (credentials_ != nullptr) gnutls_certificate_free_credentials(credentials_);
  if (priorities_ != nullptr) gnutls_priority_deinit(priorities_);
}

base::Status ServerContext::prepare(const ServerOptions& options) {
  const auto files = load_server_files(options);
  if (!files) return tl::unexpected(files.error());
  allowed_dns_names_ = files->allowed_dns_names;
  asks_clients_ = !files->client_authorities.empty();
  int status = gnutls_priority_init(&priorities_, files->priorities.c_str(), nullptr);
  if (status < 0) return failed(status);
  status = gnutls_certificate_allocate_credentials(&credentials_);
  if (status < 0) return failed(status);
  const gnutls_datum_t certificates = datum(files->certificates);
  const gnutls_datum_t key = datum(files->key);
  status = gnutls_certificate_set_x509_key_mem2(
      credentials_, &certificates, &key, GNUTLS_X509_FMT_PEM,
      files->key_password.empty() ? nullptr : files->key_password.c_str(), 0);
  if (status < 0) return failed(status);
  if (!asks_clients_) return base::ok();
  const gnutls_datum_t authorities = datum(files->client_authorities);
  status = gnutls_certificate_set_x509_trust_mem(credentials_, &authorities, GNUTLS_X509_FMT_PEM);
  if (status < 0) return failed(status);
  gnutls_certificate_set_verify_function(credentials_, &ServerContext::check_client);
  return base::ok();
}

// Called by GnuTLS in the handshake; 0 lets the client in.
int ServerContext::check_client(gnutls_session_int* session) {
  const auto* context = static_cast<const ServerContext*>(gnutls_session_get_ptr(session));
  return verify_client(session, context->allowed_dns_names_) ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}

base::Result<Session> ServerContext::open_session() const {
  gnutls_session_t raw = nullptr;
  int status = gnutls_init(&raw, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
  if (status < 0) return failed(status);
  Session session(raw);
  gnutls_session_set_ptr(raw, const_cast<ServerContext*>(this));
  status = gnutls_priority_set(raw, priorities_);
  if (status < 0) return failed(status);
  status = gnutls_credentials_set(raw, GNUTLS_CRD_CERTIFICATE, credentials_);
  if (status < 0) return failed(status);
  gnutls_certificate_server_set_request(raw,
                                        asks_clients_ ? GNUTLS_CERT_REQUIRE : GNUTLS_CERT_IGNORE);
  return session;
}

}  // namespace holdfast::tls
