// Hashes and base64 that other files and servers know.
#include "agent/base/codes.h"

#include <gtest/gtest.h>

namespace holdfast::base {
namespace {

// Vectors of the FNV authors (draft-eastlake-fnv, appendix C).
TEST(Codes, TheHashIsFnv1a) {
  EXPECT_EQ(hash64(""), 0xcbf29ce484222325ULL);
  EXPECT_EQ(hash64("a"), 0xaf63dc4c8601ec8cULL);
  EXPECT_EQ(hash64("foobar"), 0x85944171f73967e8ULL);
  EXPECT_EQ(hash64("bar", hash64("foo")), hash64("foobar"));
}

// RFC 4648, section 10.
TEST(Codes, Base64HasItsPadding) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
}

}  // namespace
}  // namespace holdfast::base
