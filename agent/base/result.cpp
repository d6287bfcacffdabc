#include "agent/base/result.h"

#include <cerrno>
#include <system_error>

namespace holdfast::base {
namespace {

ErrorCode code_of(int errno_value) {
  switch (errno_value) {
    case ENOENT:
    case ENOTDIR:
    case ENODEV:
      return ErrorCode::kNotFound;
    case EACCES:
    case EPERM:
      return ErrorCode::kPermission;
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::kNoSpace;
    case EAGAIN:
    case EBUSY:
      return ErrorCode::kBusy;
    case EFBIG:
      return ErrorCode::kTooLarge;
    case ETIMEDOUT:
      return ErrorCode::kTimeout;
    case EOPNOTSUPP:
    case ENOSYS:
      return ErrorCode::kUnsupported;
    default:
      return ErrorCode::kIo;
  }
}

}  // namespace

std::string errno_text(int errno_value) { return std::system_category().message(errno_value); }

tl::unexpected<Error> fail_errno(std::string_view what, int errno_value) {
  return tl::unexpected<Error>(
      {code_of(errno_value), fmt::format("{}: {}", what, errno_text(errno_value))});
}

}  // namespace holdfast::base
