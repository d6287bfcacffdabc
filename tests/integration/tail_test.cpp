// tail in the real agent, against the real logrotate, and against kill -9: no line may be missing.
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>

#include <fcntl.h>
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/agent_test.h"
#include "tests/support/fault_server.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;

constexpr std::uint64_t kAtOnce = 25;  // lines of one write

// A program that logs: writes numbered points as long as it is let, and opens its file anew when it
// notices, a while later, that the name leads elsewhere.
class Writer {
 public:
  explicit Writer(std::string path) : path_(std::move(path)), thread_([this] { run(); }) {}
  ~Writer() { (void)stop(); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // How many were written.
  std::uint64_t stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
    return written_;
  }
  [[nodiscard]] std::uint64_t written() const { return written_; }

 private:
  void run() {
    int file = open_file();
    for (int turn = 1; !stopping_; ++turn) {
      const std::string lines = numbered_feed(written_, kAtOnce);
      // A line is torn between two writes now and then.
      const std::size_t half = lines.size() / 2;
      for (const auto& part : {lines.substr(0, half), lines.substr(half)}) {
        if (::write(file, part.data(), part.size()) != static_cast<ssize_t>(part.size())) return;
      }
      written_ += kAtOnce;
      (void)::poll(nullptr, 0, 1);  // not more than it takes to be busy
      if (turn % 20 == 0 && moved(file)) {
        ::close(file);
        file = open_file();
      }
    }
    ::close(file);
  }
  [[nodiscard]] int open_file() const {
    return ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  }
  [[nodiscard]] bool moved(int file) const {
    struct stat mine {};
    struct stat named {};
    ::fstat(file, &mine);
    return ::stat(path_.c_str(), &named) != 0 || named.st_ino != mine.st_ino;
  }

  const std::string path_;
  std::atomic<std::uint64_t> written_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

class TailInAgent : public AgentTest {
 protected:
  void SetUp() override {
    fs::create_directory(path("logs"));
    configure(fmt::format("[[inputs.tail]]\nfiles = [\"{}\"]\npath_tag = \"\"\n"
                          "initial_read_offset = \"saved-or-beginning\"\n",
                          log()) +
              output_section(server_.url()));
    server_.forget_bodies();
  }
  [[nodiscard]] std::string log() const { return path("logs/app.log"); }

  // Runs the real logrotate once.
  void rotate(const std::string& how) const {
    std::ofstream(path("logrotate.conf"))
        << log() << " {\n  rotate 1000\n  missingok\n  nocompress\n  " << how << "\n}\n";
    const Ended ended = run_program({{"/usr/sbin/logrotate", "--force", "--state",
                                      path("logrotate.state"), path("logrotate.conf")},
                                     {}});
    ASSERT_EQ(ended.status, 0) << ended.err;
  }
  [[nodiscard]] bool wait_written(const Writer& writer, std::uint64_t more) const {
    const std::uint64_t until = writer.written() + more;
    return eventually([&] { return writer.written() >= until; });
  }
  // The numbers of whole lines in all files.
  [[nodiscard]] std::set<std::uint64_t> on_disk() const {
    std::set<std::uint64_t> numbers;
    for (const auto& entry : fs::directory_iterator(path("logs"))) {
      std::ifstream file(entry.path());
      for (std::string line; std::getline(file, line);) {
        const auto at = line.find(" seq=");
        if (at == std::string::npos || !line.starts_with("feed,src=test ")) continue;
        const std::uint64_t number = std::stoull(line.substr(at + 5));
        if (line + "\n" == numbered_feed(number, 1)) numbers.insert(number);
      }
    }
    return numbers;
  }

  FaultServer server_;
};

TEST_F(TailInAgent, LogrotateMovesTheFileAndEveryLineArrivesOnce) {
  start_agent();
  Writer writer(log());
  ASSERT_TRUE(server_.wait_stored(1));  // it has been found
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(wait_written(writer, 1000));
    rotate("create");
  }
  ASSERT_TRUE(wait_written(writer, 1000));
  const std::uint64_t written = writer.stop();
  EXPECT_TRUE(eventually([&] { return server_.numbers(0, written).stored == written; }))
      << server_.numbers(0, written).stored << " of " << written << "\n"
      << agent().log();
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
  EXPECT_THAT(server_.numbers(0, written).lost, IsEmpty());
  EXPECT_THAT(server_.numbers(0, written).duplicates, IsEmpty());
}

// logrotate itself may lose what is written between its copy and its truncation: what counts are
// the lines that are in the files.
TEST_F(TailInAgent, LogrotateCopiesAndTruncatesAndEveryLineItKeptArrives) {
  start_agent();
  Writer writer(log());
  ASSERT_TRUE(server_.wait_stored(1));  // it has been found
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(wait_written(writer, 1000));
    // Each generation of the file is seen, however busy the machine is.
    const std::uint64_t last = writer.written() - kAtOnce;
    ASSERT_TRUE(eventually([&] { return server_.numbers(last, kAtOnce).stored == kAtOnce; }))
        << agent().log();
    rotate("copytruncate");
  }
  ASSERT_TRUE(wait_written(writer, 1000));
  const std::uint64_t written = writer.stop();
  const std::set<std::uint64_t> kept = on_disk();
  ASSERT_GT(kept.size(), written / 2);
  const auto missing = [&] {
    std::uint64_t count = 0;
    for (const std::uint64_t number : server_.numbers(0, written).lost) {
      count += kept.contains(number) ? 1U : 0U;
    }
    return count;
  };
  EXPECT_TRUE(eventually([&] { return missing() == 0; })) << missing() << "\n" << agent().log();
  const auto report = server_.numbers(0, written);
  fmt::print("{} lines written, {} kept by logrotate, {} arrived, {} of them twice\n", written,
             kept.size(), report.stored, report.duplicates.size());
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
}

TEST_F(TailInAgent, KilledAgainAndAgainWhileFilesRotateNoLineIsMissing) {
  constexpr int kKills = 12;
  Writer writer(log());
  for (int i = 0; i < kKills; ++i) {
    start_agent();
    ASSERT_TRUE(server_.wait_stored(1));  // the first of them has been found
    const std::uint64_t before = server_.stored_points();
    if (i % 3 == 1) rotate("create");
    // Each kill meets it with other things on their way.
    ASSERT_TRUE(eventually([&] {
      return server_.stored_points() >= before + static_cast<std::uint64_t>(100 * i);
    })) << agent().log();
    EXPECT_EQ(stop_agent(SIGKILL).signal, SIGKILL);
    if (i % 3 == 2) rotate("create");
    if (i % 4 == 3) {
      ASSERT_TRUE(wait_written(writer, 300));
      rotate("create");
    }
  }
  const std::uint64_t written = writer.stop();
  start_agent();
  EXPECT_TRUE(eventually([&] { return server_.numbers(0, written).stored == written; }))
      << server_.numbers(0, written).stored << " of " << written << "\n"
      << agent().log();
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
  const auto report = server_.numbers(0, written);
  fmt::print("{} kills: {} lines written, {} missing, {} arrived twice\n", kKills, written,
             report.lost.size(), report.duplicates.size());
  EXPECT_THAT(report.lost, IsEmpty());
}

}  // namespace
}  // namespace holdfast::test
