// HostFs: roots, bounded reads, listings, device names.
#include "inputs/host_fs.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace holdfast::inputs {
namespace {

namespace fs = std::filesystem;

class HostFsTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_ / "proc/net");
    fs::create_directories(folder_ / "dev/disk/by-id");
  }
  void write(const std::string& path, const std::string& text) const {
    std::ofstream(folder_ / path, std::ios::binary) << text;
  }
  [[nodiscard]] HostFs host() const {
    HostRoots roots;
    roots.proc = folder_ / "proc";
    roots.sys = folder_ / "sys";
    roots.dev = folder_ / "dev";
    return HostFs(roots);
  }

  test::TempDir dir_;
  fs::path folder_ = dir_.path();
};

TEST_F(HostFsTest, ReadsBelowTheRoot) {
  write("proc/net/dev", "text\n");
  EXPECT_EQ(host().proc("net/dev").value(), "text\n");
}

TEST_F(HostFsTest, ReadsFilesWhoseSizeIsNotKnown) {
  const HostFs real{HostRoots{}};
  EXPECT_EQ(fs::file_size("/proc/self/stat"), 0U);
  EXPECT_FALSE(real.proc("self/stat").value().empty());
}

TEST_F(HostFsTest, AMissingFileIsNotFoundAndNamed) {
  const auto text = host().sys("class/net");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, base::ErrorCode::kNotFound);
  EXPECT_NE(text.error().message.find((folder_ / "sys/class/net").string()), std::string::npos);
}

TEST_F(HostFsTest, ADirectoryIsAnErrorNotAText) { EXPECT_FALSE(host().proc("net")); }

TEST_F(HostFsTest, AtMostFourMebibytesAreRead) {
  constexpr std::size_t kLimit = std::size_t{4} << 20;
  write("proc/full", std::string(kLimit, 'x'));
  write("proc/more", std::string(kLimit + 1, 'x'));
  EXPECT_EQ(host().proc("full").value().size(), kLimit);
  const auto more = host().proc("more");
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, base::ErrorCode::kTooLarge);
}

TEST_F(HostFsTest, ListsNamesInOrder) {
  for (const char* name : {"b", "a", "c"}) write(std::string("proc/net/") + name, "");
  EXPECT_EQ(host().list_proc("net").value(), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_FALSE(host().list_sys("net"));
}

TEST_F(HostFsTest, DeviceNamesFollowLinks) {
  write("dev/sda1", "");
  fs::create_symlink("../../sda1", folder_ / "dev/disk/by-id/example-part1");
  EXPECT_EQ(host().device_name("/dev/disk/by-id/example-part1"), "sda1");
  EXPECT_EQ(host().device_name("disk/by-id/example-part1"), "sda1");
  EXPECT_EQ(host().device_name("sda1"), "sda1");
  EXPECT_EQ(host().device_name("/dev/mapper/gone"), "gone");
}

TEST_F(HostFsTest, UsageIsThatOfTheFileSystem) {
  const auto usage = host().usage(folder_);
  ASSERT_TRUE(usage);
  EXPECT_GT(usage->block_size, 0U);
  EXPECT_GE(usage->blocks, usage->blocks_free);
  const auto gone = host().usage(folder_ / "gone");
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, base::ErrorCode::kNotFound);
}

HostRoots roots_with(const std::map<std::string, std::string>& variables) {
  return roots_from([&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  });
}

TEST(HostRoots, AreThoseOfTheMachineByDefault) {
  const HostRoots roots = roots_with({{"HOST_PROC", ""}, {"HOST_SYS", ""}});
  EXPECT_EQ(roots.proc, "/proc");
  EXPECT_EQ(roots.sys, "/sys");
  EXPECT_EQ(roots.run, "/run");
  EXPECT_EQ(roots.mount_prefix, "");
  EXPECT_FALSE(roots.proc_overridden);
}

TEST(HostRoots, FollowTheEnvironment) {
  const HostRoots roots = roots_with({{"HOST_PROC", "/h/proc"},
                                      {"HOST_SYS", "/h/sys"},
                                      {"HOST_ETC", "/h/etc"},
                                      {"HOST_VAR", "/h/var"},
                                      {"HOST_RUN", "/h/run"},
                                      {"HOST_DEV", "/h/dev"},
                                      {"HOST_MOUNT_PREFIX", "/h"}});
  EXPECT_EQ(roots.proc, "/h/proc");
  EXPECT_EQ(roots.sys, "/h/sys");
  EXPECT_EQ(roots.etc, "/h/etc");
  EXPECT_EQ(roots.var, "/h/var");
  EXPECT_EQ(roots.run, "/h/run");
  EXPECT_EQ(roots.dev, "/h/dev");
  EXPECT_EQ(roots.mount_prefix, "/h");
  EXPECT_TRUE(roots.proc_overridden);
}

}  // namespace
}  // namespace holdfast::inputs
