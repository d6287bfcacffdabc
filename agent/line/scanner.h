// LineScanner: reads one line of line protocol in one pass, checks everything a server would, and
// notes where the line must be rewritten to be in the ring's final form. Internal to agent/line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/line/breaks.h"

namespace holdfast::line {

inline constexpr std::string_view kSeriesTooLong =
    "measurement, tags and field key longer than 65,535 bytes";

// Bytes of the field set to be replaced.
struct Patch {
  const char* begin = nullptr;
  const char* end = nullptr;
  std::string_view replacement;  // static text
};

struct ScanOptions {
  bool keep_unsigned = false;  // leave `1u`; otherwise patched to `1i`, clamped
  bool final_form = false;     // refuse what would need a patch other than that
};

// The keys of one line. Adding to a vector is a call; this is a store.
template <class Key>
class KeyList {
 public:
  void clear() { size_ = 0; }
  void add(const Key& key) {
    if (size_ == room_.size()) room_.resize(2 * size_);
    room_[size_++] = key;
  }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] const Key& back() const { return room_[size_ - 1]; }
  [[nodiscard]] std::span<Key> all() { return {room_.data(), size_}; }
  [[nodiscard]] std::span<const Key> all() const { return {room_.data(), size_}; }

 private:
  std::vector<Key> room_ = std::vector<Key>(16);
  std::size_t size_ = 0;
};

// Reads the lines of one text, one after the other; allocates nothing once it has grown. Views
// point into the text, which outlives it. Not thread-safe.
class LineScanner {
 public:
  LineScanner(std::string_view text, ScanOptions options);

  // Reads the line that starts at `begin` (its measurement, not blanks before it), within the text.
  // False if it is bad.
  [[nodiscard]] bool scan(const char* begin);

  // After a good line.
  [[nodiscard]] std::string_view series() const { return series_; }
  [[nodiscard]] std::string_view fields() const { return fields_; }
  [[nodiscard]] std::span<const std::string_view> tag_keys() const { return tag_keys_.all(); }
  [[nodiscard]] std::span<const Patch> patches() const { return patches_; }
  // " fields timestamp" if all of it may be copied as it stands (timestamp in nanoseconds taken for
  // granted), else empty.
  [[nodiscard]] std::string_view tail() const { return tail_; }
  [[nodiscard]] bool has_time() const { return has_time_; }
  [[nodiscard]] std::int64_t ticks() const { return ticks_; }

  // False if the measurement and tags with `added_bytes` more tags, and the longest field key, are
  // more than the servers take as one key.
  [[nodiscard]] bool series_fits(std::size_t added_bytes) const;

  // After a bad one: what is wrong, with the offending token.
  [[nodiscard]] std::string reason() const;

  // Where to look for the LF that ends the line: never inside a string that was read to its end. An
  // unterminated quote is taken to be the fault of the line it stands in.
  [[nodiscard]] const char* resume() const { return resume_; }
  // LFs in strings of the line, up to resume().
  [[nodiscard]] std::size_t inner_lfs() const { return inner_lfs_; }

 private:
  struct KeyRules;
  static const KeyRules kTagKey, kFieldKey;
  enum class NameKind : std::uint8_t { kMeasurement, kKey };
  struct FieldKey {
    std::string_view key;
    char type = 0;  // f, i, u, b, s
    [[nodiscard]] bool operator<(const FieldKey& other) const { return key < other.key; }
  };

  void reset(const char* begin);
  // Each reads what starts at `at` and returns where it ends; null if it is bad.
  [[nodiscard]] const char* scan_series(const char* at);
  [[nodiscard]] const char* scan_tag(const char* at);
  [[nodiscard]] const char* scan_key(const char* at, const KeyRules& rules, std::string_view& name);
  [[nodiscard]] const char* scan_name(const char* at, NameKind kind);
  [[nodiscard]] const char* scan_odd_name(const char* at, NameKind kind);
  [[nodiscard]] const char* scan_backslashes(const char* at, NameKind kind);
  [[nodiscard]] const char* scan_fields(const char* at);
  [[nodiscard]] const char* scan_field(const char* at);
  [[nodiscard]] const char* scan_string(const char* at);
  [[nodiscard]] const char* scan_scalar(const char* at, char& type);
  [[nodiscard]] const char* scan_time(const char* at);

  [[nodiscard]] bool check_string(const char* from, const char* to);
  [[nodiscard]] bool is_short_number(const char* from, const char* to, char& type) const;
  [[nodiscard]] bool check_number(std::string_view token, char& type);
  void patch_float(std::string_view token);
  [[nodiscard]] bool check_keys(const char* at);
  [[nodiscard]] bool check_utf8(const char* at);

  [[nodiscard]] bool at_line_end(const char* at) const;
  [[nodiscard]] bool is_at(const char* at, char byte) const { return at != end_ && *at == byte; }
  [[nodiscard]] const char* skip_spaces(const char* at) const;
  // The bytes from `from` up to the next comma, space or line end.
  [[nodiscard]] std::string_view token_at(const char* from) const;
  // Notes the fault and where to resume; always null.
  const char* fail(const char* at, std::string_view what, std::string_view token = {});

  ScanOptions options_;
  const char* end_;
  bool is_utf8_;  // all of the text
  Breaks breaks_;
  const char* begin_ = nullptr;
  const char* resume_ = nullptr;
  std::size_t inner_lfs_ = 0;
  std::string_view series_;
  std::string_view fields_;
  std::string_view tail_;
  KeyList<std::string_view> tag_keys_;
  KeyList<FieldKey> field_keys_;
  std::vector<Patch> patches_;
  std::size_t longest_field_key_ = 0;
  bool tags_ascend_ = true;
  bool has_time_ = false;
  std::int64_t ticks_ = 0;
  std::string_view what_;
  std::string_view token_;
};

// Text from outside as it may stand in an answer or a log: at most `max_bytes`, valid UTF-8,
// without control characters.
[[nodiscard]] std::string printable(std::string_view text, std::size_t max_bytes);

}  // namespace holdfast::line
