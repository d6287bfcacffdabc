#include "tests/support/recording_file.h"

#include <algorithm>

namespace holdfast::test {

void apply(const FileOperation& operation, std::vector<std::byte>& content) {
  switch (operation.kind) {
    case FileOperation::Kind::kAllocate:
      if (operation.offset > content.size()) content.resize(operation.offset);
      break;
    case FileOperation::Kind::kWrite: {
      const std::uint64_t end = operation.offset + operation.bytes.size();
      if (end > content.size()) content.resize(end);
      std::copy(operation.bytes.begin(), operation.bytes.end(),
                content.begin() + static_cast<std::ptrdiff_t>(operation.offset));
      break;
    }
    case FileOperation::Kind::kSync:
    case FileOperation::Kind::kFailedSync:
      break;
  }
}

void FileRecord::fail_with(std::function<base::Status(const FileOperation&)> rule) {
  const std::lock_guard lock(mutex_);
  rule_ = std::move(rule);
}

base::Status FileRecord::note(FileOperation operation) {
  const std::lock_guard lock(mutex_);
  if (rule_) {
    if (auto allowed = rule_(operation); !allowed) {
      if (operation.kind == FileOperation::Kind::kSync) {
        operations_.push_back({FileOperation::Kind::kFailedSync, 0, {}});
      }
      return allowed;
    }
  }
  operations_.push_back(std::move(operation));
  if (operations_.back().kind == FileOperation::Kind::kSync) synced_ = operations_.size();
  return base::ok();
}

void FileRecord::forget_on_failed_sync() {
  const std::lock_guard lock(mutex_);
  forgets_ = true;
}

std::vector<FileOperation> FileRecord::forgotten() const {
  const auto before = content_after(synced());
  const std::lock_guard lock(mutex_);
  std::vector<FileOperation> old;
  for (std::size_t i = synced_; i < operations_.size() && forgets_; ++i) {
    FileOperation operation = operations_[i];
    if (operation.kind != FileOperation::Kind::kWrite) continue;
    const auto from = before.begin() + static_cast<std::ptrdiff_t>(operation.offset);
    std::copy_n(from, operation.bytes.size(), operation.bytes.begin());
    old.push_back(std::move(operation));
  }
  return old;
}

std::vector<FileOperation> FileRecord::operations() const {
  const std::lock_guard lock(mutex_);
  return operations_;
}

std::vector<FileOperation> FileRecord::operations_since(std::size_t from) const {
  const std::lock_guard lock(mutex_);
  return {operations_.begin() + static_cast<std::ptrdiff_t>(std::min(from, operations_.size())),
          operations_.end()};
}

std::size_t FileRecord::size() const {
  const std::lock_guard lock(mutex_);
  return operations_.size();
}

std::size_t FileRecord::synced() const {
  const std::lock_guard lock(mutex_);
  return synced_;
}

std::uint64_t FileRecord::unsynced_bytes(std::uint64_t offset) const {
  const std::lock_guard lock(mutex_);
  std::uint64_t bytes = 0;
  for (std::size_t i = synced_; i + 1 < operations_.size(); ++i) {
    if (operations_[i].offset >= offset) bytes += operations_[i].bytes.size();
  }
  return bytes;
}

std::vector<std::byte> FileRecord::content_after(std::size_t count) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::byte> content = base_;
  for (std::size_t i = 0; i < count && i < operations_.size(); ++i) apply(operations_[i], content);
  return content;
}

RecordingFile::RecordingFile(std::shared_ptr<FileRecord> record) : record_(std::move(record)) {}

RecordingFile::RecordingFile(std::shared_ptr<FileRecord> record, std::vector<std::byte> content)
    : MemoryFile(std::move(content)), record_(std::move(record)) {}

std::unique_ptr<RecordingFile> RecordingFile::reopen(std::shared_ptr<FileRecord> record) {
  auto content = record->content_after(record->size());
  return std::unique_ptr<RecordingFile>(new RecordingFile(std::move(record), std::move(content)));
}

base::Status RecordingFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  auto noted = record_->note(
      {FileOperation::Kind::kWrite, offset, std::vector<std::byte>(bytes.begin(), bytes.end())});
  return noted ? MemoryFile::write_at(offset, bytes) : noted;
}

base::Status RecordingFile::sync() {
  auto noted = record_->note({FileOperation::Kind::kSync, 0, {}});
  if (noted) return noted;
  for (const FileOperation& old : record_->forgotten()) {
    if (auto taken_back = MemoryFile::write_at(old.offset, old.bytes); !taken_back) {
      return taken_back;
    }
  }
  return noted;
}

base::Status RecordingFile::allocate(std::uint64_t size) {
  auto noted = record_->note({FileOperation::Kind::kAllocate, size, {}});
  return noted ? MemoryFile::allocate(size) : noted;
}

}  // namespace holdfast::test
