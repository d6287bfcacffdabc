// TailService: follows files and hands their records to the buffer. How far each file is stored is
// kept beside the ring, and said only once the points are in it: a kill costs nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>

#include "inputs/feed.h"
#include "inputs/files/file_finder.h"
#include "inputs/input.h"
#include "inputs/parsers/parser.h"
#include "inputs/tail/followed_file.h"
#include "inputs/tail/positions.h"
#include "inputs/tail/watch.h"

namespace holdfast::inputs {

// Where reading begins in files that are there at the start.
enum class FirstOffset { kBeginning, kEnd, kSavedOrBeginning, kSavedOrEnd };

struct TailSettings {
  files::FileFinder finder;
  tail::TextOptions text;
  parsers::MakeParser make_parser;
  FirstOffset first_offset = FirstOffset::kSavedOrEnd;
  bool pipe = false;
  bool poll = false;
  std::size_t max_undelivered = 1000;
  std::string path_tag;
  // Lines at the beginning of each file that tell its parser how to read the others (a CSV header):
  // it is shown them first when reading goes on further down.
  std::size_t head_lines = 0;
  std::string state_directory;  // empty: nothing is kept
  std::string state_name;       // of the file of positions
};

// Made when the input starts. All work on files is done by one job at a time on the pool; the I/O
// thread only says what there is to do.
class TailService : public std::enable_shared_from_this<TailService> {
 public:
  TailService(std::shared_ptr<const TailSettings> settings, const ServiceContext& context,
              const base::Clock& clock, base::Logger log);
  ~TailService();
  TailService(const TailService&) = delete;
  TailService& operator=(const TailService&) = delete;

  [[nodiscard]] base::Status start();  // I/O thread, as stop()
  void stop(std::function<void()> stopped);
  // Looks for new, moved and missing files. Any thread.
  void rescan();

 private:
  struct Wanted {
    bool scan = false;    // look for files
    bool all = false;     // look at all files
    bool resume = false;  // go on where reading has paused
    bool save = false;    // write the positions down
    std::set<int> files;  // numbers of watches
    [[nodiscard]] bool any() const { return scan || all || resume || save || !files.empty(); }
  };
  // What was read of a file and is not in the ring yet, and up to where everything is. Under
  // mutex_.
  struct Progress {
    struct Batch {
      std::uint64_t number = 0;
      tail::FileMark end;
      bool stored = false;
    };
    std::string path;
    std::deque<Batch> batches;
    tail::FileMark stored;
    std::uint64_t next_number = 0;
    bool open = true;  // it may still grow
  };
  // A file that is open. Used by the job only, as all that follows.
  struct Followed {
    std::string path;  // under which it was found
    tail::FollowedFile file;
    std::unique_ptr<parsers::Parser> parser;
    std::shared_ptr<Progress> progress;  // null for a pipe
    int watch = -1;
    bool leaving = false;  // its path leads elsewhere, or nowhere
    bool touched = true;
    base::BootTime leaving_since{};
  };

  // I/O thread, in tail_service.cpp.
  [[nodiscard]] base::Status open_positions();
  void kick();
  void job_done(bool more, bool waits_for_lines);
  void wait_for_events();
  void wait_for_poll();
  void look_soon(asio::steady_timer& timer, bool& armed, base::Duration after,
                 const std::function<void(Wanted&)>& want);
  void settled(const std::shared_ptr<Progress>& progress, std::uint64_t number, std::size_t lines,
               bool accepted);
  void finish();

  // The job, in tail_files.cpp.
  void work(const Wanted& wanted);
  void scan();
  void notice_moved();
  void let_go();
  void watch_folders(const std::vector<std::string>& folders);
  void adopt_new(const std::string& path);
  void follow_saved(const std::string& path, std::vector<tail::Position> saved);
  [[nodiscard]] std::optional<std::uint64_t> offset_at_start(
      const std::string& path, const base::Descriptor& file,
      std::vector<tail::Position>& saved) const;
  [[nodiscard]] std::vector<tail::Position> take_saved(const std::string& path);
  void rescue_missing();
  [[nodiscard]] std::optional<std::int64_t> last_change(
      const std::string& path, const std::vector<tail::Position>& saved) const;
  std::size_t follow_rotated(const std::string& path, std::int64_t since_ns,
                             std::vector<tail::FileId> taken, std::size_t at,
                             std::optional<std::size_t> original);
  bool follow(const std::string& path, base::Descriptor file, std::uint64_t offset, bool leaving,
              std::size_t at);
  void show_head(Followed& one) const;
  void replace(std::size_t at);
  void give_up(std::size_t at);
  void close(std::size_t at);
  void read_files();
  void read_one(std::size_t at, std::size_t lines);
  void parse(Followed& one, const tail::Record& record, Accumulator& points);
  void submit(Followed& one, Accumulator points, std::size_t lines);
  void report(const base::Error& error);
  [[nodiscard]] std::vector<tail::FileId> open_ids() const;
  void save_positions();
  [[nodiscard]] std::vector<tail::Position> positions();

  const std::shared_ptr<const TailSettings> settings_;
  ServiceContext context_;
  const base::Clock& clock_;
  base::Logger log_;
  std::shared_ptr<Feed> feed_;
  std::unique_ptr<tail::Watch> watch_;  // null: files are looked at every 250 ms

  // I/O thread.
  asio::posix::stream_descriptor events_;
  asio::steady_timer poll_timer_, scan_timer_, save_timer_, lines_timer_;
  bool scan_armed_ = false, save_armed_ = false, lines_armed_ = false;
  Wanted wanted_;
  bool running_ = false;  // a job
  std::function<void()> stopped_;

  std::mutex mutex_;
  std::vector<std::shared_ptr<Progress>> progress_;  // of files open, or with batches on the way
  std::atomic<std::size_t> undelivered_{0};          // lines
  std::atomic<bool> stopping_{false};

  // The job.
  std::vector<Followed> files_;    // older ones of a path before newer ones
  std::set<std::string> failing_;  // paths that cannot be followed, reported already
  std::optional<tail::PositionFile> position_file_;
  std::vector<tail::Position> saved_;  // of paths that have not been there yet
  bool first_scan_ = true;
  bool new_files_ = false;  // since the positions were saved
  bool watch_fails_ = false;
  base::LogThrottle save_throttle_;
};

}  // namespace holdfast::inputs
