// The HTTP server over TLS, asked by curl: another implementation of TLS, with all that HTTP
// clients do on top of it.
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "agent/http/server.h"
#include "tests/http/http_client.h"
#include "tests/support/certificates.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"

namespace holdfast::http {
namespace {

using ::testing::HasSubstr;

class TlsServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto made = test::make_certificates(directory_.path(), "localhost");
    ASSERT_TRUE(made) << made.error().message;
    ca_ = made->ca;
    options_.address = "127.0.0.1:0";
    options_.max_body_bytes = 8U << 20;
    options_.tls.certificate_file = made->cert;
    options_.tls.key_file = made->key;
  }
  void TearDown() override { stop(); }

  void start() {
    thread_.run([&] {
      auto started = Server::start(
          thread_.io(), options_,
          [this](Request request, Responder responder) {
            ++requests_;
            responder.respond(
                {200, fmt::format("{} bytes", request.body.size()), "text/plain", {}});
          },
          base::Logger());
      ASSERT_TRUE(started) << started.error().message;
      server_ = std::move(*started);
    });
  }
  void stop() {
    thread_.run([&] { server_.reset(); });
  }
  [[nodiscard]] test::Ended curl(const std::vector<std::string>& arguments) const {
    std::vector<std::string> all{"curl",     "--silent", "--show-error", "--max-time",   "20",
                                 "--cacert", ca_,        "--write-out",  " %{http_code}"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return test::run_tool(std::move(all));
  }
  [[nodiscard]] std::string url() const {
    return fmt::format("https://localhost:{}/", server_->port());
  }
  std::string file_of(std::size_t bytes) {
    std::string path = directory_.path("body");
    std::ofstream(path, std::ios::binary) << std::string(bytes, 'x');
    return path;
  }
  std::vector<std::string> as(const std::string& name, const std::string& directory = "") {
    auto made =
        test::make_client_certificate(directory.empty() ? directory_.path() : directory, name);
    EXPECT_TRUE(made) << made.error().message;
    return {"--cert", made->cert, "--key", made->key, url()};
  }

  test::TempDir directory_;
  std::string ca_;
  ServerOptions options_;
  test::IoThread thread_;
  std::atomic<int> requests_{0};
  std::unique_ptr<Server> server_;
};

TEST_F(TlsServerTest, BodiesOfAllSizesComeThrough) {
  start();
  for (const std::size_t size : {0UL, 1UL, 16'383UL, 16'384UL, 70'000UL, 5'000'001UL}) {
    const auto done = curl({"--data-binary", "@" + file_of(size), url()});
    EXPECT_EQ(done.out, fmt::format("{} bytes 200", size)) << done.err;
  }
  EXPECT_EQ(
      curl({"-H", "Transfer-Encoding: chunked", "--data-binary", "@" + file_of(100'000), url()})
          .out,
      "100000 bytes 200");
}

TEST_F(TlsServerTest, AConnectionIsKeptForManyRequests) {
  start();
  const auto done = curl({url(), url(), url(), "--write-out", " %{num_connects},"});
  EXPECT_EQ(done.out, "0 bytes 1,0 bytes 0,0 bytes 0,") << done.err;
}

TEST_F(TlsServerTest, ATooLargeBodyIsAnsweredBeforeItIsRead) {
  start();
  EXPECT_THAT(curl({"--data-binary", "@" + file_of((8U << 20) + 1), url()}).out,
              HasSubstr("larger than 8388608 bytes\"} 413"));
}

TEST_F(TlsServerTest, PlainHttpAndAnUntrustedServerAreNoDeal) {
  start();
  EXPECT_NE(curl({fmt::format("http://localhost:{}/", server_->port())}).status, 0);
  const auto unchecked = test::run_tool({"curl", "--silent", url()});
  EXPECT_EQ(unchecked.status, 60);  // curl's: the certificate cannot be checked
  EXPECT_EQ(requests_, 0);
  // Those did not harm the others.
  EXPECT_EQ(curl({url()}).out, "0 bytes 200");
}

TEST_F(TlsServerTest, ClientsThatNeverFinishTheHandshakeAreClosed) {
  options_.idle_timeout = std::chrono::seconds(1);
  start();
  test::TcpClient silent(test::loopback(server_->port()));
  test::TcpClient begun(test::loopback(server_->port()));
  begun.send("\x16\x03\x01\x02");  // the head of a first record, which never comes
  EXPECT_TRUE(silent.ends());
  EXPECT_TRUE(begun.ends());
  EXPECT_EQ(curl({url()}).out, "0 bytes 200");
}

TEST_F(TlsServerTest, ClientsWithoutAGoodCertificateAreAnswered403) {
  options_.tls.client_ca_files = {ca_};
  start();
  const auto good = curl(as("sensor"));
  EXPECT_EQ(good.out, "0 bytes 200") << good.err;
  EXPECT_THAT(curl({url()}).out, HasSubstr("the client showed no certificate\"} 403"));
  const test::TempDir elsewhere;
  ASSERT_TRUE(test::make_certificates(elsewhere.path(), "localhost"));
  EXPECT_THAT(curl(as("stranger", elsewhere.path())).out, HasSubstr("403"));
  EXPECT_EQ(requests_, 1);
}

TEST_F(TlsServerTest, AllowedNamesAreAskedForOnEveryConnection) {
  options_.tls.client_ca_files = {ca_};
  options_.tls.allowed_dns_names = {"sensor"};
  start();
  EXPECT_EQ(curl(as("sensor")).out, "0 bytes 200");
  EXPECT_THAT(curl(as("other")).out, HasSubstr("no DNS name of the client's certificate"));
  auto twice = as("sensor");
  twice.push_back(url());
  EXPECT_EQ(curl(twice).out, "0 bytes 2000 bytes 200");
  EXPECT_EQ(requests_, 3);
}

TEST_F(TlsServerTest, VersionsAndAnEncryptedKeyAreTaken) {
  const auto encrypted = test::encrypt_key(options_.tls.key_file, "pw");
  ASSERT_TRUE(encrypted) << encrypted.error().message;
  options_.tls.key_file = *encrypted;
  options_.tls.key_password = "pw";
  options_.tls.max_version = "TLS12";
  start();
  EXPECT_EQ(curl({"--tls-max", "1.2", url()}).out, "0 bytes 200");
  EXPECT_NE(curl({"--tlsv1.3", url()}).status, 0);
}

TEST_F(TlsServerTest, AFileThatIsNoGoodFailsTheStart) {
  options_.tls.certificate_file = directory_.path("absent.pem");
  thread_.run([&] {
    const auto started = Server::start(
        thread_.io(), options_, [](Request, Responder) {}, base::Logger());
    ASSERT_FALSE(started);
    EXPECT_THAT(started.error().message, HasSubstr(options_.tls.certificate_file));
  });
}

}  // namespace
}  // namespace holdfast::http
