// Checking a client's certificate. GnuTLS does it, but only when asked: a server that requests a
// certificate takes any, and none.
#include "agent/tls/verify_client.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <strings.h>

namespace holdfast::tls {
namespace {

using base::ErrorCode;
using base::fail;

// Longer than a DNS name can be.
constexpr std::size_t kNameBytes = 256;

std::string reasons(unsigned status) {
  gnutls_datum_t text{};
  if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) < 0) {
    return "unknown";
  }
  std::string out(reinterpret_cast<const char*>(text.data), text.size);
  gnutls_free(text.data);
  while (!out.empty() && (out.back() == ' ' || out.back() == '\0')) out.pop_back();
  return out;
}

base::Status check_chain(gnutls_session_t session) {
  std::string purpose = GNUTLS_KP_TLS_WWW_CLIENT;
  gnutls_typed_vdata_st wanted{};
  wanted.type = GNUTLS_DT_KEY_PURPOSE_OID;
  wanted.data = reinterpret_cast<unsigned char*>(purpose.data());
  unsigned status = 0;
  const int result = gnutls_certificate_verify_peers(session, &wanted, 1, &status);
  if (result == GNUTLS_E_NO_CERTIFICATE_FOUND) {
    return fail(ErrorCode::kPermission, "the client showed no certificate");
  }
  if (result < 0) {
    return fail(ErrorCode::kPermission, "the client's certificate cannot be checked: {}",
                gnutls_strerror(result));
  }
  if (status != 0) {
    return fail(ErrorCode::kPermission, "the client's certificate is refused: {}", reasons(status));
  }
  return base::ok();
}

bool same_name(const std::string& one, std::string_view other) {
  return one.size() == other.size() && strncasecmp(one.data(), other.data(), one.size()) == 0;
}

bool has_one_of(gnutls_x509_crt_t certificate, const std::vector<std::string>& names) {
  for (unsigned i = 0;; ++i) {
    std::array<char, kNameBytes> name{};
    std::size_t size = name.size();
    const int type =
        gnutls_x509_crt_get_subject_alt_name(certificate, i, name.data(), &size, nullptr);
    if (type == GNUTLS_E_SHORT_MEMORY_BUFFER) continue;
    if (type < 0) return false;  // no more
    if (type != GNUTLS_SAN_DNSNAME) continue;
    const std::string_view shown(name.data(), size);
    if (std::any_of(names.begin(), names.end(),
                    [&](const std::string& allowed) { return same_name(allowed, shown); })) {
      return true;
    }
  }
}

base::Status check_names(gnutls_session_t session, const std::vector<std::string>& names) {
  unsigned count = 0;
  const gnutls_datum_t* chain = gnutls_certificate_get_peers(session, &count);
  gnutls_x509_crt_t certificate = nullptr;
  if (chain == nullptr || count == 0 || gnutls_x509_crt_init(&certificate) < 0) {
    return fail(ErrorCode::kPermission, "the client's certificate cannot be read");
  }
  const std::unique_ptr<gnutls_x509_crt_int, void (*)(gnutls_x509_crt_t)> owned(
      certificate, &gnutls_x509_crt_deinit);
  if (gnutls_x509_crt_import(certificate, chain, GNUTLS_X509_FMT_DER) < 0) {
    return fail(ErrorCode::kPermission, "the client's certificate cannot be read");
  }
  if (!has_one_of(certificate, names)) {
    return fail(ErrorCode::kPermission, "no DNS name of the client's certificate is allowed");
  }
  return base::ok();
}

}  // namespace

base::Status verify_client(gnutls_session_int* session,
                           const std::vector<std::string>& allowed_dns_names) {
  if (auto chain = check_chain(session); !chain) return chain;
  return allowed_dns_names.empty() ? base::ok() : check_names(session, allowed_dns_names);
}

}  // namespace holdfast::tls
