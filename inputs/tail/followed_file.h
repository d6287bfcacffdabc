// FollowedFile: one open file (or named pipe), read record by record as it grows, whatever becomes
// of its name.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "agent/base/descriptor.h"
#include "agent/base/result.h"
#include "inputs/files/text_decoder.h"
#include "inputs/tail/file_mark.h"
#include "inputs/tail/line_reader.h"
#include "inputs/tail/multiline.h"

namespace holdfast::tail {

// How the bytes of all files become records.
struct TextOptions {
  std::string encoding;                       // as TextDecoder has it
  bool strip_escapes = false;                 // take out colours
  std::shared_ptr<const MultilineRule> rule;  // null: each line is a record
};

// A longer line is skipped, a longer record ended.
constexpr std::size_t kMaxLineBytes = std::size_t{1} << 20U;

// Not thread-safe.
class FollowedFile {
 public:
  // Reads from `offset` on, which does not matter for a pipe. Fails if the encoding is unknown.
  [[nodiscard]] static base::Result<FollowedFile> open(base::Descriptor file, std::uint64_t offset,
                                                       const TextOptions& options);

  // Whether it still is what was read so far, and not truncated, or written anew. Before each turn.
  [[nodiscard]] bool same_as_before();
  // The next whole record, reading up to `bytes` more for it, which are taken off. Nothing: that is
  // all there is (then more() is false), or `bytes` or the device did not allow it.
  [[nodiscard]] std::optional<Record> next(std::size_t& bytes);
  // What waits for more lines or for the end of its line, as records: nobody will write more.
  [[nodiscard]] std::optional<Record> next_of_rest();
  // Lines that were put together are a record if none came for the time of the rule.
  [[nodiscard]] std::optional<Record> next_overdue(base::BootTime now);
  // Up to here all records have been handed out; to be called after each turn.
  void mark_turn(base::BootTime now);

  [[nodiscard]] bool more() const { return more_; }
  [[nodiscard]] bool waits_for_lines() const { return multiline_ && multiline_->waiting(); }
  [[nodiscard]] std::size_t unfinished() const { return reader_.unfinished(); }
  [[nodiscard]] std::uint64_t take_skipped() { return reader_.take_skipped(); }
  // The reason of the last read that failed, once.
  [[nodiscard]] std::optional<base::Error> take_error();

  // Whether another file begins as this one does: it is a copy of it, or of its beginning.
  [[nodiscard]] bool begins_like(int descriptor) const;

  [[nodiscard]] bool is_pipe() const { return is_pipe_; }
  [[nodiscard]] int descriptor() const { return file_.get(); }
  [[nodiscard]] const FileMark& mark() const { return mark_; }  // as of the last mark_turn()
  // When there was something to read for the last time.
  [[nodiscard]] base::BootTime last_growth() const { return last_growth_; }

 private:
  FollowedFile(base::Descriptor file, const struct stat& info, std::uint64_t offset,
               const TextOptions& options, files::TextDecoder decoder);
  [[nodiscard]] bool read(std::size_t& bytes);
  void keep_head(std::string_view bytes);
  [[nodiscard]] std::optional<Record> record_of(const Line& line);

  base::Descriptor file_;
  bool is_pipe_;
  bool strip_escapes_;
  files::TextDecoder decoder_;
  LineReader reader_;
  std::optional<Multiline> multiline_;
  FileMark mark_;
  std::string head_;  // the first bytes of the file
  // Behind the last two lines: where, and what stands before that.
  struct End {
    std::uint64_t offset = 0;
    std::string before;
  };
  End line_end_, earlier_end_;
  std::uint64_t handed_out_;  // offset behind the last record
  // Of the last turn: nothing to do while they stay.
  std::int64_t size_ = -1;
  timespec changed_{};
  bool more_ = true;
  bool grown_ = false;  // since the last mark_turn()
  base::BootTime last_growth_{};
  base::BootTime last_line_{};
  std::optional<base::Error> error_;
};

}  // namespace holdfast::tail
