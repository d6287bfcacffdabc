// Result<T>: how expected failures travel between functions and folders. Exceptions never cross a
// folder boundary; whoever can decide handles the error, everybody else returns it.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include <tl/expected.hpp>

namespace holdfast::base {

enum class ErrorCode {
  kInvalid,      // the caller's data is wrong (a line, an option, a request)
  kNotFound,     // file, device, database or name that is not there
  kPermission,   // the system forbids it
  kBusy,         // held by somebody else, or not ready for the moment: may work soon
  kFull,         // no room by our own limits
  kNoSpace,      // no room on the device
  kTooLarge,     // more than a stated limit
  kIo,           // the device or the network failed
  kTimeout,      // a deadline passed
  kCorrupt,      // bytes that fail their checks
  kUnsupported,  // understood, but not available here
};

struct Error {
  ErrorCode code = ErrorCode::kInvalid;
  std::string message;  // names the thing, the number and the system's reason; no trailing newline
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

[[nodiscard]] inline Status ok() { return {}; }

template <class... Args>
[[nodiscard]] tl::unexpected<Error> fail(ErrorCode code, fmt::format_string<Args...> format,
                                         Args&&... args) {
  return tl::unexpected<Error>({code, fmt::format(format, std::forward<Args>(args)...)});
}

// Maps an errno value to a code and appends the system's words: "read /proc/stat: No such file".
[[nodiscard]] tl::unexpected<Error> fail_errno(std::string_view what, int errno_value);

// The system's words for an errno value; thread-safe, unlike std::strerror.
[[nodiscard]] std::string errno_text(int errno_value);

}  // namespace holdfast::base
