// Files of a TLS server: what is read, and what is said of those that are no good.
#include "agent/tls/server_files.h"

#include <fstream>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/certificates.h"
#include "tests/support/temp_dir.h"

namespace holdfast::tls {
namespace {

using base::ErrorCode;
using ::testing::AllOf;
using ::testing::HasSubstr;

class ServerFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto made = test::make_certificates(directory_.path(), "localhost");
    ASSERT_TRUE(made) << made.error().message;
    options_.certificate_file = made->cert;
    options_.key_file = made->key;
    options_.client_ca_files = {made->ca};
  }
  [[nodiscard]] base::Error failure() const {
    const auto loaded = load_server_files(options_);
    return loaded ? base::Error{ErrorCode::kIo, "it was taken"} : loaded.error();
  }
  std::string file_with(const std::string& text) {
    const std::string path = directory_.path("other.pem");
    std::ofstream(path) << text;
    return path;
  }

  test::TempDir directory_;
  ServerOptions options_;
};

TEST_F(ServerFilesTest, GoodOnesAreTaken) {
  const auto files = load_server_files(options_);
  ASSERT_TRUE(files) << files.error().message;
  EXPECT_THAT(files->certificates, HasSubstr("BEGIN CERTIFICATE"));
  EXPECT_THAT(files->key, HasSubstr("PRIVATE KEY"));
  EXPECT_THAT(files->client_authorities, HasSubstr("BEGIN CERTIFICATE"));
  EXPECT_EQ(files->priorities, "NORMAL:-VERS-ALL:+VERS-TLS1.2:+VERS-TLS1.3");
}

TEST_F(ServerFilesTest, AFileThatIsNotThereIsNamedWithItsOption) {
  const std::string absent = directory_.path("absent.pem");
  const ServerOptions good = options_;
  const auto named = [&](std::string_view option, const std::function<void()>& spoil) {
    options_ = good;
    spoil();
    const auto error = failure();
    EXPECT_EQ(error.code, ErrorCode::kNotFound);
    EXPECT_THAT(error.message, AllOf(HasSubstr(std::string(option)), HasSubstr(absent)));
  };
  named("tls_cert", [&] { options_.certificate_file = absent; });
  named("tls_key", [&] { options_.key_file = absent; });
  named("tls_allowed_cacerts", [&] { options_.client_ca_files.push_back(absent); });
}

TEST_F(ServerFilesTest, AFileOfSomethingElseIsNamed) {
  const std::string other = file_with("no PEM at all\n");
  const ServerOptions good = options_;
  options_.certificate_file = other;
  EXPECT_THAT(failure().message, AllOf(HasSubstr("tls_cert"), HasSubstr(other)));
  options_ = good;
  options_.key_file = other;
  EXPECT_THAT(failure().message, AllOf(HasSubstr("tls_key"), HasSubstr(other)));
  options_ = good;
  options_.client_ca_files = {other};
  EXPECT_THAT(failure().message, AllOf(HasSubstr("tls_allowed_cacerts"), HasSubstr(other)));
  options_ = good;
  options_.certificate_file = file_with("");
  EXPECT_THAT(failure().message, HasSubstr("no certificates"));
  options_.certificate_file = directory_.path();  // a directory
  EXPECT_THAT(failure().message, HasSubstr("tls_cert"));
}

TEST_F(ServerFilesTest, TheKeyOfAnotherCertificateIsRefused) {
  options_.key_file = directory_.path("ca.key");
  EXPECT_THAT(failure().message, AllOf(HasSubstr(options_.key_file), HasSubstr("is not the key of"),
                                       HasSubstr(options_.certificate_file)));
}

TEST_F(ServerFilesTest, AnEncryptedKeyNeedsItsPassword) {
  const auto encrypted = test::encrypt_key(options_.key_file, "open sesame");
  ASSERT_TRUE(encrypted) << encrypted.error().message;
  options_.key_file = *encrypted;
  EXPECT_THAT(failure().message, HasSubstr("tls_key_pwd is needed"));
  options_.key_password = "abracadabra";
  EXPECT_THAT(failure().message, HasSubstr("tls_key_pwd is not its password"));
  EXPECT_EQ(failure().message.find("abracadabra"), std::string::npos);
  options_.key_password = "open sesame";
  EXPECT_TRUE(load_server_files(options_));
}

TEST_F(ServerFilesTest, VersionsBoundTheProtocol) {
  options_.min_version = "TLS10";
  options_.max_version = "TLS11";
  EXPECT_EQ(load_server_files(options_)->priorities, "NORMAL:-VERS-ALL:+VERS-TLS1.0:+VERS-TLS1.1");
  options_.min_version = "TLS13";
  EXPECT_THAT(failure().message, HasSubstr("TLS13 is above tls_max_version TLS11"));
  options_.min_version = "SSL3";
  EXPECT_THAT(failure().message, HasSubstr("`SSL3`"));
}

}  // namespace
}  // namespace holdfast::tls
