// What other programs write, read or received by an input, gives exactly the lines and errors that
// are written down beside it.
#include <algorithm>
#include <sstream>

#include <gtest/gtest.h>

#include "agent/line/cursor.h"
#include "agent/line/ingest.h"
#include "cases.h"
#include "service_fixture.h"
#include "tests/support/reserved_port.h"

namespace holdfast::test {
namespace {

void replace(std::string& text, std::string_view name, const std::string& by) {
  for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + by.size())) {
    text.replace(at, name.size(), by);
  }
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

class FedGolden : public ServiceTest, public testing::WithParamInterface<Case> {
 protected:
  FedGolden() : ServiceTest(GetParam().plugin) {}

  [[nodiscard]] static std::string text_of_file(const char* name) {
    return read_text(GetParam().folder / name);
  }

  // All lines that become of the input.
  std::string run() {
    std::string options = text_of_file("options.toml");
    const bool sent = options.find("{address}") != std::string::npos;
    replace(options, "{input}", GetParam().folder / "input");
    replace(options, "{address}", port_.address());
    std::vector<std::string> problems;
    input_ = make_input(GetParam().plugin, options, host_, clock_, problems);
    EXPECT_TRUE(problems.empty()) << problems.front();
    if (input_ == nullptr) return "";
    const auto* service = dynamic_cast<inputs::ServiceInput*>(input_.get());
    if (service != nullptr) restart();
    std::string gathered;
    if (sent) {
      send(text_of_file("input"));
    } else {
      // What runs on by itself takes its time; tail is asked besides, to look for new files.
      if (service == nullptr || service->gathers()) gathered = gather();
      EXPECT_TRUE(
          eventually([&] { return gathered + sink_.text() == text_of_file("expected.lp"); }));
    }
    stop();
    return gathered + sink_.text();
  }

 private:
  // Until the input has read all of it.
  void send(const std::string& bytes) const {
    TcpClient client(loopback(port_.port()));
    EXPECT_TRUE(client.send(bytes));
    client.finish();
    EXPECT_TRUE(client.ends());
  }

  std::string gather() {
    inputs::Accumulator out(rules_, {}, clock_.wall_ns(), counters_);
    if (const auto status = input_->gather(out); !status) out.add_error(status.error());
    return text_of(out.take());
  }

  const ReservedPort port_;
};

TEST_P(FedGolden, InputGivesTheExpectedLinesAndErrors) {
  EXPECT_EQ(run(), text_of_file("expected.lp"));
  EXPECT_EQ(counters_.not_accepted, 0U);
  const auto errors = lines_of(text_of_file("expected_error.txt"));
  EXPECT_EQ(counters_.errors, errors.size()) << counters_.last_error();
  if (!errors.empty()) {
    EXPECT_NE(counters_.last_error().find(errors.back()), std::string::npos)
        << counters_.last_error();
  }
}

INSTANTIATE_TEST_SUITE_P(Inputs, FedGolden, testing::ValuesIn(fed_cases()), name_of);

TEST(FedGoldenCases, EveryInputThatOtherProgramsFeedHasSome) {
  const auto cases = fed_cases();
  for (const std::string plugin :
       {"exec", "execd", "file", "influxdb_listener", "influxdb_v2_listener", "socket_listener",
        "statsd", "syslog", "tail"}) {
    const auto count = std::count_if(cases.begin(), cases.end(),
                                     [&](const Case& one) { return one.plugin == plugin; });
    EXPECT_GE(count, 2) << plugin;
  }
}

TEST(FedGoldenCases, ExpectedLinesAreValidLineProtocol) {
  for (const Case& one : fed_cases()) {
    const std::string expected = read_text(one.folder / "expected.lp");
    line::LineCursor lines(expected);
    while (const auto parts = lines.next()) {
      EXPECT_EQ(line::check_line(parts->line), std::nullopt) << one.plugin << "/" << one.name;
    }
  }
}

}  // namespace
}  // namespace holdfast::test
