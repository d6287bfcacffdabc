// Whatever a point holds: if it is encoded, servers take the line, and reading the line back gives
// the point's tags and fields.
#include <bit>
#include <charconv>
#include <cmath>
#include <map>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "agent/line/cursor.h"
#include "agent/line/encode.h"
#include "agent/line/ingest.h"
#include "tests/line/generate.h"

namespace holdfast::line {
namespace {

using Pairs = std::map<std::string, std::string>;

// A name as it is stored: what line protocol cannot carry replaced, written independently of the
// encoder.
std::string stored_name(std::string_view name, bool is_key) {
  while (!name.empty() && name.back() == '\\') {
    name.remove_suffix(1);
  }
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto byte = static_cast<unsigned char>(name[i]);
    if (byte == '\t' || byte == '\n' || byte == '\f' || byte == '\r') {
      constexpr std::string_view kRaw = "\t\n\f\r";
      constexpr std::string_view kLetters = "tnfr";
      out += '\\';
      out += kLetters[kRaw.find(name[i])];
    } else if (byte < 0x20) {
      out += "\uFFFD";
    } else if (byte == ',' || byte == ' ' || (byte == '=' && is_key)) {
      const std::size_t backslashes =
          out.size() - (out.find_last_not_of('\\') + 1);  // npos + 1 is 0
      if (backslashes % 2 == 1) {
        out.pop_back();
      }
      out += name[i];
    } else {
      out += name[i];
    }
  }
  return out;
}

// Replaces the stray bytes of generate.h; everything else it makes is valid.
std::string repaired(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool lone_lead = byte == 0xC3 && (i + 1 == text.size() || (text[i + 1] & 0xC0) != 0x80);
    if (byte == 0xFF || lone_lead) {
      out += "\uFFFD";
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string stored_string(std::string_view text) {
  std::string out;
  for (const char byte : repaired(text)) {
    out += byte == '\0' ? std::string("\uFFFD") : std::string(1, byte);
  }
  return out;
}

Pairs expected_tags(const Point& point) {
  Pairs tags;
  for (const Point::Tag& tag : point.tags()) {
    const std::string key = repaired(stored_name(point.text(tag.key), true));
    const std::string value = repaired(stored_name(point.text(tag.value), true));
    if (!key.empty() && !value.empty()) {
      tags[key] = value;
    }
  }
  return tags;
}

// Floats compare by value: here they are read back from the text and printed with all digits.
std::string canonical(const std::string& value) {
  const bool is_float =
      !value.empty() && value.find_first_not_of("-.0123456789") == std::string::npos;
  return is_float ? fmt::format("{:a}", std::strtod(value.c_str(), nullptr)) : value;
}

Pairs expected_fields(const Point& point) {
  Pairs fields;
  for (const Point::Field& field : point.fields()) {
    const std::string key = repaired(stored_name(point.text(field.key), true));
    std::string value;
    if (const auto* number = std::get_if<double>(&field.value)) {
      value = std::isfinite(*number) ? fmt::format("{:a}", *number) : "";
    } else if (const auto* integer = std::get_if<std::int64_t>(&field.value)) {
      value = fmt::format("{}i", *integer);
    } else if (const auto* natural = std::get_if<std::uint64_t>(&field.value)) {
      value = fmt::format("{}i", std::min<std::uint64_t>(*natural, INT64_MAX));
    } else if (const auto* flag = std::get_if<bool>(&field.value)) {
      value = *flag ? "true" : "false";
    } else {
      value = "\"" + stored_string(point.text(std::get<Point::Text>(field.value)));
    }
    if (!key.empty() && key != "time" && !value.empty()) {
      fields[key] = value;
    }
  }
  return fields;
}

Pairs read_tags(std::string_view text) {
  Pairs tags;
  PairCursor cursor(text, PairKind::kTags);
  std::string last;
  while (const auto pair = cursor.next()) {
    std::string key;
    std::string value;
    unescape(pair->key, key);
    unescape(pair->value, value);
    EXPECT_TRUE(tags.emplace(key, value).second) << "tag twice: " << key;
  }
  return tags;
}

Pairs read_fields(std::string_view text) {
  Pairs fields;
  PairCursor cursor(text, PairKind::kFields);
  while (const auto pair = cursor.next()) {
    std::string key;
    unescape(pair->key, key);
    std::string value(pair->value);
    if (!value.empty() && value.front() == '"') {
      unescape_string(pair->value, value);
      value.insert(0, 1, '"');
    }
    fields[key] = canonical(value);
  }
  return fields;
}

TEST(EncodePropertyTest, EncodedPointsAreAcceptedAndReadBackEqual) {
  constexpr std::uint64_t kSeed = 20'260'101;
  base::Random random(kSeed);
  int written = 0;
  for (int i = 0; i < 10'000; ++i) {
    const Point point = test::random_point(random);
    const auto time_ns = static_cast<std::int64_t>(random.next() >> 2);
    std::string line;
    if (!encode(point, {}, time_ns, {}, line)) {
      continue;
    }
    ++written;
    ASSERT_EQ(check_line(line), std::nullopt) << "point " << i << ": " << line;
    LineCursor cursor(line);
    const auto parts = cursor.next();
    ASSERT_TRUE(parts.has_value()) << "point " << i << ": " << line;
    EXPECT_FALSE(cursor.next().has_value()) << "point " << i << ": " << line;
    std::string name;
    unescape_name(parts->measurement, name);
    ASSERT_EQ(name, repaired(stored_name(point.measurement(), false))) << "point " << i;
    ASSERT_EQ(read_tags(parts->tags), expected_tags(point)) << "point " << i << ": " << line;
    ASSERT_EQ(read_fields(parts->fields), expected_fields(point)) << "point " << i << ": " << line;
    ASSERT_EQ(parts->timestamp, std::to_string(time_ns));
  }
  EXPECT_GT(written, 2'500) << "the generator has become too hostile to prove anything";
}

TEST(EncodePropertyTest, PlainPointsAreNeverRefused) {
  base::Random random(7);
  for (int i = 0; i < 2'000; ++i) {
    Point point("measurement " + std::to_string(random.below(100)));
    for (std::uint64_t tag = 0; tag < random.below(60); ++tag) {
      point.tag("key," + std::to_string(tag), "value=" + std::to_string(random.next()));
    }
    point.field("f", std::bit_cast<double>(random.next() & 0x7FEF'FFFF'FFFF'FFFFU));
    std::string line;
    ASSERT_TRUE(encode(point, {}, 1, {}, line));
    ASSERT_EQ(check_line(line), std::nullopt) << line;
  }
}

}  // namespace
}  // namespace holdfast::line
