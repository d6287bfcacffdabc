// Plugin `file`: lines to the standard output or to files, for trying things out.
#include "outputs/file.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/core.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

namespace holdfast::outputs {
namespace {

struct FileOptions {
  config::StringList files{"stdout"};
};

const config::Schema<FileOptions>& file_schema() {
  static const auto schema = config::Schema<FileOptions>{}.option(
      "files", &FileOptions::files,
      "Where to write: \"stdout\", or paths of files to append to (made if absent, mode 0644).");
  return schema;
}

// One place to write to. Opened at the first write, and again after an error.
class Destination {
 public:
  Destination(std::string path, const base::Clock& clock)
      : path_(std::move(path)), clock_(clock), owned_(path_ != "stdout") {}
  ~Destination() { close(); }
  Destination(Destination&& other) noexcept
      : path_(std::move(other.path_)),
        clock_(other.clock_),
        owned_(other.owned_),
        fd_(std::exchange(other.fd_, -1)),
        torn_(other.torn_) {}
  Destination(const Destination&) = delete;
  Destination& operator=(const Destination&) = delete;
  Destination& operator=(Destination&&) = delete;

  [[nodiscard]] base::Status append(std::string_view lines, const StopSignal& stop) {
    auto status = open();
    // An earlier write broke off inside a line: end that one before the lines come again.
    if (status && torn_) status = write("\n", stop);
    if (status) status = write(lines, stop);
    if (!status) close();
    return status;
  }

 private:
  base::Status open() {
    if (fd_ >= 0) return base::ok();
    // A FIFO that nobody reads is an error, not a reason to wait for ever.
    constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK;
    fd_ = owned_ ? ::open(path_.c_str(), kFlags, 0644) : STDOUT_FILENO;
    if (fd_ < 0 && errno == ENXIO) {
      return base::fail(base::ErrorCode::kBusy, "open {}: nobody reads", path_);
    }
    if (fd_ < 0) return base::fail_errno(fmt::format("open {}", path_), errno);
    return base::ok();
  }

  void close() {
    if (owned_ && fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  base::Status write(std::string_view bytes, const StopSignal& stop) {
    // No more than a pipe takes at once when it says that it is ready: a write never blocks for
    // long.
    constexpr std::size_t kChunk = 4096;
    while (!bytes.empty()) {
      if (auto ready = wait_writable(stop); !ready) return ready;
      const ssize_t written = ::write(fd_, bytes.data(), std::min(kChunk, bytes.size()));
      if (written < 0) {
        if (errno == EINTR || errno == EAGAIN) continue;
        return base::fail_errno(fmt::format("write {}", path_), errno);
      }
      torn_ = bytes[static_cast<std::size_t>(written) - 1] != '\n';
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return base::ok();
  }

  // A pipe whose reader has stopped must not keep the agent from stopping.
  base::Status wait_writable(const StopSignal& stop) const {
    constexpr int kPollMs = 100;
    for (;;) {
      pollfd ready{fd_, POLLOUT, 0};
      if (::poll(&ready, 1, kPollMs) > 0) return base::ok();
      if (stop.expired(clock_.boot())) {
        return base::fail(base::ErrorCode::kTimeout, "write {}: nobody reads", path_);
      }
    }
  }

  std::string path_;
  const base::Clock& clock_;
  bool owned_;
  int fd_ = -1;
  bool torn_ = false;
};

class FileOutput final : public Output {
 public:
  FileOutput(const config::StringList& files, const base::Clock& clock)
      : names_(fmt::format("{}", fmt::join(files, ", "))) {
    for (const std::string& path : files) destinations_.emplace_back(path, clock);
  }

  [[nodiscard]] Attempt deliver(Batch& batch, const StopSignal& stop) override {
    Attempt attempt;
    const auto lines = batch.lines();
    if (!lines) {
      attempt.decision = {.action = Action::kRejected, .reason = lines.error().message};
      return attempt;
    }
    attempt.decision.action = Action::kDelivered;
    for (Destination& destination : destinations_) {
      if (auto status = destination.append(*lines, stop); !status) {
        attempt.decision = {.action = Action::kRetry, .reason = status.error().message};
        return attempt;
      }
      attempt.bytes_sent += lines->size();
    }
    return attempt;
  }

  [[nodiscard]] std::string destination() const override { return names_; }

 private:
  std::string names_;
  std::vector<Destination> destinations_;
};

std::vector<config::OptionInfo> options() { return file_schema().describe(); }

std::unique_ptr<Output> create(config::Table& table, config::Diagnostics& diagnostics,
                               const OutputContext& context, std::string& identity) {
  const FileOptions options = file_schema().parse(table, diagnostics);
  if (options.files.empty()) {
    diagnostics.error(table.where(), "`files` is empty, expected \"stdout\" or paths");
  }
  if (diagnostics.has_errors()) return nullptr;
  for (const std::string& path : options.files) identity += path + "\n";
  return std::make_unique<FileOutput>(options.files, context.clock);
}

}  // namespace

OutputPlugin file_plugin() {
  return {"file", "Lines to the standard output or to files.", &options, &create};
}

}  // namespace holdfast::outputs
