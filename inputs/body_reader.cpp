// Bodies in pieces. A gzip body that does not fit one piece is inflated twice: first to the end,
// keeping nothing, because its checksum and size are only known there and a damaged body must not
// be taken in part; then piece by piece. Inflating is the cheap part of taking in lines.
#include "inputs/body_reader.h"

#include <algorithm>
#include <limits>
#include <vector>

#include <zlib.h>

#include "agent/base/bytes.h"
#include "agent/line/cursor.h"

namespace holdfast::inputs {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{256} * 1024;
// A batch of 5,000 usual lines is about half of it.
constexpr std::size_t kSinglePassBytes = std::size_t{1024} * 1024;
constexpr int kGzipWindow = 15 + 16;  // the largest window, and gzip's own framing (zlib.h)
constexpr std::size_t kGzipTrailerBytes = 8;

// Where the last whole line ends; 0 if there is none.
std::size_t last_line_end(std::string_view text) {
  if (text.find('"') == std::string_view::npos) return text.rfind('\n') + 1;  // npos + 1 is 0
  // The line found last may go on behind the text, also when it seems to end: leave it.
  std::size_t end = 0;
  line::LineCursor lines(text);
  while (const auto parts = lines.next()) {
    end = static_cast<std::size_t>(parts->line.data() - text.data());
  }
  return end;
}

// What the gzip trailer says about the size of the (last) member; a hint, not a promise.
std::size_t size_hint(std::string_view body) {
  if (body.size() < kGzipTrailerBytes) return 0;
  return base::load_le<std::uint32_t>(base::as_bytes(body).data() + body.size() - 4);
}

}  // namespace

// A gzip stream, member after member.
class BodyReader::Inflater {
 public:
  explicit Inflater(std::string_view input) {
    // zlib does not write to its input, but says so only where ZLIB_CONST is defined.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    stream_.avail_in = static_cast<uInt>(input.size());
    ready_ = input.size() <= std::numeric_limits<uInt>::max() &&
             inflateInit2(&stream_, kGzipWindow) == Z_OK;
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { inflateEnd(&stream_); }

  // Writes up to `size` bytes to `out`; fewer only at the end.
  [[nodiscard]] base::Result<std::size_t> read(char* out, std::size_t size) {
    if (!ready_) return base::fail(base::ErrorCode::kNoSpace, "no memory to inflate the body");
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(size);
    while (!done_ && stream_.avail_out > 0) {
      const int result = inflate(&stream_, Z_NO_FLUSH);
      if (result == Z_STREAM_END) {
        done_ = stream_.avail_in == 0;
        if (!done_) inflateReset(&stream_);
      } else if (result == Z_BUF_ERROR) {  // it wants more input than there is
        return base::fail(base::ErrorCode::kInvalid, "gzip body is cut short");
      } else if (result != Z_OK) {
        return base::fail(base::ErrorCode::kInvalid, "gzip body is damaged: {}",
                          stream_.msg == nullptr ? "not gzip" : stream_.msg);
      }
    }
    return size - stream_.avail_out;
  }
  [[nodiscard]] bool done() const { return done_; }

 private:
  z_stream stream_{};
  bool ready_ = false;
  bool done_ = false;
};

BodyReader::BodyReader(std::string_view body, BodyCoding coding, std::uint64_t max_bytes)
    : body_(body), max_bytes_(max_bytes), piece_bytes_(kPieceBytes) {
  if (coding == BodyCoding::kIdentity) return;
  inflater_ = std::make_unique<Inflater>(body);
  // One byte more than the body should have lets the end be seen at once.
  if (const std::size_t hint = size_hint(body); hint <= kSinglePassBytes) piece_bytes_ = hint + 1;
}

BodyReader::~BodyReader() = default;

base::Result<std::string_view> BodyReader::next() {
  if (inflater_ != nullptr) return next_inflated();
  if (body_.size() > max_bytes_) return too_large();
  return next_identity();
}

std::string_view BodyReader::next_identity() {
  const std::string_view rest = body_.substr(at_);
  std::size_t end = rest.size();
  for (std::size_t size = kPieceBytes; size < rest.size(); size *= 2) {
    end = last_line_end(rest.substr(0, size));
    if (end > 0) break;
    end = rest.size();
  }
  at_ += end;
  return rest.substr(0, end);
}

base::Result<std::string_view> BodyReader::next_inflated() {
  inflated_.erase(0, given_);
  given_ = 0;
  while (!inflater_->done()) {
    if (auto more = inflate_more(); !more) return tl::unexpected(more.error());
    if (inflater_->done()) break;
    if (!checked_) {
      if (auto whole = check_whole(); !whole) return tl::unexpected(whole.error());
      checked_ = true;
    }
    given_ = last_line_end(inflated_);
    piece_bytes_ = std::max(kPieceBytes, inflated_.size());  // doubles until a long line's end
    if (given_ > 0) {
      piece_bytes_ = kPieceBytes;
      return std::string_view(inflated_).substr(0, given_);
    }
  }
  if (!checked_ && inflated_.size() > max_bytes_) return too_large();
  given_ = inflated_.size();
  return std::string_view(inflated_);
}

base::Status BodyReader::inflate_more() {
  const std::size_t before = inflated_.size();
  inflated_.resize(before + piece_bytes_);
  auto got = inflater_->read(inflated_.data() + before, piece_bytes_);
  if (!got) return tl::unexpected(got.error());
  inflated_.resize(before + *got);
  return base::ok();
}

tl::unexpected<base::Error> BodyReader::too_large() const {
  return base::fail(base::ErrorCode::kTooLarge, "the body is larger than {} bytes", max_bytes_);
}

base::Status BodyReader::check_whole() const {
  Inflater inflater(body_);
  std::vector<char> scratch(kPieceBytes / 4);
  std::uint64_t total = 0;
  while (!inflater.done()) {
    const auto got = inflater.read(scratch.data(), scratch.size());
    if (!got) return tl::unexpected(got.error());
    total += *got;
    if (total > max_bytes_) return too_large();
  }
  return base::ok();
}

}  // namespace holdfast::inputs
