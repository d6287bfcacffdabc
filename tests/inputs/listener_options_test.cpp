// Options that listeners share: what the HTTP server gets of them, and what does not go together.
#include "inputs/listener_options.h"

#include <gmock/gmock.h>

#include "config/loader.h"

namespace holdfast::inputs {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Taken {
  http::ServerOptions server;
  std::string problems;
};

// `options` is TOML.
Taken take(const std::string& options) {
  config::Diagnostics diagnostics;
  config::Document document;
  config::load_text(
      "[[inputs.x]]\n" + options, "test.toml", [](const std::string&) { return std::nullopt; },
      diagnostics, document);
  Taken taken;
  taken.server =
      server_options("here", take_listener_options(document.inputs.at(0).table, diagnostics));
  for (const auto& item : diagnostics.sorted()) taken.problems += item.text() + "\n";
  return taken;
}

constexpr std::uint64_t kMiB = 1024 * 1024;

TEST(ListenerOptions, DefaultsAreTelegrafs) {
  const auto [server, problems] = take("");
  EXPECT_THAT(problems, IsEmpty());
  EXPECT_EQ(server.address, "here");
  EXPECT_EQ(server.max_body_bytes, 32 * kMiB);
  EXPECT_EQ(server.max_pending_bytes, 64 * kMiB);
  EXPECT_EQ(server.idle_timeout, seconds(10));
  EXPECT_EQ(server.max_connections, 1024U);
  EXPECT_FALSE(server.tls.enabled());
}

TEST(ListenerOptions, SizesAndConnectionsAreTaken) {
  const auto [server, problems] = take("max_body_size = \"1MiB\"\nmax_connections = 7");
  EXPECT_THAT(problems, IsEmpty());
  EXPECT_EQ(server.max_body_bytes, kMiB);
  EXPECT_EQ(server.max_pending_bytes, 8 * kMiB);
  EXPECT_EQ(server.max_connections, 7U);
  EXPECT_EQ(take("max_body_size = 0").server.max_body_bytes, 32 * kMiB);
  EXPECT_THAT(take("max_connections = 0").problems, HasSubstr("max_connections"));
}

TEST(ListenerOptions, TheLongerTimeoutCounts) {
  const auto timeout = [](const std::string& options) { return take(options).server.idle_timeout; };
  EXPECT_EQ(timeout("read_timeout = \"1m\""), seconds(60));
  EXPECT_EQ(timeout("write_timeout = \"2m\""), seconds(120));
  EXPECT_EQ(timeout("read_timeout = \"3s\"\nwrite_timeout = \"2s\""), seconds(3));
  EXPECT_EQ(timeout("read_timeout = \"0s\"\nwrite_timeout = \"999ms\""), seconds(10));
}

TEST(ListenerOptions, ThoseOfTlsAreTaken) {
  const auto [server, problems] = take(R"(
tls_cert = "c"
tls_key = "k"
tls_key_pwd = "p"
tls_allowed_cacerts = ["a", "b"]
tls_allowed_dns_names = ["n"]
tls_min_version = "TLS11"
tls_max_version = "TLS12"
)");
  EXPECT_THAT(problems, IsEmpty());
  const tls::ServerOptions& tls = server.tls;
  EXPECT_TRUE(tls.enabled());
  EXPECT_EQ(tls.certificate_file, "c");
  EXPECT_EQ(tls.key_file, "k");
  EXPECT_EQ(tls.key_password, "p");
  EXPECT_THAT(tls.client_ca_files, ElementsAre("a", "b"));
  EXPECT_THAT(tls.allowed_dns_names, ElementsAre("n"));
  EXPECT_EQ(tls.min_version, "TLS11");
  EXPECT_EQ(tls.max_version, "TLS12");
}

TEST(ListenerOptions, WhatOfTlsDoesNotGoTogetherIsSaid) {
  EXPECT_THAT(take("tls_cert = \"c\"").problems,
              HasSubstr("test.toml:2:1: error: tls_cert and tls_key belong together"));
  EXPECT_THAT(take("tls_key = \"c\"").problems, HasSubstr("tls_cert and tls_key belong together"));
  EXPECT_THAT(take("tls_allowed_cacerts = [\"a\"]").problems,
              HasSubstr("tls_allowed_cacerts needs tls_cert and tls_key"));
  EXPECT_THAT(take("tls_cert = \"c\"\ntls_key = \"k\"\ntls_allowed_dns_names = [\"a\"]").problems,
              HasSubstr("tls_allowed_dns_names needs tls_allowed_cacerts"));
  EXPECT_THAT(take("tls_max_version = \"TLS11\"").problems,
              HasSubstr("tls_max_version is below tls_min_version, TLS12"));
  EXPECT_THAT(take("tls_min_version = \"SSL3\"").problems, HasSubstr("error: "));
  const auto suites = take("tls_cipher_suites = [\"TLS_AES_128_GCM_SHA256\"]").problems;
  EXPECT_THAT(suites, HasSubstr("warning: "));
  EXPECT_THAT(suites, HasSubstr("GnuTLS"));
}

}  // namespace
}  // namespace holdfast::inputs
