// Reads a configuration file with the system's own reason when that fails.
#include "config/read_file.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "agent/base/descriptor.h"
#include "config/units.h"

namespace holdfast::config {
base::Result<std::string> read_file(const std::string& path, std::size_t limit) {
  const base::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return base::fail_errno("cannot be opened", errno);
  std::string out;
  std::array<char, 16384> chunk{};
  for (;;) {
    const ssize_t count = ::read(file.get(), chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return base::fail_errno("cannot be read", errno);
    if (count == 0) return out;
    out.append(chunk.data(), static_cast<std::size_t>(count));
    if (out.size() > limit) {
      return base::fail(base::ErrorCode::kTooLarge, "has more than {}, which is no configuration",
                        format_bytes(limit));
    }
  }
}

}  // namespace holdfast::config
