#include "agent/base/result.h"

#include <cerrno>

#include <gtest/gtest.h>

namespace holdfast::test {
namespace {

using base::ErrorCode;

base::Status failing(int number) { return base::fail_errno("open /x", number); }

TEST(Result, ErrnoBecomesACodeAndWords) {
  EXPECT_EQ(failing(ENOENT).error().message, "open /x: No such file or directory");
  EXPECT_EQ(failing(ENOENT).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(failing(EACCES).error().code, ErrorCode::kPermission);
  EXPECT_EQ(failing(ENOSPC).error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(failing(EIO).error().code, ErrorCode::kIo);
  EXPECT_EQ(failing(ETIMEDOUT).error().code, ErrorCode::kTimeout);
}

TEST(Result, FailFormatsItsMessage) {
  const base::Result<int> result = base::fail(ErrorCode::kTooLarge, "{} of {}", 3, "x");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().message, "3 of x");
  EXPECT_TRUE(base::ok().has_value());
}

}  // namespace
}  // namespace holdfast::test
