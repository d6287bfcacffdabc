// RecordingFile: an in-memory file that writes down every write and sync, so that the file can be
// rebuilt as it was after any of them; and that fails when a test tells it to.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "buffer/memory_file.h"

namespace holdfast::test {

struct FileOperation {
  // kFailedSync: the kernel may have called the pages clean that it could not write. What was not
  // durable yet may never be, whatever later syncs say, unless it is written again.
  enum class Kind { kAllocate, kWrite, kSync, kFailedSync };
  Kind kind = Kind::kWrite;
  std::uint64_t offset = 0;      // of a write; the size, for kAllocate
  std::vector<std::byte> bytes;  // of a write
};

// What was done to a file, shared by the file (which a ring owns) and the test. Thread-safe.
class FileRecord {
 public:
  FileRecord() = default;
  // Of a file that holds something already.
  explicit FileRecord(std::vector<std::byte> base) : base_(std::move(base)) {}

  // Called before each operation; a failed status is returned to the caller instead of doing it. Of
  // what failed only syncs are noted.
  void fail_with(std::function<base::Status(const FileOperation&)> rule);
  // From now on a sync that fails takes back what was written since the last completed one, for who
  // reads the file (of the record nothing is taken back): some file systems do that at once, others
  // when memory gets short.
  void forget_on_failed_sync();

  [[nodiscard]] std::vector<FileOperation> operations() const;
  // Those from number `from` on.
  [[nodiscard]] std::vector<FileOperation> operations_since(std::size_t from) const;
  [[nodiscard]] std::size_t size() const;
  // How many operations there were when the last sync was done, that one included.
  [[nodiscard]] std::size_t synced() const;
  // Bytes written at `offset` or above since then, the last operation not counted.
  [[nodiscard]] std::uint64_t unsynced_bytes(std::uint64_t offset) const;
  // The file after the first `count` operations, each done whole and in order.
  [[nodiscard]] std::vector<std::byte> content_after(std::size_t count) const;

 private:
  friend class RecordingFile;
  [[nodiscard]] base::Status note(FileOperation operation);
  // What lay under the writes since the last completed sync; nothing unless told to forget.
  [[nodiscard]] std::vector<FileOperation> forgotten() const;

  const std::vector<std::byte> base_{};
  mutable std::mutex mutex_;
  std::function<base::Status(const FileOperation&)> rule_;
  std::vector<FileOperation> operations_;
  std::size_t synced_ = 0;
  bool forgets_ = false;
};

class RecordingFile final : public buffer::MemoryFile {
 public:
  // Starts empty, and so does the record, which has no base.
  explicit RecordingFile(std::shared_ptr<FileRecord> record);
  // Opens again what the record has so far; the record goes on.
  [[nodiscard]] static std::unique_ptr<RecordingFile> reopen(std::shared_ptr<FileRecord> record);

  [[nodiscard]] base::Status write_at(std::uint64_t offset,
                                      std::span<const std::byte> bytes) override;
  [[nodiscard]] base::Status sync() override;
  [[nodiscard]] base::Status allocate(std::uint64_t size) override;

 private:
  RecordingFile(std::shared_ptr<FileRecord> record, std::vector<std::byte> content);

  std::shared_ptr<FileRecord> record_;
};

// Applies one operation to a file's bytes.
void apply(const FileOperation& operation, std::vector<std::byte>& content);

}  // namespace holdfast::test
