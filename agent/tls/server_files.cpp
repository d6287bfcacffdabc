// Reading certificates. GnuTLS is asked to take each file by itself first: its own loading of a
// whole set says neither which file it did not like nor that a file holds nothing.
#include "agent/tls/server_files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <memory>
#include <sstream>
#include <string_view>

#include <gnutls/x509.h>

namespace holdfast::tls {
namespace {

using base::ErrorCode;
using base::fail;

// Far more than any bundle of authorities has.
constexpr std::size_t kLargestFileBytes = std::size_t{4} * 1024 * 1024;

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kVersions{{
    {"TLS10", "+VERS-TLS1.0"},
    {"TLS11", "+VERS-TLS1.1"},
    {"TLS12", "+VERS-TLS1.2"},
    {"TLS13", "+VERS-TLS1.3"},
}};

gnutls_datum_t datum(const std::string& text) {
  // GnuTLS only reads it.
  return {reinterpret_cast<unsigned char*>(const_cast<char*>(text.data())),
          static_cast<unsigned>(text.size())};
}

base::Result<std::string> read_pem(std::string_view option, const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;  // takes the exception that reading a directory throws
  if (!file || !(content << file.rdbuf())) {
    // Nothing at all in the file is a failure to a stream; then errno says so.
    if (errno != 0) return base::fail_errno(fmt::format("{} {}", option, path), errno);
  }
  std::string text = std::move(content).str();
  if (text.size() > kLargestFileBytes) {
    return fail(ErrorCode::kTooLarge, "{} {}: larger than {} bytes", option, path,
                kLargestFileBytes);
  }
  return text;
}

base::Result<std::string> read_certificates(std::string_view option, const std::string& path) {
  auto text = read_pem(option, path);
  if (!text) return text;
  const gnutls_datum_t pem = datum(*text);
  gnutls_x509_crt_t* certificates = nullptr;
  unsigned count = 0;
  const int status =
      gnutls_x509_crt_list_import2(&certificates, &count, &pem, GNUTLS_X509_FMT_PEM, 0);
  if (status < 0) {
    return fail(ErrorCode::kInvalid, "{} {}: no certificates in PEM form: {}", option, path,
                gnutls_strerror(status));
  }
  for (unsigned i = 0; i < count; ++i) gnutls_x509_crt_deinit(certificates[i]);
  gnutls_free(certificates);
  return text;
}

base::Result<std::string> read_key(const std::string& path, const std::string& password) {
  auto text = read_pem("tls_key", path);
  if (!text) return text;
  const gnutls_datum_t pem = datum(*text);
  gnutls_x509_privkey_t key = nullptr;
  int status = gnutls_x509_privkey_init(&key);
  const std::unique_ptr<gnutls_x509_privkey_int, void (*)(gnutls_x509_privkey_t)> owned(
      key, &gnutls_x509_privkey_deinit);
  if (status >= 0) {
    status = gnutls_x509_privkey_import2(key, &pem, GNUTLS_X509_FMT_PEM,
                                         password.empty() ? nullptr : password.c_str(), 0);
  }
  if (status == GNUTLS_E_DECRYPTION_FAILED) {
    return fail(ErrorCode::kInvalid, "tls_key {}: tls_key_pwd is {}", path,
                password.empty() ? "needed" : "not its password");
  }
  if (status < 0) {
    return fail(ErrorCode::kInvalid, "tls_key {}: no private key in PEM form: {}", path,
                gnutls_strerror(status));
  }
  return text;
}

base::Status check_pair(const ServerOptions& options, const ServerFiles& files) {
  gnutls_certificate_credentials_t credentials = nullptr;
  int status = gnutls_certificate_allocate_credentials(&credentials);
  if (status >= 0) {
    const gnutls_datum_t certificates = datum(files.certificates);
    const gnutls_datum_t key = datum(files.key);
    status = gnutls_certificate_set_x509_key_mem2(
        credentials, &certificates, &key, GNUTLS_X509_FMT_PEM,
        files.key_password.empty() ? nullptr : files.key_password.c_str(), 0);
    gnutls_certificate_free_credentials(credentials);
  }
  if (status == GNUTLS_E_CERTIFICATE_KEY_MISMATCH) {
    return fail(ErrorCode::kInvalid, "tls_key {} is not the key of tls_cert {}", options.key_file,
                options.certificate_file);
  }
  if (status < 0) {
    return fail(ErrorCode::kInvalid, "tls_cert {} and tls_key {}: {}", options.certificate_file,
                options.key_file, gnutls_strerror(status));
  }
  return base::ok();
}

base::Result<std::size_t> version_index(std::string_view name) {
  const auto* found = std::find_if(kVersions.begin(), kVersions.end(),
                                   [&](const auto& version) { return version.first == name; });
  if (found == kVersions.end()) {
    return fail(ErrorCode::kInvalid, "`{}` is no version of TLS (TLS10, TLS11, TLS12, TLS13)",
                name);
  }
  return static_cast<std::size_t>(found - kVersions.begin());
}

base::Result<std::string> priorities_for(const ServerOptions& options) {
  const auto least = version_index(options.min_version.empty() ? "TLS12" : options.min_version);
  if (!least) return tl::unexpected(least.error());
  const auto most =
      version_index(options.max_version.empty() ? kVersions.back().first : options.max_version);
  if (!most) return tl::unexpected(most.error());
  if (*least > *most) {
    return fail(ErrorCode::kInvalid, "tls_min_version {} is above tls_max_version {}",
                options.min_version, options.max_version);
  }
  std::string text = "NORMAL:-VERS-ALL";
  for (std::size_t i = *least; i <= *most; ++i) text.append(":").append(kVersions[i].second);
  return text;
}

}  // namespace

base::Result<ServerFiles> load_server_files(const ServerOptions& options) {
  ServerFiles files;
  files.key_password = options.key_password;
  files.allowed_dns_names = options.allowed_dns_names;
  auto priorities = priorities_for(options);
  if (!priorities) return tl::unexpected(priorities.error());
  files.priorities = std::move(*priorities);
  auto certificates = read_certificates("tls_cert", options.certificate_file);
  if (!certificates) return tl::unexpected(certificates.error());
  files.certificates = std::move(*certificates);
  auto key = read_key(options.key_file, options.key_password);
  if (!key) return tl::unexpected(key.error());
  files.key = std::move(*key);
  if (auto fits = check_pair(options, files); !fits) return tl::unexpected(fits.error());
  for (const std::string& path : options.client_ca_files) {
    const auto authorities = read_certificates("tls_allowed_cacerts", path);
    if (!authorities) return tl::unexpected(authorities.error());
    files.client_authorities.append(*authorities).append("\n");
  }
  return files;
}

}  // namespace holdfast::tls
