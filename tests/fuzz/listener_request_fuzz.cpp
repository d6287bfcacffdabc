// Fuzz target: a request as the HTTP server gives it to a listener, from its credentials to its
// body. Whatever it is, it gets one answer of a listener, with text that fits a header, and what is
// handed to the buffer is good lines.
//
// Of the input the first byte chooses what the listener wants, the first three lines are the header
// Authorization, the query and the header Content-Encoding; the rest is the body.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "agent/line/cursor.h"
#include "agent/line/ingest.h"
#include "inputs/authorization.h"
#include "inputs/listener_answers.h"
#include "inputs/write_parameters.h"
#include "inputs/write_queue.h"
#include "tests/support/fake_clock.h"

namespace {

using namespace holdfast;

constexpr std::uint64_t kMostBodyBytes = 100'000;

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

// Takes everything, after a look at it.
class LookingSink final : public buffer::BlockSink {
 public:
  [[nodiscard]] buffer::BlockLimits limits() const override { return {}; }
  void add(std::span<const buffer::Lines> pieces, buffer::Origin origin, Done done) override {
    require(origin == buffer::Origin::kReceived);
    for (const buffer::Lines& piece : pieces) {
      std::uint32_t points = 0;
      line::LineCursor lines(piece.bytes);
      while (const auto parts = lines.next()) {
        require(!line::check_line(parts->line).has_value());
        require(!parts->timestamp.empty());
        ++points;
      }
      require(points == piece.points);
    }
    done(base::ok(), 0);
  }
  void flush() override {}
};

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

http::Request request_from(std::string_view text) {
  http::Request request;
  request.headers["authorization"] = take_line(text);
  std::string_view query = take_line(text);
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    request.query.try_emplace(std::string(pair.substr(0, equals)),
                              pair.substr(std::min(equals + 1, pair.size())));
  }
  request.headers["content-encoding"] = take_line(text);
  request.body = text;
  return request;
}

void check_answer(const http::Response& answer) {
  static const std::set<int> expected{204, 400, 401, 413};
  require(expected.contains(answer.status));
  require((answer.status == 204) == answer.body.empty());
  const auto plain = [](std::string_view text) {
    for (const char c : text) require(c >= ' ' && c < 0x7f);
  };
  for (const auto& [name, value] : answer.headers) plain(value);
  if (!answer.body.empty()) plain(std::string_view(answer.body).substr(0, answer.body.size() - 1));
}

void check_authorization(std::string_view header) {
  constexpr std::int64_t kNowS = 1'700'000'000;
  using inputs::Authorization;
  require(Authorization().accept(header, kNowS));
  const bool basic = Authorization::password("u", "p").accept(header, kNowS);
  const bool token = Authorization::token("u:p").accept(header, kNowS);
  const bool web = Authorization::web_token("top secret", "sensor").accept(header, kNowS);
  // Nobody who does not know the secret gets in.
  require(!basic || header.find("dTpw") != header.npos || header.find("u:p") != header.npos);
  require(!token || header.find("u:p") != header.npos);
  require(!web || header.find("eyJ") != header.npos);
}

void check_write(http::Request& request, std::uint8_t choice) {
  const inputs::ErrorAnswer error =
      (choice & 1U) != 0 ? &inputs::influxdb_v2_error : &inputs::influxdb_v1_error;
  inputs::WriteParameters parameters;
  if ((choice & 2U) != 0) parameters.tags = {{"db", "database"}, {"rp", "r p"}};
  auto parsed = inputs::read_write_request(parameters, request);
  if (!parsed) return check_answer(error(400, parsed.error().message));
  LookingSink sink;
  inputs::PointRules rules;
  if ((choice & 4U) != 0) rules.extra_tags = {{"dc", "a b"}, {"host", "h"}};
  if ((choice & 8U) != 0) rules.names.prefix = "x ";
  inputs::InputCounters counters;
  const test::FakeClock clock;
  const auto queue = std::make_shared<inputs::WriteQueue>(
      inputs::WriteQueue::Environment{[](const std::function<void()>& job) { job(); }, sink, rules,
                                      counters, clock, kMostBodyBytes});
  int answers = 0;
  parsed->done = [&](const inputs::WriteResult& result) {
    ++answers;
    check_answer(inputs::write_answer(result, error));
  };
  queue->push(std::move(*parsed));
  require(answers == 1);
  require(counters.not_accepted == 0);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  auto request = request_from({reinterpret_cast<const char*>(data) + 1, size - 1});
  check_authorization(request.header("authorization"));
  check_write(request, data[0]);
  return 0;
}
