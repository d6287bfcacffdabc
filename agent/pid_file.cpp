// The number of the process, for init systems that want it in a file.
#include "agent/pid_file.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace holdfast::agent {

PidFile::PidFile(std::string path, const base::Logger& log) {
  if (path.empty()) return;
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  const std::string text = fmt::format("{}\n", ::getpid());
  const bool written =
      file >= 0 && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (!written) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): glibc's is safe for known numbers
    log.error("cannot write the pid file {}: {}", path, std::strerror(errno));
  }
  if (file >= 0) ::close(file);
  if (written) path_ = std::move(path);
}

PidFile::~PidFile() { remove(); }

void PidFile::remove() const {
  if (!path_.empty()) ::unlink(path_.c_str());
}

}  // namespace holdfast::agent
