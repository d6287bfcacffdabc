#include "buffer/memory_file.h"

#include <algorithm>

namespace holdfast::buffer {

base::Result<std::size_t> MemoryFile::read_at(std::uint64_t offset, std::span<std::byte> out) {
  const std::lock_guard lock(mutex_);
  if (offset >= content_.size()) return 0;
  const std::size_t size = std::min<std::uint64_t>(out.size(), content_.size() - offset);
  std::copy_n(content_.begin() + static_cast<std::ptrdiff_t>(offset), size, out.begin());
  return size;
}

base::Status MemoryFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  const std::lock_guard lock(mutex_);
  if (offset + bytes.size() > content_.size()) content_.resize(offset + bytes.size());
  std::copy(bytes.begin(), bytes.end(), content_.begin() + static_cast<std::ptrdiff_t>(offset));
  return base::ok();
}

base::Result<std::uint64_t> MemoryFile::size() {
  const std::lock_guard lock(mutex_);
  return content_.size();
}

base::Status MemoryFile::allocate(std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  if (size > content_.size()) content_.resize(size);
  return base::ok();
}

std::vector<std::byte> MemoryFile::content() const {
  const std::lock_guard lock(mutex_);
  return content_;
}

}  // namespace holdfast::buffer
