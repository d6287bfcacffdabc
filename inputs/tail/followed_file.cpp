#include "inputs/tail/followed_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

namespace holdfast::tail {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} * 1024;
static_assert(LineReader::kBefore == kTailBytes);

bool same_time(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

}  // namespace

base::Result<FollowedFile> FollowedFile::open(base::Descriptor file, std::uint64_t offset,
                                              const TextOptions& options) {
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return base::fail_errno("stat", errno);
  auto decoder = files::TextDecoder::open(options.encoding);
  if (!decoder) return tl::unexpected(decoder.error());
  const bool is_pipe = S_ISFIFO(info.st_mode);
  return FollowedFile(std::move(file), info, is_pipe ? 0 : offset, options, std::move(*decoder));
}

FollowedFile::FollowedFile(base::Descriptor file, const struct stat& info, std::uint64_t offset,
                           const TextOptions& options, files::TextDecoder decoder)
    : file_(std::move(file)),
      is_pipe_(S_ISFIFO(info.st_mode)),
      strip_escapes_(options.strip_escapes),
      decoder_(std::move(decoder)),
      reader_(offset, decoder_.line_feed(), kMaxLineBytes),
      handed_out_(offset) {
  if (options.rule) multiline_.emplace(options.rule, kMaxLineBytes);
  mark_.id = id_of(info);
  mark_.offset = offset;
  mark_.changed_ns = changed_ns(info);
  if (is_pipe_) return;
  const std::uint64_t tail = std::min<std::uint64_t>(offset, kTailBytes);
  head_ = read_at(file_.get(), 0, std::min<std::uint64_t>(offset, kHeadBytes)).value_or("");
  line_end_ = {offset, read_at(file_.get(), offset - tail, tail).value_or("")};
  reader_.seed(line_end_.before);
  mark_.fingerprint = fingerprint(head_, line_end_.before);
}

bool FollowedFile::same_as_before() {
  if (is_pipe_) {
    more_ = true;
    return true;
  }
  struct stat info {};
  if (::fstat(file_.get(), &info) != 0) return true;  // reading will say why
  if (info.st_size == size_ && same_time(info.st_mtim, changed_)) return true;
  const bool shorter = static_cast<std::uint64_t>(info.st_size) < reader_.offset();
  if (shorter || !begins_as(file_.get(), mark_)) return false;
  size_ = info.st_size;
  changed_ = info.st_mtim;
  mark_.changed_ns = changed_ns(info);
  more_ = true;
  return true;
}

bool FollowedFile::begins_like(int descriptor) const {
  struct stat info {};
  if (head_.empty() || ::fstat(descriptor, &info) != 0) return false;
  const std::size_t size = std::min(head_.size(), static_cast<std::size_t>(info.st_size));
  const auto head = read_at(descriptor, 0, size);
  return size > 0 && head == head_.substr(0, size);
}

void FollowedFile::keep_head(std::string_view bytes) {
  if (head_.size() >= kHeadBytes || reader_.offset() != head_.size()) return;
  head_ += bytes.substr(0, kHeadBytes - head_.size());
}

bool FollowedFile::read(std::size_t& bytes) {
  std::array<char, kReadBytes> room;  // NOLINT(cppcoreguidelines-pro-type-member-init): read into
  const std::size_t wanted = std::min(bytes, room.size());
  if (wanted == 0) return false;
  const ssize_t got =
      is_pipe_ ? ::read(file_.get(), room.data(), wanted)
               : ::pread(file_.get(), room.data(), wanted, static_cast<off_t>(reader_.offset()));
  if (got > 0) {
    const std::string_view text(room.data(), static_cast<std::size_t>(got));
    keep_head(text);
    reader_.add(text);
    bytes -= static_cast<std::size_t>(got);
    grown_ = true;
    return true;
  }
  if (got < 0 && errno == EINTR) return true;
  more_ = false;
  if (got < 0 && errno != EAGAIN) {
    error_ = base::Error{base::ErrorCode::kIo, "read: " + base::errno_text(errno)};
    size_ = -1;  // to be tried again, though nothing changes
  }
  return false;
}

std::optional<Record> FollowedFile::record_of(const Line& line) {
  std::string_view text = decoder_.decode(line.text);
  if (text.ends_with('\r')) text.remove_suffix(1);
  std::string plain;
  if (strip_escapes_) text = plain = files::without_escapes(text);
  if (multiline_) return multiline_->add(text, line.end);
  return Record{std::string(text), line.end};
}

std::optional<Record> FollowedFile::next(std::size_t& bytes) {
  while (true) {
    const auto line = reader_.next();
    if (!line) {
      if (more_ && read(bytes)) continue;
      return std::nullopt;
    }
    grown_ = true;
    std::swap(earlier_end_, line_end_);
    line_end_.offset = line->end;
    line_end_.before = reader_.before();
    auto record = record_of(*line);
    if (!record) continue;
    handed_out_ = record->end;
    return record;
  }
}

std::optional<Record> FollowedFile::next_of_rest() {
  std::optional<Record> record;
  if (const auto line = reader_.rest()) record = record_of(*line);
  if (!record && multiline_) record = multiline_->flush();
  if (record) handed_out_ = record->end;
  return record;
}

std::optional<Record> FollowedFile::next_overdue(base::BootTime now) {
  if (!waits_for_lines() || now - last_line_ < multiline_->timeout()) return std::nullopt;
  auto record = multiline_->flush();
  if (record) handed_out_ = record->end;
  return record;
}

void FollowedFile::mark_turn(base::BootTime now) {
  if (grown_) last_growth_ = last_line_ = now;
  grown_ = false;
  if (is_pipe_ || handed_out_ == mark_.offset) return;
  // Of what was read, not of what stands there now. A record ends with the last line or with the
  // one before it, but for a rest that nobody comes back to.
  const End& end = handed_out_ == earlier_end_.offset ? earlier_end_ : line_end_;
  mark_.offset = handed_out_;
  mark_.fingerprint = fingerprint(
      std::string_view(head_).substr(0, std::min<std::uint64_t>(handed_out_, kHeadBytes)),
      end.before);
}

std::optional<base::Error> FollowedFile::take_error() { return std::exchange(error_, {}); }

}  // namespace holdfast::tail
