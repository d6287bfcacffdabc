// Handshakes with a server's session over a socket pair: which clients get through.
#include "agent/tls/server_context.h"

#include <array>
#include <memory>
#include <optional>
#include <thread>

#include <gmock/gmock.h>
#include <gnutls/gnutls.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/tls/verify_client.h"
#include "tests/support/certificates.h"
#include "tests/support/temp_dir.h"

namespace holdfast::tls {
namespace {

constexpr unsigned kHandshakeMs = 20'000;

// A client at the other end, run by a thread of its own: the byte it got, or what failed.
class Client {
 public:
  Client(int socket, const std::optional<test::ClientCertificate>& shown,
         const std::string& priorities) {
    gnutls_certificate_allocate_credentials(&credentials_);
    if (shown) {
      EXPECT_GE(gnutls_certificate_set_x509_key_file(credentials_, shown->cert.c_str(),
                                                     shown->key.c_str(), GNUTLS_X509_FMT_PEM),
                0);
    }
    gnutls_init(&session_, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL);
    EXPECT_EQ(gnutls_priority_set_direct(session_, priorities.c_str(), nullptr), 0);
    gnutls_credentials_set(session_, GNUTLS_CRD_CERTIFICATE, credentials_);
    gnutls_transport_set_int(session_, socket);
    gnutls_handshake_set_timeout(session_, kHandshakeMs);
    thread_ = std::thread([this] { talk(); });
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() {
    wait();
    gnutls_deinit(session_);
    gnutls_certificate_free_credentials(credentials_);
  }

  // True if a byte came through.
  bool wait() {
    if (thread_.joinable()) thread_.join();
    return received_;
  }

 private:
  void talk() {
    int status = 0;
    do {
      status = gnutls_handshake(session_);
    } while (status < 0 && gnutls_error_is_fatal(status) == 0);
    char byte = 0;
    received_ = status == 0 && gnutls_record_recv(session_, &byte, 1) == 1 && byte == '!';
  }

  gnutls_certificate_credentials_t credentials_ = nullptr;
  gnutls_session_t session_ = nullptr;
  bool received_ = false;
  std::thread thread_;
};

class ServerContextTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto made = test::make_certificates(directory_.path(), "localhost");
    ASSERT_TRUE(made) << made.error().message;
    options_.certificate_file = made->cert;
    options_.key_file = made->key;
    ca_ = made->ca;
  }

  [[nodiscard]] test::ClientCertificate certificate(const std::string& name,
                                                    const std::string& purpose = "clientAuth") {
    auto made = test::make_client_certificate(directory_.path(), name, purpose);
    EXPECT_TRUE(made) << made.error().message;
    return *made;
  }

  // Whether both ends come to an understanding.
  bool connects(const std::optional<test::ClientCertificate>& shown = std::nullopt,
                const std::string& priorities = "NORMAL") {
    const auto context = ServerContext::load(options_);
    EXPECT_TRUE(context) << context.error().message;
    auto session = (*context)->open_session();
    EXPECT_TRUE(session) << session.error().message;
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    Client client(ends[1], shown, priorities);
    gnutls_transport_set_int(session->get(), ends[0]);
    int status = 0;
    do {
      pollfd readable{ends[0], POLLIN, 0};
      poll(&readable, 1, static_cast<int>(kHandshakeMs));
      status = gnutls_handshake(session->get());
    } while (status < 0 && gnutls_error_is_fatal(status) == 0);
    if (status == 0) gnutls_record_send(session->get(), "!", 1);
    shutdown(ends[0], SHUT_WR);
    const bool received = client.wait();
    close(ends[0]);
    close(ends[1]);
    return status == 0 && received;
  }

  test::TempDir directory_;
  ServerOptions options_;
  std::string ca_;
};

TEST_F(ServerContextTest, AnyClientConnectsWhenNoneNeedsACertificate) { EXPECT_TRUE(connects()); }

TEST_F(ServerContextTest, AnEncryptedKeyWorks) {
  const auto encrypted = test::encrypt_key(options_.key_file, "pw");
  ASSERT_TRUE(encrypted);
  options_.key_file = *encrypted;
  options_.key_password = "pw";
  EXPECT_TRUE(connects());
}

TEST_F(ServerContextTest, ACertificateOfTheAuthorityIsNeeded) {
  options_.client_ca_files = {ca_};
  EXPECT_TRUE(connects(certificate("sensor")));
  EXPECT_FALSE(connects());
  EXPECT_FALSE(connects(certificate("other-server", "serverAuth")));
  const test::TempDir elsewhere;
  ASSERT_TRUE(test::make_certificates(elsewhere.path(), "localhost"));
  const auto stranger = test::make_client_certificate(elsewhere.path(), "sensor");
  ASSERT_TRUE(stranger);
  EXPECT_FALSE(connects(*stranger));
}

TEST_F(ServerContextTest, AnAllowedNameIsNeeded) {
  options_.client_ca_files = {ca_};
  options_.allowed_dns_names = {"pump", "Sensor.Example"};
  EXPECT_TRUE(connects(certificate("sensor.example")));
  EXPECT_TRUE(connects(certificate("pump")));
  EXPECT_FALSE(connects(certificate("pump2")));
  EXPECT_FALSE(connects(certificate("ump")));
}

TEST_F(ServerContextTest, VersionsAreKept) {
  options_.max_version = "TLS12";
  EXPECT_TRUE(connects(std::nullopt, "NORMAL"));
  EXPECT_FALSE(connects(std::nullopt, "NORMAL:-VERS-ALL:+VERS-TLS1.3"));
  options_.max_version = "";
  options_.min_version = "TLS13";
  EXPECT_TRUE(connects(std::nullopt, "NORMAL:-VERS-ALL:+VERS-TLS1.3"));
  EXPECT_FALSE(connects(std::nullopt, "NORMAL:-VERS-ALL:+VERS-TLS1.2"));
}

TEST_F(ServerContextTest, ABadFileIsNamed) {
  options_.key_file = directory_.path("absent");
  const auto context = ServerContext::load(options_);
  ASSERT_FALSE(context);
  EXPECT_THAT(context.error().message, ::testing::HasSubstr(options_.key_file));
}

}  // namespace
}  // namespace holdfast::tls
