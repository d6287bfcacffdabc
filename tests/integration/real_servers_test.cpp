// The agent against real servers, each behind a real nginx: with TLS of a private CA, and with the
// answers that nginx gives of itself. What a server has in the end is what the ledger says.
#include <algorithm>
#include <csignal>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "tests/integration/agent_test.h"
#include "tests/support/certificates.h"
#include "tests/support/influxdb_server.h"
#include "tests/support/nginx_server.h"
#include "tests/support/victoria_metrics_server.h"

namespace holdfast::test {
namespace {

constexpr std::uint64_t kPoints = 1000;  // of a feed

// "feed seq=<n>i <time>", a second apart: VictoriaMetrics knows milliseconds.
std::string feed_lines(std::uint64_t first) {
  std::string lines;
  for (std::uint64_t n = first; n < first + kPoints; ++n) {
    lines += fmt::format("feed seq={}i {}000000000\n", n, 1'700'000'000 + n);
  }
  return lines;
}

class Database {
 public:
  virtual ~Database() = default;
  virtual base::Status start() = 0;
  [[nodiscard]] virtual std::string url() const = 0;
  // How many different points of feed_lines() it has.
  [[nodiscard]] virtual std::uint64_t points() const = 0;
};

class Influxdb final : public Database {
 public:
  base::Status start() override { return server_.start(); }
  [[nodiscard]] std::string url() const override { return server_.url(); }
  [[nodiscard]] std::uint64_t points() const override {
    return server_.count("it", "feed", "seq").value_or(0);
  }

 private:
  InfluxdbServer server_;
};

class VictoriaMetrics final : public Database {
 public:
  base::Status start() override { return server_.start(); }
  [[nodiscard]] std::string url() const override { return server_.url(); }
  [[nodiscard]] std::uint64_t points() const override {
    auto values = server_.values("feed_seq", R"(db="it")").value_or(std::vector<double>{});
    std::sort(values.begin(), values.end());
    const auto end = std::unique(values.begin(), values.end());
    return static_cast<std::uint64_t>(end - values.begin());
  }

 private:
  VictoriaMetricsServer server_;
};

// A line of nginx's access log; seconds since the epoch.
struct Answered {
  double start = 0;
  double end = 0;
  int status = 0;
};

class RealServers : public AgentTest, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    if (std::string(GetParam()) == "InfluxDB") {
      database_ = std::make_unique<Influxdb>();
    } else {
      database_ = std::make_unique<VictoriaMetrics>();
    }
    const base::Status started = database_->start();
    ASSERT_TRUE(started) << started.error().message;
  }

  struct Front {
    std::string http{};     // directives of nginx
    std::string server{};   // the same, of its server block
    std::string options{};  // of the output
    bool tls = false;
  };
  // The agent, with nginx between it and the database.
  void start_behind(const Front& front) {
    Certificates certificates;
    std::string options = front.options;
    if (front.tls) {
      const auto made = make_certificates(path(), "localhost");
      ASSERT_TRUE(made) << made.error().message;
      certificates = *made;
      options += "tls_ca = \"" + made->ca + "\"\n";
    }
    nginx_ = std::make_unique<NginxServer>(
        NginxOptions{database_->url(), certificates,
                     "log_format answers '$msec $request_time $status';\n" + front.http,
                     "access_log " + path("answers") + " answers;\n" + front.server});
    const base::Status started = nginx_->start();
    ASSERT_TRUE(started) << started.error().message;
    configure(listener_section() + output_section(nginx_->url("localhost"), options));
    start_agent();
  }
  // Feeds, waits until nothing is left, time after time, and stops.
  void run_through(std::uint64_t feeds) {
    for (std::uint64_t i = 0; i < feeds; ++i) {
      ASSERT_EQ(feed(feed_lines(i * kPoints)), 204);
      ASSERT_TRUE(wait_drained(std::chrono::seconds(60))) << agent().log();
    }
    EXPECT_EQ(stop_agent(SIGTERM).status, 0);
  }
  [[nodiscard]] LedgerState ledger() const { return ring_state().reader(kReader); }

  [[nodiscard]] std::vector<Answered> answers() const {
    std::vector<Answered> all;
    std::ifstream log(path("answers"));
    double time = 0;
    for (Answered answer; log >> answer.end >> time >> answer.status;) {
      answer.start = answer.end - time;
      all.push_back(answer);
    }
    return all;
  }
  [[nodiscard]] std::ptrdiff_t count_of(int status) const {
    const auto all = answers();
    return std::count_if(all.begin(), all.end(),
                         [status](const Answered& answer) { return answer.status == status; });
  }

