// Bodies in pieces. A gzip body that does not fit one piece is inflated twice: first to the end,
// keeping nothing, because its checksum and size are only known there and a damaged body must not
// be taken in part; then piece by piece. Inflating is the cheap part of taking in lines.
#include "inputs/body_reader.h"

#include <algorithm>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/line/cursor.h"
#include "inputs/gunzip.h"

namespace holdfast::inputs {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{256} * 1024;
// A batch of 5,000 usual lines is about half of it.
constexpr std::size_t kSinglePassBytes = std::size_t{1024} * 1024;
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

// A gzip stream that must be whole.
class BodyReader::Inflater {
 public:
  explicit Inflater(std::string_view input) : rest_(input), empty_(input.empty()) {}

  // Writes up to `size` bytes to `out`; fewer only at the end.
  [[nodiscard]] base::Result<std::size_t> read(char* out, std::size_t size) {
    auto got = gunzip_.read(rest_, {out, size});
    if (got && *got < size && !done()) {
      return base::fail(base::ErrorCode::kInvalid, "gzip body is cut short");
    }
    return got;
  }
  [[nodiscard]] bool done() const { return !empty_ && rest_.empty() && gunzip_.between_members(); }

 private:
  std::string_view rest_;
  bool empty_;  // nothing is no gzip stream
  Gunzip gunzip_{"gzip body"};
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
