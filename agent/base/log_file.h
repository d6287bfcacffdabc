// LogFile: lines appended to a file that another takes the place of when it is old or large.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/result.h"

namespace holdfast::base {

// Not thread-safe.
class LogFile {
 public:
  // Makes the directory (mode 0700) if it is missing; the file has mode 0644. `clock` outlives it.
  [[nodiscard]] static Result<std::unique_ptr<LogFile>> open(const LogFileOptions& options,
                                                             const Clock& clock);
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  // Appends the line and its end, after a rotation if one is due. The file of before is then called
  // <stem>.<YYYY-MM-DD>-<Unix seconds><extension>. False if the line could not be written.
  bool write(std::string_view line);

 private:
  LogFile(LogFileOptions options, const Clock& clock);
  [[nodiscard]] Status reopen();
  [[nodiscard]] bool due(std::size_t more) const;
  void rotate();
  void remove_old_archives() const;

  LogFileOptions options_;
  const Clock& clock_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  WallTime begun_{};  // when the file was last changed before it was opened; new: now
};

}  // namespace holdfast::base
