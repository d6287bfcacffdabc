// GnuTLS between the socket and its reader.
#include "inputs/sockets/tls_channel.h"

#include <string>
#include <utility>

#include <fmt/core.h>
#include <gnutls/gnutls.h>

namespace holdfast::sockets {
namespace {

class TlsChannel final : public Channel {
 public:
  explicit TlsChannel(tls::Session session) : session_(std::move(session)) {}
  TlsChannel(const TlsChannel&) = delete;
  TlsChannel& operator=(const TlsChannel&) = delete;
  ~TlsChannel() override {
    if (open_) gnutls_bye(session_.get(), GNUTLS_SHUT_WR);
  }

  [[nodiscard]] Got read(std::span<char> into) override {
    if (!open_) {
      const int status = gnutls_handshake(session_.get());
      if (status < 0) return stopped(status, "the TLS handshake failed");
      open_ = true;
    }
    const ssize_t got = gnutls_record_recv(session_.get(), into.data(), into.size());
    if (got > 0) return {State::kData, static_cast<std::size_t>(got)};
    if (got == 0) return {State::kEnd};
    return stopped(static_cast<int>(got), "TLS failed");
  }

  [[nodiscard]] bool buffered() const override {
    return open_ && gnutls_record_check_pending(session_.get()) > 0;
  }

 private:
  [[nodiscard]] Got stopped(int status, std::string_view what) {
    // What is not fatal (a warning, a wish to shake hands again) is passed over.
    if (gnutls_error_is_fatal(status) == 0) {
      const bool writes = gnutls_record_get_direction(session_.get()) == 1;
      return {writes ? State::kWaitsWrite : State::kWaitsRead};
    }
    // Tells the other end why; if that takes more than one packet, so be it.
    if (!open_) gnutls_alert_send_appropriate(session_.get(), status);
    open_ = false;
    return {State::kFailed, 0, fmt::format("{}: {}", what, gnutls_strerror(status))};
  }

  tls::Session session_;
  bool open_ = false;  // the handshake is done, and nothing has failed
};

}  // namespace

base::Result<std::unique_ptr<Channel>> make_tls_channel(int descriptor,
                                                        const tls::ServerContext& context) {
  auto session = context.open_session();
  if (!session) return tl::unexpected(session.error());
  gnutls_transport_set_int(session->get(), descriptor);
  return std::make_unique<TlsChannel>(std::move(*session));
}

}  // namespace holdfast::sockets
