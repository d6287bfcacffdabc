// Resizing on restart: the ring file in the size that the configuration asks for.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "buffer/posix_file.h"
#include "buffer/resize.h"

namespace holdfast::agent {

// Where the new file is made; it is beside the ring for as long as that takes.
[[nodiscard]] std::string resize_path(const std::string& ring_path);

struct SizedFile {
  std::unique_ptr<buffer::PosixFile> file;  // locked; lies at the ring's path
  std::optional<buffer::Resized> resized;   // set when it is a new one
};

// `file` is the ring at `path`, locked. If its size in bytes is not `size`, its content is copied
// into a new file, which takes its place in one step: a crash at any time leaves one of the two,
// whole. When that cannot be done `file` is given back unchanged, and the log says what is missing.
// What an interrupted resize has left is removed first, unless another process holds it.
[[nodiscard]] SizedFile with_size(std::unique_ptr<buffer::PosixFile> file, const std::string& path,
                                  std::uint64_t size, const base::Clock& clock,
                                  const base::Logger& log);

}  // namespace holdfast::agent
