// The ways to say where a message ends.
#include <algorithm>
#include <memory>
#include <utility>

#include "inputs/sockets/splitter.h"

namespace holdfast::sockets {
namespace {

using Found = base::Result<std::optional<Cut>>;

// More is no length but something else that was taken for one.
constexpr std::uint64_t kLongestMessage = std::uint64_t{1} << 31;

class DelimiterFraming final : public Framing {
 public:
  explicit DelimiterFraming(std::string delimiter) : delimiter_(std::move(delimiter)) {}

  [[nodiscard]] Found find(std::string_view pending, std::size_t seen) const override {
    const std::size_t at = pending.find(delimiter_, seen - std::min(seen, overlap()));
    if (at == std::string_view::npos) return std::nullopt;
    const bool cr = delimiter_ == "\n" && at > 0 && pending[at - 1] == '\r';
    return Cut{0, at - (cr ? 1 : 0), at + delimiter_.size()};
  }
  [[nodiscard]] std::optional<std::size_t> find_end(std::string_view pending) const override {
    const std::size_t at = pending.find(delimiter_);
    if (at == std::string_view::npos) return std::nullopt;
    return at + delimiter_.size();
  }
  [[nodiscard]] std::size_t overlap() const override { return delimiter_.size() - 1; }
  [[nodiscard]] bool ends_with_stream() const override { return true; }

 private:
  std::string delimiter_;
};

class FixedFraming final : public Framing {
 public:
  explicit FixedFraming(std::size_t bytes) : bytes_(bytes) {}
  [[nodiscard]] Found find(std::string_view, std::size_t) const override {
    return Cut{0, bytes_, bytes_};
  }

 private:
  std::size_t bytes_;
};

class LengthFraming final : public Framing {
 public:
  explicit LengthFraming(const LengthField& field) : field_(field) {}

  [[nodiscard]] Found find(std::string_view pending, std::size_t) const override {
    if (pending.size() < field_.offset + field_.bytes) return std::nullopt;
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < field_.bytes; ++i) {
      const std::size_t at = field_.little_endian ? field_.bytes - 1 - i : i;
      length = length << 8 | static_cast<unsigned char>(pending[field_.offset + at]);
    }
    // Shorter than its own header: the next message would begin nowhere.
    const bool too_short = field_.header_length == 0 && length < field_.offset + field_.bytes;
    if (length > kLongestMessage || too_short) {
      return base::fail(base::ErrorCode::kInvalid,
                        "the stream cannot be split: found a length of {} bytes", length);
    }
    return Cut{field_.header_length, length, field_.header_length + length};
  }

 private:
  LengthField field_;
};

class OctetCounting final : public Framing {
 public:
  [[nodiscard]] Found find(std::string_view pending, std::size_t) const override {
    const std::size_t begin = pending.find_first_not_of("\r\n");
    if (begin == std::string_view::npos) return Cut{pending.size(), 0, pending.size()};
    const std::string_view header = pending.substr(begin, kMostDigits + 1);
    const std::size_t digits = std::min(header.find_first_not_of("0123456789"), header.size());
    if (digits == header.size() && digits <= kMostDigits) return std::nullopt;
    std::uint64_t length = 0;
    for (const char c : header.substr(0, digits)) {
      length = length * 10 + static_cast<std::uint64_t>(c - '0');
    }
    if (digits == 0 || digits > kMostDigits || header[digits] != ' ' || length > kLongestMessage ||
        length == 0) {
      return base::fail(base::ErrorCode::kInvalid,
                        "the stream cannot be split: found `{}`, expected the length of a message "
                        "and a blank (octet-counting)",
                        header);
    }
    const std::size_t skip = begin + digits + 1;
    return Cut{skip, length, skip + length};
  }

 private:
  static constexpr std::size_t kMostDigits = 10;
};

}  // namespace

std::unique_ptr<Framing> make_delimiter_framing(std::string delimiter) {
  return std::make_unique<DelimiterFraming>(std::move(delimiter));
}

std::unique_ptr<Framing> make_fixed_framing(std::size_t bytes) {
  return std::make_unique<FixedFraming>(bytes);
}

std::unique_ptr<Framing> make_length_framing(const LengthField& field) {
  return std::make_unique<LengthFraming>(field);
}

std::unique_ptr<Framing> make_octet_counting() { return std::make_unique<OctetCounting>(); }

}  // namespace holdfast::sockets
