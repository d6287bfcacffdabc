// MemoryFile: a File in memory, for tests and benchmarks.
#pragma once

#include <mutex>
#include <vector>

#include "buffer/file.h"

namespace holdfast::buffer {

class MemoryFile : public File {
 public:
  MemoryFile() = default;
  explicit MemoryFile(std::vector<std::byte> content) : content_(std::move(content)) {}

  [[nodiscard]] base::Result<std::size_t> read_at(std::uint64_t offset,
                                                  std::span<std::byte> out) override;
  [[nodiscard]] base::Status write_at(std::uint64_t offset,
                                      std::span<const std::byte> bytes) override;
  [[nodiscard]] base::Status sync() override { return base::ok(); }
  [[nodiscard]] base::Result<std::uint64_t> size() override;
  [[nodiscard]] base::Status allocate(std::uint64_t size) override;

  [[nodiscard]] std::vector<std::byte> content() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::byte> content_;
};

}  // namespace holdfast::buffer
