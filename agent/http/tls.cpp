// The library takes certificates as texts, and asks clients for theirs when it is given
// authorities; whether what a client shows is any good, it leaves to us. The handshake succeeds for
// every client then, so a refused one gets an answer that it can read.
#include "agent/http/tls.h"

#include <utility>

#include "agent/tls/verify_client.h"

namespace holdfast::http {
namespace {

// What is known of one connection.
struct Peer {
  bool admitted = false;
};

MHD_OptionItem text_option(MHD_OPTION option, std::string& text) {
  return {option, 0, text.data()};
}

}  // namespace

base::Result<std::unique_ptr<Tls>> Tls::load(const tls::ServerOptions& options) {
  auto files = tls::load_server_files(options);
  if (!files) return tl::unexpected(files.error());
  return std::unique_ptr<Tls>(new Tls(std::move(*files)));
}

void Tls::add_options(std::vector<MHD_OptionItem>& items) {
  items.push_back(text_option(MHD_OPTION_HTTPS_PRIORITIES, files_.priorities));
  items.push_back(text_option(MHD_OPTION_HTTPS_MEM_CERT, files_.certificates));
  items.push_back(text_option(MHD_OPTION_HTTPS_MEM_KEY, files_.key));
  if (!files_.key_password.empty()) {
    items.push_back(text_option(MHD_OPTION_HTTPS_KEY_PASSWORD, files_.key_password));
  }
  if (files_.client_authorities.empty()) return;
  items.push_back(text_option(MHD_OPTION_HTTPS_MEM_TRUST, files_.client_authorities));
  items.push_back(
      {MHD_OPTION_NOTIFY_CONNECTION, reinterpret_cast<std::intptr_t>(&Tls::on_connection), this});
}

void Tls::on_connection(void* /*self*/, MHD_Connection* /*connection*/, void** context,
                        MHD_ConnectionNotificationCode code) {
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    *context = new Peer;
  } else {
    delete static_cast<Peer*>(std::exchange(*context, nullptr));
  }
}

base::Status Tls::admit(MHD_Connection* connection) const {
  if (files_.client_authorities.empty()) return base::ok();
  const auto* context = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  auto* peer = context == nullptr ? nullptr : static_cast<Peer*>(context->socket_context);
  if (peer != nullptr && peer->admitted) return base::ok();
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
  if (info == nullptr || info->tls_session == nullptr) {
    return base::fail(base::ErrorCode::kPermission, "the connection is not encrypted");
  }
  auto verified = tls::verify_client(static_cast<gnutls_session_int*>(info->tls_session),
                                     files_.allowed_dns_names);
  if (verified && peer != nullptr) peer->admitted = true;
  return verified;
}

}  // namespace holdfast::http
