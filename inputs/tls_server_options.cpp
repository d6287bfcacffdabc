// Declaration of the TLS options of servers, and what must go together.
#include "inputs/tls_server_options.h"

#include <utility>

namespace holdfast::inputs {
namespace {

using tls::ServerOptions;

struct IgnoredOptions {
  config::StringList cipher_suites;
};

const config::Schema<ServerOptions>& tls_schema() {
  static const auto schema =
      config::Schema<ServerOptions>{}
          .option(
              "tls_cert", &ServerOptions::certificate_file,
              "PEM file with the certificate of this server, followed by those that lead to its "
              "root; with it clients must speak TLS.")
          .option("tls_key", &ServerOptions::key_file, "PEM file with its key.")
          .option("tls_key_pwd", &ServerOptions::key_password, "Password of an encrypted key.",
                  {.secret = true})
          .option("tls_allowed_cacerts", &ServerOptions::client_ca_files,
                  "PEM files with authorities: clients must show a certificate of one of them.")
          .option("tls_allowed_dns_names", &ServerOptions::allowed_dns_names,
                  "One of these must be a DNS name of the client's certificate.")
          .option("tls_min_version", &ServerOptions::min_version,
                  "Oldest version of TLS; empty means TLS12.",
                  {.choices = {"", "TLS10", "TLS11", "TLS12", "TLS13"}})
          .option("tls_max_version", &ServerOptions::max_version,
                  "Newest version of TLS; empty: the newest there is.",
                  {.choices = {"", "TLS10", "TLS11", "TLS12", "TLS13"}});
  return schema;
}

const config::Schema<IgnoredOptions>& ignored_schema() {
  static const auto schema = config::Schema<IgnoredOptions>{}.option(
      "tls_cipher_suites", &IgnoredOptions::cipher_suites, "Cipher suites.",
      {.no_effect = "those that GnuTLS holds for secure are offered"});
  return schema;
}

void check(const ServerOptions& options, const config::Table& table,
           config::Diagnostics& diagnostics) {
  if (options.certificate_file.empty() != options.key_file.empty()) {
    diagnostics.error(table.where(options.key_file.empty() ? "tls_cert" : "tls_key"),
                      "tls_cert and tls_key belong together: only one of them is set");
    return;
  }
  if (!options.client_ca_files.empty() && !options.enabled()) {
    diagnostics.error(table.where("tls_allowed_cacerts"),
                      "tls_allowed_cacerts needs tls_cert and tls_key");
  }
  if (!options.allowed_dns_names.empty() && options.client_ca_files.empty()) {
    diagnostics.error(table.where("tls_allowed_dns_names"),
                      "tls_allowed_dns_names needs tls_allowed_cacerts");
  }
  // Their names sort as they do.
  const std::string least = options.min_version.empty() ? "TLS12" : options.min_version;
  if (!options.max_version.empty() && options.max_version < least) {
    diagnostics.error(table.where("tls_max_version"),
                      "tls_max_version is below tls_min_version, " + least);
  }
}

}  // namespace

tls::ServerOptions take_tls_options(config::Table& table, config::Diagnostics& diagnostics) {
  auto options = tls_schema().parse(table, diagnostics);
  static_cast<void>(ignored_schema().parse(table, diagnostics));
  check(options, table, diagnostics);
  return options;
}

std::vector<config::OptionInfo> with_tls_options(std::vector<config::OptionInfo> own) {
  for (auto& info : tls_schema().describe()) own.push_back(std::move(info));
  for (auto& info : ignored_schema().describe()) own.push_back(std::move(info));
  return own;
}

}  // namespace holdfast::inputs
