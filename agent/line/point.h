// Point: measurement + tag set + field set + timestamp, as an input makes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace holdfast::line {

// A reusable value: texts are copied into one arena, so a point that is reset() and refilled
// allocates nothing once it has grown. Keys may be added in any order; a key added twice keeps the
// later value. Not thread-safe.
class Point {
 public:
  // Alternatives as on the wire: float, integer, unsigned, boolean, string (a range of the arena).
  struct Text {
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
  };
  using FieldValue = std::variant<double, std::int64_t, std::uint64_t, bool, Text>;
  struct Tag {
    Text key;
    Text value;
  };
  struct Field {
    Text key;
    FieldValue value;
  };

  explicit Point(std::string_view measurement) { reset(measurement); }

  void reset(std::string_view measurement);
  Point& tag(std::string_view key, std::string_view value);
  Point& field(std::string_view key, double value);
  Point& field(std::string_view key, bool value);
  Point& field(std::string_view key, std::string_view value);
  Point& field(std::string_view key, const char* value) {
    return field(key, std::string_view(value));
  }
  // Signed integers are written `i`; unsigned ones as `i` clamped to INT64_MAX, or `u` (encode.h).
  Point& field(std::string_view key, std::int64_t value);
  Point& field(std::string_view key, std::uint64_t value);
  // Nanoseconds since the Unix epoch. Without it the accumulator sets the time of the gather.
  Point& time(std::int64_t ns);

  [[nodiscard]] std::string_view measurement() const { return text(measurement_); }
  [[nodiscard]] const std::vector<Tag>& tags() const { return tags_; }
  [[nodiscard]] const std::vector<Field>& fields() const { return fields_; }
  [[nodiscard]] std::optional<std::int64_t> time() const { return time_; }
  [[nodiscard]] std::string_view text(Text range) const {
    return std::string_view(arena_).substr(range.offset, range.size);
  }

 private:
  Text store(std::string_view text);
  Point& set_field(std::string_view key, FieldValue value);

  std::string arena_;
  Text measurement_;
  std::vector<Tag> tags_;
  std::vector<Field> fields_;
  std::optional<std::int64_t> time_;
};

}  // namespace holdfast::line
