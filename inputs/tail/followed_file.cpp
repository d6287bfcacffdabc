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

bool same_time(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

}  // namespace

base::Result<FollowedFile> FollowedFile::open(base::Descriptor file, std::uint64_t offset,
                                              const TextOptions& options) {
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return base::fail_errno("stat", errno);
  auto decoder = TextDecoder::open(options.encoding);
  if (!decoder) return tl::unexpected(decoder.error());
  const bool is_pipe = S_ISFIFO(info.st_mode);
  return FollowedFile(std::move(file), is_pipe, id_of(info), is_pipe ? 0 : offset, options,
                      std::move(*decoder));
}

FollowedFile::FollowedFile(base::Descriptor file, bool is_pipe, FileId id, std::uint64_t offset,
                           const TextOptions& options, TextDecoder decoder)
    : file_(std::move(file)),
      is_pipe_(is_pipe),
      strip_escapes_(options.strip_escapes),
      decoder_(std::move(decoder)),
      reader_(offset, decoder_.line_feed(), kMaxLineBytes),
      handed_out_(offset) {
  if (options.rule) multiline_.emplace(options.rule, kMaxLineBytes);
  const auto print = is_pipe_ ? std::nullopt : fingerprint(file_.get(), offset);
  mark_ = {id, offset, print.value_or(0)};
}

bool FollowedFile::same_as_before() {
  if (is_pipe_) {
    more_ = true;
    return true;
  }
  struct stat info {};
  if (::fstat(file_.get(), &info) != 0) return true;  // reading will say why
  if (info.st_size == size_ && same_time(info.st_mtim, changed_)) return true;
  size_ = info.st_size;
  changed_ = info.st_mtim;
  more_ = true;
  const bool shorter = static_cast<std::uint64_t>(info.st_size) < reader_.offset();
  return !shorter && begins_as(file_.get(), mark_);
}

bool FollowedFile::read(std::size_t& bytes) {
  std::array<char, kReadBytes> room;  // NOLINT(cppcoreguidelines-pro-type-member-init): read into
  const std::size_t wanted = std::min(bytes, room.size());
  if (wanted == 0) return false;
  const ssize_t got =
      is_pipe_ ? ::read(file_.get(), room.data(), wanted)
               : ::pread(file_.get(), room.data(), wanted, static_cast<off_t>(reader_.offset()));
  if (got > 0) {
    reader_.add({room.data(), static_cast<std::size_t>(got)});
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
  if (strip_escapes_) text = plain = without_escapes(text);
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
  mark_.offset = handed_out_;
  mark_.fingerprint = fingerprint(file_.get(), handed_out_).value_or(0);
}

std::optional<base::Error> FollowedFile::take_error() { return std::exchange(error_, {}); }

}  // namespace holdfast::tail
