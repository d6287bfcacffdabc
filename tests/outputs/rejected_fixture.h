// A rejected store in a temporary directory, and what lies in it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "outputs/rejected_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_ring.h"
#include "tests/support/gzip.h"
#include "tests/support/temp_dir.h"

namespace holdfast::test {

inline constexpr std::uint64_t kBatchPoints = 20;

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline outputs::Batch batch_of(std::string_view lines) {
  auto batch = outputs::Batch::from_gzip(gzip(lines));
  EXPECT_TRUE(batch);
  return batch ? std::move(*batch) : outputs::Batch();
}

inline outputs::Decision refusal(const std::string& reason = "HTTP 400: no") {
  outputs::Decision decision;
  decision.action = outputs::Action::kRejected;
  decision.status = 400;
  decision.reason = reason;
  return decision;
}

class RejectedStoreTest : public testing::Test {
 protected:
  [[nodiscard]] std::string directory() const { return dir_.path("rejected"); }

  [[nodiscard]] outputs::RejectedStore store(const std::string& reader = "main",
                                             std::uint64_t limit = 1U << 20U,
                                             const std::string& directory = {}) const {
    outputs::WorkerOptions options;
    options.rejected_directory = directory.empty() ? this->directory() : directory;
    options.rejected_limit.count = limit;
    return {options, "outputs.influxdb::" + reader, reader, clock_, {}};
  }

  // Batch number `n`; a second passes.
  void keep(outputs::RejectedStore& store, std::uint64_t n) {
    store.keep(batch_of(numbered_lines(n * kBatchPoints, kBatchPoints)), refusal(),
               "http://h/write");
    clock_.advance(std::chrono::seconds(1));
  }

  [[nodiscard]] std::vector<outputs::RejectedFile> files(const std::string& reader = "main") const {
    const auto opened = outputs::RejectedDirectory::open(directory());
    if (!opened) return {};
    auto files = opened->list();
    EXPECT_TRUE(files);
    std::erase_if(*files,
                  [&](const outputs::RejectedFile& file) { return file.name.reader != reader; });
    return *files;
  }
  [[nodiscard]] std::set<std::string> names() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory())) {
      names.insert(entry.path().filename().string());
    }
    return names;
  }
  [[nodiscard]] std::string lines_of(const outputs::RejectedName& name) const {
    return gunzip_single_member(read_file(directory() + "/" + name.id() + ".lp.gz"))
        .value_or("broken");
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(directory() + "/" + name) << text;
  }

  static std::uint64_t disk_bytes(const std::vector<outputs::RejectedFile>& files) {
    std::uint64_t bytes = 0;
    for (const outputs::RejectedFile& file : files) bytes += file.bytes;
    return bytes;
  }

  FakeClock clock_;
  TempDir dir_;
};

}  // namespace holdfast::test
