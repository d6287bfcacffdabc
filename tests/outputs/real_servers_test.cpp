// Single attempts against real servers: VictoriaMetrics, InfluxDB on a unix socket, and both behind
// a real nginx with TLS of a private CA.
#include <gmock/gmock.h>

#include "tests/outputs/delivering.h"
#include "tests/support/influxdb_server.h"
#include "tests/support/nginx_server.h"
#include "tests/support/victoria_metrics_server.h"

namespace holdfast::outputs {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Statuses = std::vector<int>;

// "m,site=<site> seq=<n>i <time>", a second apart: VictoriaMetrics knows milliseconds.
std::string lines_of(const std::string& site, int first, int count) {
  std::string lines;
  for (int n = first; n < first + count; ++n) {
    lines += fmt::format("m,site={} seq={}i {}\n", site, n,
                         1'700'000'000'000'000'000 + n * 1'000'000'000LL);
  }
  return lines;
}

class RealVictoriaMetricsTest : public test::DeliveringTest {
 protected:
  void SetUp() override {
    const auto started = server_.start();
    ASSERT_TRUE(started) << started.error().message;
  }
  std::vector<double> values(const std::string& selector) {
    const auto values = server_.values("m_seq", selector);
    EXPECT_TRUE(values) << values.error().message;
    return values.value_or(std::vector<double>{});
  }

  test::VictoriaMetricsServer server_;
};

TEST_F(RealVictoriaMetricsTest, TakesBothFormsOfTheEndpoint) {
  make("influxdb", quoted(server_.url()), "database = \"one\"\n");
  EXPECT_EQ(deliver_lines(lines_of("v1", 0, 3), 3).statuses, (Statuses{200, 204}));
  EXPECT_EQ(deliver_lines(lines_of("v1", 3, 1), 1).statuses, Statuses{204});
  make("influxdb_v2", quoted(server_.url()),
       "bucket = \"two\"\norganization = \"o\"\ntoken = \"t\"\n");
  EXPECT_EQ(deliver_lines(lines_of("v2", 10, 2), 2).statuses, Statuses{204});
  EXPECT_THAT(values("site=\"v1\",db=\"one\""), UnorderedElementsAre(0, 1, 2, 3));
  EXPECT_THAT(values("site=\"v2\""), UnorderedElementsAre(10, 11));
}

TEST_F(RealVictoriaMetricsTest, ReadsThePrecisionsThatAreSent) {
  for (const char* plugin : {"influxdb", "influxdb_v2"}) {
    for (const char* precision : {"ns", "ms", "s"}) {
      const std::string site = std::string(plugin) + precision;
      make(plugin, quoted(server_.url()),
           std::string(plugin == std::string("influxdb") ? "" : "bucket = \"b\"\n") +
               "precision = \"" + precision + "\"\n");
      EXPECT_EQ(deliver_lines(lines_of(site, 7, 1), 1).decision.action, Action::kDelivered);
      // The time is part of the condition: taken for another unit it would be far away.
      EXPECT_THAT(values("site=\"" + site + "\""), UnorderedElementsAre(7)) << site;
    }
  }
}

TEST_F(RealVictoriaMetricsTest, ATagNamesTheDatabase) {
  make("influxdb", quoted(server_.url()),
       "database_tag = \"site\"\nexclude_database_tag = true\nskip_database_creation = true\n");
  EXPECT_EQ(deliver_lines(lines_of("x", 0, 2) + lines_of("y", 5, 1), 3).statuses,
            (Statuses{204, 204}));
  EXPECT_THAT(values("db=\"x\",site=\"\""), UnorderedElementsAre(0, 1));
  EXPECT_THAT(values("db=\"y\",site=\"\""), UnorderedElementsAre(5));
}

TEST_F(RealVictoriaMetricsTest, TakesOverWhenInfluxdbIsDown) {
  test::InfluxdbServer preferred;
  const auto started = preferred.start();
  ASSERT_TRUE(started) << started.error().message;
  make("influxdb", quoted(preferred.url()) + ", " + quoted(server_.url()));
  EXPECT_EQ(deliver_lines(lines_of("a", 0, 2), 2).decision.action, Action::kDelivered);
  preferred.stop(SIGKILL);
  EXPECT_EQ(deliver_lines(lines_of("a", 2, 2), 2).statuses, (Statuses{0, 200, 204}));
  ASSERT_TRUE(preferred.start());
  EXPECT_EQ(deliver_lines(lines_of("a", 4, 2), 2).statuses, Statuses{204});
  clock_.advance(std::chrono::seconds(60));
  EXPECT_EQ(deliver_lines(lines_of("a", 6, 2), 2).statuses, Statuses{204});
  EXPECT_THAT(values("site=\"a\""), UnorderedElementsAre(2, 3, 4, 5));
  EXPECT_EQ(preferred.count("telegraf", "m", "seq"), 4U);
}

class RealInfluxdbEndpointTest : public test::DeliveringTest {
 protected:
  void SetUp() override {
    const auto started = server_.start();
    ASSERT_TRUE(started) << started.error().message;
  }
  std::uint64_t count(const std::string& database = "telegraf") {
    const auto count = server_.count(database, "m", "seq");
    EXPECT_TRUE(count) << count.error().message;
    return count.value_or(0);
  }

  test::InfluxdbServer server_;
};

TEST_F(RealInfluxdbEndpointTest, ListensOnAUnixSocketToo) {
  make("influxdb", quoted("unix://" + server_.socket()));
  EXPECT_EQ(deliver_lines(lines_of("a", 0, 5), 5).statuses, (Statuses{200, 204}));
  EXPECT_EQ(count(), 5U);
}

TEST_F(RealInfluxdbEndpointTest, ReadsThePrecisionsThatAreSent) {
  for (const char* precision : {"ns", "ms", "s"}) {
    make("influxdb", quoted(server_.url()),
         "database = \"d" + std::string(precision) + "\"\nprecision = \"" + precision + "\"\n");
    EXPECT_EQ(deliver_lines(lines_of("a", 7, 1), 1).decision.action, Action::kDelivered);
    const auto rows = server_.query("d" + std::string(precision), "SELECT seq FROM m");
    ASSERT_TRUE(rows);
    EXPECT_THAT(*rows, HasSubstr("2023-11-14T22:13:27Z")) << precision;
  }
}

TEST_F(RealInfluxdbEndpointTest, DatabasesNamedByATagAreMade) {
  make("influxdb", quoted(server_.url()), "database_tag = \"site\"\n");
  EXPECT_EQ(deliver_lines(lines_of("n", 0, 2) + lines_of("s", 5, 3), 5).statuses,
            (Statuses{200, 204, 200, 204}));
  EXPECT_EQ(count("n"), 2U);
  EXPECT_EQ(count("s"), 3U);
}

class RealNginxTest : public RealInfluxdbEndpointTest {
 protected:
  void start_nginx(const std::string& name, const std::string& http, const std::string& server,
                   bool tls = true) {
    auto made = test::make_certificates(dir_.path(), name, /*with_address=*/false);
    ASSERT_TRUE(made) << made.error().message;
    certificates_ = *made;
    nginx_ = std::make_unique<test::NginxServer>(
        test::NginxOptions{server_.url(), tls ? *made : test::Certificates{}, http, server});
    const auto started = nginx_->start();
    ASSERT_TRUE(started) << started.error().message;
  }
  Attempt deliver_with(const std::string& host, const std::string& options) {
    make("influxdb", quoted(nginx_->url(host)), options);
    return deliver_lines(lines_of("a", 0, 4), 4);
  }
  std::string ca() const { return "tls_ca = \"" + certificates_.ca + "\"\n"; }

  test::TempDir dir_;
  test::Certificates certificates_;
  std::unique_ptr<test::NginxServer> nginx_;
};

TEST_F(RealNginxTest, APrivateCaIsTrusted) {
  start_nginx("localhost", "", "");
  for (const char* more : {"", "tls_min_version = \"TLS13\"\n"}) {
    const Attempt attempt = deliver_with("localhost", ca() + more);
    EXPECT_EQ(attempt.statuses, (Statuses{200, 204})) << attempt.decision.reason;
  }
  EXPECT_EQ(count(), 4U);
}

TEST_F(RealNginxTest, NobodyElseIs) {
  start_nginx("localhost", "", "");
  const test::TempDir other;
  const auto stranger = test::make_certificates(other.path(), "localhost");
  ASSERT_TRUE(stranger);
  const std::pair<std::string, std::string> rows[] = {
      {"localhost", ""},                                      // the system's CAs
      {"localhost", "tls_ca = \"" + stranger->ca + "\"\n"},   // a wrong CA
      {"localhost", "tls_ca = \"/absent/ca.pem\"\n"},         // no CA at all
      {"127.0.0.1", ca()},                                    // a wrong name
      {"localhost", ca() + "tls_server_name = \"other\"\n"},  // the same
      {"localhost", ca() + "tls_pinned_public_key = \"" + stranger->pin + "\"\n"},
  };
  for (const auto& [host, options] : rows) {
    const Attempt attempt = deliver_with(host, options);
    EXPECT_EQ(attempt.decision.action, Action::kRetry) << options;
    EXPECT_EQ(attempt.statuses, Statuses{0}) << options;
  }
  EXPECT_EQ(count(), 0U);
  EXPECT_EQ(deliver_with("127.0.0.1", "insecure_skip_verify = true\n").decision.action,
            Action::kDelivered);
}

TEST_F(RealNginxTest, AnotherNameAndAPinnedKey) {
  start_nginx("metrics.example.org", "", "");
  const std::string name = "tls_server_name = \"metrics.example.org\"\n";
  Attempt attempt = deliver_with("127.0.0.1", ca() + name);
  EXPECT_EQ(attempt.statuses, (Statuses{200, 204})) << attempt.decision.reason;
  attempt = deliver_with("127.0.0.1",
                         ca() + name + "tls_pinned_public_key = \"" + certificates_.pin + "\"\n");
  EXPECT_EQ(attempt.statuses, (Statuses{200, 204})) << attempt.decision.reason;
  EXPECT_EQ(deliver_with("localhost", ca()).decision.action, Action::kRetry);
}

TEST_F(RealNginxTest, OneThatAsksForAClientsCertificateGetsIt) {
  start_nginx("localhost", "",
              "ssl_client_certificate " + dir_.path("ca.pem") + ";\nssl_verify_client on;\n");
  const auto client = test::make_client_certificate(dir_.path(), "device7");
  ASSERT_TRUE(client) << client.error().message;
  const auto key = test::encrypt_key(client->key, "a locked key");
  ASSERT_TRUE(key) << key.error().message;
  const std::string pair =
      ca() + "tls_cert = \"" + client->cert + "\"\ntls_key = \"" + *key + "\"\n";
  const Attempt good = deliver_with("localhost", pair + "tls_key_pwd = \"a locked key\"\n");
  EXPECT_EQ(good.statuses, (Statuses{200, 204})) << good.decision.reason;
  EXPECT_EQ(count(), 4U);
  const Attempt locked = deliver_with("localhost", pair + "tls_key_pwd = \"another\"\n");
  EXPECT_EQ(locked.statuses, Statuses{0});
  EXPECT_EQ(locked.decision.action, Action::kRetry);
  const Attempt none = deliver_with("localhost", ca());
  EXPECT_EQ(none.statuses, (Statuses{400, 400}));
  EXPECT_THAT(none.decision.reason, HasSubstr("No required SSL certificate"));
}

// The name of the server means nothing here: only a proxy can reach it.
TEST_F(RealNginxTest, AProxyIsAskedInPlaceOfTheServer) {
  start_nginx("localhost", "", "", /*tls=*/false);
  const std::string url = "http://influxdb.invalid:8086";
  make("influxdb", quoted(url), "http_proxy = \"" + nginx_->url() + "\"\n");
  const Attempt attempt = deliver_lines(lines_of("a", 0, 4), 4);
  EXPECT_EQ(attempt.statuses, (Statuses{200, 204})) << attempt.decision.reason;
  EXPECT_EQ(count(), 4U);
  make("influxdb", quoted(url), "");
  EXPECT_EQ(deliver_lines(lines_of("a", 0, 4), 4).statuses, Statuses{0});
}

TEST_F(RealNginxTest, TooLargeForIt) {
  start_nginx("localhost", "", "client_max_body_size 1k;", /*tls=*/false);
  make("influxdb", quoted(nginx_->url()), "content_encoding = \"identity\"\n");
  const Attempt attempt = deliver_lines(lines_of("a", 0, 1000), 1000);
  EXPECT_EQ(attempt.decision.action, Action::kRejected);
  EXPECT_TRUE(attempt.decision.lower_batch_size);
  EXPECT_EQ(attempt.statuses, (Statuses{200, 413}));
  EXPECT_THAT(attempt.decision.reason, HasSubstr("Request Entity Too Large"));
}

TEST_F(RealNginxTest, LimitsWithAndWithoutRetryAfter) {
  make("influxdb", quoted(server_.url()));
  EXPECT_EQ(deliver().decision.action, Action::kDelivered);  // the database is there
  const std::pair<int, bool> rows[] = {{429, true}, {429, false}, {503, true}, {503, false}};
  for (const auto& [status, announced] : rows) {
    start_nginx("localhost", "limit_req_zone $request_method zone=z:64k rate=1r/m;",
                fmt::format("limit_req zone=z;\nlimit_req_status {};\n", status) +
                    (announced ? "add_header Retry-After 17 always;\n" : ""),
                /*tls=*/false);
    make("influxdb", quoted(nginx_->url()), "skip_database_creation = true\n");
    EXPECT_EQ(deliver_lines(lines_of("a", 0, 1), 1).statuses, Statuses{204});
    const Attempt attempt = deliver_lines(lines_of("a", 0, 1), 1);
    EXPECT_EQ(attempt.statuses, Statuses{status});
    EXPECT_EQ(attempt.decision.action, announced ? Action::kWait : Action::kRetry);
    EXPECT_EQ(attempt.decision.wait, std::chrono::seconds(announced ? 17 : 0));
  }
}

TEST_F(RealNginxTest, AServerBehindItThatIsDown) {
  start_nginx("localhost", "", "", /*tls=*/false);
  server_.stop(SIGKILL);
  make("influxdb", quoted(nginx_->url()), "skip_database_creation = true\n");
  const Attempt attempt = deliver_lines(lines_of("a", 0, 1), 1);
  EXPECT_EQ(attempt.decision.action, Action::kRetry);
  EXPECT_EQ(attempt.statuses, Statuses{502});
  ASSERT_TRUE(server_.start());
}

}  // namespace
}  // namespace holdfast::outputs
