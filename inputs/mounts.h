// The table of mounts, from /proc/<pid>/mountinfo or, on old kernels, /proc/<pid>/mounts
// (proc_pid_mountinfo(5)).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace holdfast::inputs {

struct Mount {
  std::string device_id;  // "254:0"; empty when read from mounts
  std::string source;     // "/dev/sda1", "tmpfs", "server:/export"
  std::string path;       // escapes undone
  std::string fs_type;
  std::vector<std::string> options;  // of the mount, with "bind" added when it shows a subtree
};

// "\040" and its like turned back into characters, as the kernel escapes blanks, tabs, line ends
// and backslashes.
[[nodiscard]] std::string unescape_octal(std::string_view text);

// Fail on the first line that is not of the format, and on an empty text.
[[nodiscard]] base::Result<std::vector<Mount>> parse_mountinfo(std::string_view text);
[[nodiscard]] base::Result<std::vector<Mount>> parse_mounts(std::string_view text);

}  // namespace holdfast::inputs
