// Point → line: merges tags, formats fields, leaves out what cannot be written.
#include "agent/line/encode.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "agent/line/escape.h"
#include "agent/line/ingest.h"
#include "agent/line/rules.h"

namespace holdfast::line {
namespace {

struct TagView {
  std::string_view key;
  std::string_view value;
};

// Points have a handful of tags: sorted on the stack, in a vector only beyond that.
constexpr std::size_t kTagsOnStack = 48;

template <class Integer>
void append_integer(Integer value, std::string& out) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

// The shortest digits that round-trip, followed by zeros up to the decimal point. (The fixed form
// of std::to_chars would print the exact value of a large double instead: 99999999999999991611392.)
void append_large_float(double value, std::string& out) {
  std::array<char, 32> text;
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific)
          .ptr;
  const std::string_view all(text.data(), static_cast<std::size_t>(end - text.data()));
  const std::size_t mark = all.find('e');
  std::size_t exponent = 0;
  std::from_chars(all.data() + mark + 2, end, exponent);  // behind "e+"
  std::size_t digits = 0;
  for (const char byte : all.substr(0, mark)) {
    if (byte == '.') {
      continue;
    }
    out.push_back(byte);
    digits += is_digit(byte) ? 1U : 0U;
  }
  out.append(exponent + 1 - digits, '0');
}

// Shortest form that round-trips, never with an exponent, integral values without a point.
void append_float(double value, std::string& out) {
  constexpr double kExactIntegers = 1e15;  // below this, int64 digits are the shortest digits
  constexpr double kLarge = 1e17;          // from here on, at most 17 digits are significant
  if (std::fabs(value) < kExactIntegers && value == std::trunc(value) &&
      !(value == 0 && std::signbit(value))) {
    append_integer(static_cast<std::int64_t>(value), out);
  } else if (std::fabs(value) >= kLarge) {
    append_large_float(value, out);
  } else {
    std::array<char, 400> text;  // 5e-324 needs 326 bytes, with 17 digits 343
    const auto end =
        std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed).ptr;
    out.append(text.data(), static_cast<std::size_t>(end - text.data()));
  }
}

void append_unsigned(std::uint64_t value, bool uint_support, std::string& out) {
  constexpr std::uint64_t kMaxInteger = std::numeric_limits<std::int64_t>::max();
  append_integer(uint_support ? value : std::min(value, kMaxInteger), out);
  out.push_back(uint_support ? 'u' : 'i');
}

// Appends one line for one point. Lives for one call.
class Encoder {
 public:
  Encoder(const Point& point, const EncodeOptions& options, std::string& out)
      : point_(point), options_(options), out_(out) {}

  [[nodiscard]] bool write(std::span<const TagPair> extra_tags, std::int64_t time_ns) {
    const std::size_t start = out_.size();
    if (time_ns >= kMinTimeNs && time_ns <= kMaxTimeNs && write_measurement() &&
        write_tags(extra_tags) && write_fields(start)) {
      out_.push_back(' ');
      append_integer(time_ns, out_);
      const std::string_view line = std::string_view(out_).substr(start);
      if (!doubtful_ || !check_line(line)) {
        out_.push_back('\n');
        return true;
      }
    }
    out_.resize(start);
    return false;
  }

 private:
  [[nodiscard]] bool write_measurement() {
    const std::string_view name = strip_backslashes(point_.measurement());
    doubtful_ = !name.empty() && name.front() == '#';  // would be read as a comment
    append_escaped_name(name, out_);
    return !name.empty();
  }

  [[nodiscard]] bool write_tags(std::span<const TagPair> extra_tags) {
    const std::size_t count = point_.tags().size() + extra_tags.size();
    if (count <= kTagsOnStack) {
      std::array<TagView, kTagsOnStack> tags;
      return write_merged(extra_tags, std::span(tags).first(count));
    }
    std::vector<TagView> tags(count);
    return write_merged(extra_tags, tags);
  }