  std::unique_ptr<Database> database_;
  std::unique_ptr<NginxServer> nginx_;
};

TEST_P(RealServers, WithoutAnythingBetween) {
  configure(listener_section() + output_section(database_->url()));
  start_agent();
  run_through(5);
  EXPECT_EQ(database_->points(), 5 * kPoints);
  EXPECT_EQ(ledger().delivered, 5 * kPoints);
}

TEST_P(RealServers, TlsOfAPrivateCa) {
  start_behind({.tls = true});
  run_through(5);
  EXPECT_EQ(database_->points(), 5 * kPoints);
  EXPECT_EQ(ledger().delivered, 5 * kPoints);
  EXPECT_EQ(count_of(204), static_cast<std::ptrdiff_t>(answers().size()) - 1);  // CREATE DATABASE
}

TEST_P(RealServers, TooLargeForTheProxyAndSplit) {
  start_behind({.server = "client_max_body_size 1k;\n", .options = "on_rejected = \"split\"\n"});
  run_through(3);
  EXPECT_GT(count_of(413), 0);
  EXPECT_EQ(database_->points(), 3 * kPoints);
  EXPECT_EQ(ledger().delivered, 3 * kPoints);
}

TEST_P(RealServers, TooLargeForTheProxyAndDropped) {
  start_behind({.server = "client_max_body_size 4k;\n"});
  run_through(3);
  EXPECT_GT(count_of(413), 0);
  const LedgerState ledger = this->ledger();
  EXPECT_GT(ledger.rejected, 0U);
  EXPECT_GT(ledger.delivered, 0U);  // the batches after it are smaller
  EXPECT_EQ(ledger.delivered + ledger.rejected, 3 * kPoints);
  EXPECT_EQ(database_->points(), ledger.delivered);
}

// CREATE DATABASE and the first write come within a second.
constexpr const char* kOneASecond = "limit_req_zone $server_addr zone=z:64k rate=1r/s;\n";

TEST_P(RealServers, LimitedWithRetryAfter) {
  for (const int status : {429, 503}) {
    start_behind({.http = kOneASecond,
                  .server = fmt::format("limit_req zone=z;\nlimit_req_status {};\n"
                                        "add_header Retry-After 2 always;\n",
                                        status)});
    run_through(2);
    EXPECT_EQ(database_->points(), 2 * kPoints);
    const auto all = answers();
    EXPECT_GT(count_of(status), 0);
    for (std::size_t i = 0; i + 1 < all.size(); ++i) {
      // nginx's clock is as old as the last event it has handled.
      if (all[i].status == status) {
        EXPECT_GT(all[i + 1].start - all[i].end, 1.95);
      }
    }
  }
}

TEST_P(RealServers, LimitedWithoutRetryAfter) {
  for (const int status : {429, 503}) {
    start_behind({.http = kOneASecond,
                  .server = fmt::format("limit_req zone=z;\nlimit_req_status {};\n", status)});
    run_through(2);
    EXPECT_EQ(database_->points(), 2 * kPoints);
    EXPECT_GT(count_of(status), 0);
  }
}

// All ways to store points, in one ring one after the other: blocks of several stand in one body.
constexpr const char* kCompressions[] = {
    "compression = \"auto\"", "compression = \"zlib\"",
    "compression = \"isal\"", "compression = \"none\"",
    "compression_level = 9",  "compression = \"isal\"\ncompression_level = 1"};

TEST_P(RealServers, WhoeverCompresses) {
  std::uint64_t first = 0;
  for (const char* compression : kCompressions) {
    Settings settings;
    settings.buffer = compression;
    // What is fed while nobody takes it goes out by the next one, beside its own.
    configure(listener_section() + output_section("http://127.0.0.1:1"), settings);
    start_agent();
    ASSERT_EQ(feed(feed_lines(first)), 204);
    EXPECT_EQ(stop_agent(SIGTERM).status, 0);
    first += kPoints;
    configure(listener_section() + output_section(database_->url()), settings);
    start_agent();
    ASSERT_EQ(feed(feed_lines(first)), 204);
    ASSERT_TRUE(wait_drained(std::chrono::seconds(60))) << agent().log();
    EXPECT_EQ(stop_agent(SIGTERM).status, 0);
    first += kPoints;
  }
  EXPECT_EQ(database_->points(), first);
  EXPECT_EQ(ledger().delivered, first);
}

INSTANTIATE_TEST_SUITE_P(Slow, RealServers, ::testing::Values("InfluxDB", "VictoriaMetrics"),
                         [](const auto& of) { return std::string(of.param); });

}  // namespace
}  // namespace holdfast::test
