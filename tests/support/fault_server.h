// FaultServer: an HTTP/1.1 server on loopback that does what a script says, and keeps account of
// what it was sent. It is emulated: real servers are tests/support/influxdb_server.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::test {

// What one request meets.
enum class Fault {
  kAnswer,             // an ordinary answer
  kAnswerBeforeBody,   // answers from the header alone, then closes with the body unread
  kAnswerThenClose,    // an ordinary answer, then closes the kept-alive connection unannounced
  kResetBeforeBody,    // a reset as soon as the header is there
  kResetWhileReading,  // a reset after half of the body
  kResetAfterBody,     // a reset instead of an answer; nothing is stored
  kLoseAnswer,         // stores the points, then resets instead of answering
  kHang,               // reads everything, answers only after release()
  kGarbage,            // sends `raw` instead of an answer, then closes
};

struct Step {
  int status = 204;
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
  Fault fault = Fault::kAnswer;
  std::chrono::milliseconds delay{0};  // before answering
  std::string raw{};                   // kGarbage
};

struct RecordedRequest {
  std::chrono::steady_clock::time_point time;
  std::uint64_t connection = 0;  // from 1, in the order of accepting
  std::string method;
  std::string target;                          // path and query, as sent
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // as sent
  std::string lines;                           // decoded; empty if it could not be
  bool body_complete = false;
  bool valid_encoding = false;  // identity, or gzip of exactly one member
  bool stored = false;
  std::uint64_t points = 0;   // stored
  std::uint64_t repeats = 0;  // of them, stored before
  Fault fault = Fault::kAnswer;
};

// Points stored at least once.
struct DistinctPoints {
  std::uint64_t numbers = 0;  // with seq=
  std::uint64_t others = 0;   // different lines without
};

struct NumbersReport {
  std::vector<std::uint64_t> lost;        // in the range, never stored
  std::vector<std::uint64_t> duplicates;  // stored more than once
  std::uint64_t stored = 0;               // distinct numbers in the range
};

// Thread-safe. Requests to a path that ends in /write take the steps of the script, one each; after
// its end they get 204. Others (/query, /ping) take those of `script_other`, after its end 200. A
// body that is not gzip of one member although it says so gets 400 and is not stored.
class FaultServer {
 public:
  FaultServer();  // listens when it returns; port 0, so always a free one
  ~FaultServer();
  FaultServer(const FaultServer&) = delete;
  FaultServer& operator=(const FaultServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::string url() const;  // "http://127.0.0.1:port"

  void script(std::vector<Step> steps);        // appends
  void script_other(std::vector<Step> steps);  // appends
  // What writes after the end of the script meet, in place of 204. Called on the server's thread;
  // it must not call the server.
  void answer_with(std::function<Step()> source);
  // From now on bodies are not kept, but of requests that hang: for long runs.
  void forget_bodies();
  // Hung requests go on, now and from now on.
  void release();
  // Closes every connection that is idle or hung, with a reset.
  void drop_connections();

  // Once its client is dead: until all that it had sent has been judged and every connection is
  // closed; false after 20 s. What hangs is dropped.
  [[nodiscard]] bool settle();
  // Until so many requests were recorded (answered or not); false after 20 s.
  [[nodiscard]] bool wait_requests(std::size_t count);
  // Until so many numbers or lines were stored; false after 20 s.
  [[nodiscard]] bool wait_stored(std::uint64_t points);

  // From the `first` one on, in the order of their recording.
  [[nodiscard]] std::vector<RecordedRequest> requests(std::size_t first = 0) const;
  [[nodiscard]] std::vector<RecordedRequest> writes() const;  // those to /write
  [[nodiscard]] std::uint64_t connections() const;
  [[nodiscard]] std::uint64_t stored_points() const;  // lines, repeats counted
  [[nodiscard]] DistinctPoints distinct_points() const;
  // Points carry a field seq=<n>i; what became of the numbers [first, first + count).
  [[nodiscard]] NumbersReport numbers(std::uint64_t first, std::uint64_t count) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::test