  // `room` has one place for each tag of either side.
  [[nodiscard]] bool write_merged(std::span<const TagPair> extra_tags, std::span<TagView> room) {
    std::size_t own = 0;
    for (const Point::Tag& tag : point_.tags()) {
      room[own++] = {point_.text(tag.key), point_.text(tag.value)};
    }
    const auto by_key = [](const TagView& a, const TagView& b) { return a.key < b.key; };
    std::sort(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(own), by_key);
    auto extra = extra_tags.begin();
    for (const TagView& tag : room.first(own)) {
      for (; extra != extra_tags.end() && extra->first < tag.key; ++extra) {
        if (!write_tag({extra->first, extra->second})) return false;
      }
      if (extra != extra_tags.end() && extra->first == tag.key) {
        ++extra;  // the point's own tag wins, also when it is empty and so left out
      }
      if (!write_tag(tag)) return false;
    }
    for (; extra != extra_tags.end(); ++extra) {
      if (!write_tag({extra->first, extra->second})) return false;
    }
    return true;
  }

  [[nodiscard]] bool write_tag(TagView tag) {
    tag.value = strip_backslashes(tag.value);
    if (tag.value.empty() || strip_backslashes(tag.key).empty()) {
      return true;
    }
    if (is_reserved_tag(tag.key)) {
      return false;
    }
    doubtful_ = doubtful_ || may_collide(tag.key);
    out_.push_back(',');
    append_escaped_key(tag.key, out_);
    out_.push_back('=');
    append_escaped_key(tag.value, out_);
    return true;
  }

  // False when no field is left.
  [[nodiscard]] bool write_fields(std::size_t start) {
    const std::size_t series = out_.size() - start;
    bool any = false;
    if (options_.sort_fields) {
      std::vector<const Point::Field*> sorted;
      for (const Point::Field& field : point_.fields()) {
        sorted.push_back(&field);
      }
      std::sort(sorted.begin(), sorted.end(), [this](const auto* a, const auto* b) {
        return point_.text(a->key) < point_.text(b->key);
      });
      for (const Point::Field* field : sorted) {
        any = write_field(*field, any, series) || any;
      }
    } else {
      for (const Point::Field& field : point_.fields()) {
        any = write_field(field, any, series) || any;
      }
    }
    return any;
  }

  // False when the field was left out.
  bool write_field(const Point::Field& field, bool follows, std::size_t series) {
    const std::string_view key = strip_backslashes(point_.text(field.key));
    if (key.empty() || is_reserved_field(key) || !is_writable(field.value)) {
      return false;
    }
    doubtful_ = doubtful_ || may_collide(point_.text(field.key)) ||
                series + kFieldSeparatorBytes + 3 * key.size() > kMaxSeriesBytes;
    out_.push_back(follows ? ',' : ' ');
    append_escaped_key(key, out_);
    out_.push_back('=');
    std::visit([this](auto value) { write_value(value); }, field.value);
    return true;
  }

  [[nodiscard]] bool is_writable(const Point::FieldValue& value) const {
    if (const auto* number = std::get_if<double>(&value)) {
      return std::isfinite(*number);
    }
    const auto* text = std::get_if<Point::Text>(&value);
    return text == nullptr || text->size <= kMaxStringBytes;
  }

  void write_value(double value) { append_float(value, out_); }
  void write_value(std::int64_t value) {
    append_integer(value, out_);
    out_.push_back('i');
  }
  void write_value(std::uint64_t value) { append_unsigned(value, options_.uint_support, out_); }
  void write_value(bool value) { out_.append(value ? "true" : "false"); }
  void write_value(Point::Text value) {
    const std::size_t before = out_.size();
    append_quoted(point_.text(value), out_);
    doubtful_ = doubtful_ || out_.size() - before > kMaxStringBytes;
  }

  const Point& point_;
  const EncodeOptions& options_;
  std::string& out_;
  bool doubtful_ = false;  // something in the line may be refused: check it once written
};

}  // namespace

bool encode(const Point& point, std::span<const TagPair> extra_tags, std::int64_t time_ns,
            const EncodeOptions& options, std::string& out) {
  return Encoder(point, options, out).write(extra_tags, time_ns);
}

}  // namespace holdfast::line
