// The files of refused batches, as several processes use them at once.
#include "outputs/rejected_directory.h"

#include "tests/outputs/rejected_fixture.h"

namespace holdfast::outputs {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using test::read_file;

class RejectedDirectoryTest : public test::RejectedStoreTest {
 protected:
  void SetUp() override {
    RejectedStore one = store();
    keep(one, 1);
    keep(one, 2);
    for (const RejectedFile& file : files()) batches_.push_back(file.name);
    ASSERT_EQ(batches_.size(), 2U);
  }
  [[nodiscard]] RejectedDirectory opened() const {
    return std::move(*RejectedDirectory::open(directory()));
  }
  [[nodiscard]] std::string sidecar_path(const RejectedName& name) const {
    return directory() + "/" + name.id() + ".json";
  }

  std::vector<RejectedName> batches_;
};

TEST_F(RejectedDirectoryTest, ABatchIsWorkedOnByOneAtATime) {
  const RejectedDirectory mine = opened();
  const RejectedDirectory theirs = opened();
  {
    const auto claimed = mine.claim(batches_[0]);
    ASSERT_TRUE(claimed) << claimed.error().message;
    const auto refused = theirs.claim(batches_[0]);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kBusy);
    EXPECT_TRUE(theirs.claim(batches_[1]));
    EXPECT_TRUE(theirs.gzip(batches_[0])) << "reading needs no claim";
  }
  EXPECT_TRUE(theirs.claim(batches_[0]));
}

TEST_F(RejectedDirectoryTest, WhatIsRemovedIsGoneForAll) {
  const RejectedDirectory mine = opened();
  const RejectedDirectory theirs = opened();
  const auto claimed = mine.claim(batches_[0]);
  ASSERT_TRUE(claimed);
  EXPECT_TRUE(theirs.remove(batches_[0]).value_or(false)) << "a claim does not forbid it";
  EXPECT_FALSE(mine.remove(batches_[0]).value_or(true));
  EXPECT_FALSE(mine.contains(batches_[0]));
  EXPECT_EQ(mine.claim(batches_[0]).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(mine.gzip(batches_[0]).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(mine.info(batches_[0]).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(names().size(), 2U);
}

TEST_F(RejectedDirectoryTest, ASidecarIsReplacedAsAWhole) {
  const RejectedDirectory directory = opened();
  auto info = directory.info(batches_[0]);
  ASSERT_TRUE(info);
  info->reason = "HTTP 422: for another reason";
  // An earlier try was killed.
  write("." + batches_[0].id() + ".json.tmp", "half");
  ASSERT_TRUE(directory.replace_sidecar(batches_[0], sidecar_text(batches_[0], *info)));
  EXPECT_EQ(directory.info(batches_[0])->reason, info->reason);
  EXPECT_EQ(directory.info(batches_[1])->reason, "HTTP 400: no");
  EXPECT_EQ(names().size(), 4U);
}

TEST_F(RejectedDirectoryTest, LinksAndFoldersAreNoBatches) {
  const std::string secret = dir_.path("secret");
  std::ofstream(secret) << R"({"reason":"secret"})";
  fs::remove(sidecar_path(batches_[0]));
  fs::create_symlink(secret, sidecar_path(batches_[0]));
  fs::create_directory(directory() + "/20260131T120000.000000000Z-0-main.lp.gz");
  const RejectedDirectory directory = opened();
  EXPECT_FALSE(directory.info(batches_[0]));
  EXPECT_EQ(files().size(), 2U);
  EXPECT_TRUE(directory.remove(batches_[0]).value_or(false));
  EXPECT_EQ(read_file(secret), R"({"reason":"secret"})");
}

TEST_F(RejectedDirectoryTest, ASidecarOfAnySizeIsNotRead) {
  fs::resize_file(sidecar_path(batches_[0]), 1U << 20U);
  const auto info = opened().info(batches_[0]);
  ASSERT_FALSE(info);
  EXPECT_EQ(info.error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace holdfast::outputs
