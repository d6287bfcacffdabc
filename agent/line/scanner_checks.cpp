// The scanner's checks on what it has read: keys used twice, strings, UTF-8; and the words of
// errors.
#include <algorithm>
#include <cstring>
#include <functional>

#include <fmt/core.h>

#include "agent/line/rules.h"
#include "agent/line/scanner.h"

namespace holdfast::line {
namespace {

// Up to this many keys are compared with each other, more are sorted.
constexpr std::size_t kFewKeys = 16;

// The characters of a string field: each escaped quote or backslash is one.
[[nodiscard]] std::size_t unescaped_size(const char* from, const char* to) {
  std::size_t size = 0;
  while (from != to) {
    const bool pair = *from == '\\' && from + 1 != to && (from[1] == '"' || from[1] == '\\');
    from += pair ? 2 : 1;
    ++size;
  }
  return size;
}

// The later of two equal keys for which `clash` is true; nothing if there is none. Sorts `keys`
// when they are many: a line of thousands of keys must not cost their square.
template <class Key, class Clash>
[[nodiscard]] const Key* find_clash(std::span<Key> keys, Clash clash) {
  if (keys.size() > kFewKeys) {
    std::sort(keys.begin(), keys.end());
    const auto found = std::adjacent_find(keys.begin(), keys.end(), clash);
    return found == keys.end() ? nullptr : &*found;
  }
  for (std::size_t i = 1; i < keys.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (clash(keys[j], keys[i])) {
        return &keys[i];
      }
    }
  }
  return nullptr;
}

}  // namespace

bool LineScanner::check_keys(const char* at) {
  if (!tags_ascend_) {
    const auto* key = find_clash(tag_keys_.all(), std::equal_to<>());
    if (key != nullptr) {
      return fail(at, "duplicate tag key", *key) != nullptr;
    }
  }
  // A field written twice is the later value everywhere, unless the types differ.
  const auto* field = find_clash(field_keys_.all(), [](const FieldKey& a, const FieldKey& b) {
    return a.type != b.type && a.key == b.key;
  });
  return field == nullptr || fail(at, "field with values of two types", field->key) != nullptr;
}

bool LineScanner::check_string(const char* from, const char* to) {
  const auto size = static_cast<std::size_t>(to - from);
  if (size > 0 && std::memchr(from, '\0', size) != nullptr) {
    return fail(to + 1, "NUL in a string", token_at(from - 1)) != nullptr;
  }
  if (size > kMaxStringBytes && unescaped_size(from, to) > kMaxStringBytes) {
    return fail(to + 1, "string longer than 65,536 bytes") != nullptr;
  }
  return true;
}

bool LineScanner::check_utf8(const char* at) {
  const std::string_view line(begin_, static_cast<std::size_t>(at - begin_));
  const std::size_t bad = find_invalid_utf8(line);
  return bad == std::string_view::npos ||
         fail(at, "invalid UTF-8", token_at(begin_ + bad)) != nullptr;
}

std::string LineScanner::reason() const {
  constexpr std::size_t kTokenBytes = 40;
  return token_.empty() ? std::string(what_)
                        : fmt::format("{} `{}`", what_, printable(token_, kTokenBytes));
}

std::string printable(std::string_view text, std::size_t max_bytes) {
  std::string out;
  while (!text.empty()) {
    const std::size_t size = utf8_sequence_size(text);
    if (out.size() + std::max<std::size_t>(size, 1) > max_bytes) {
      break;
    }
    const auto lead = static_cast<unsigned char>(text.front());
    const bool shown = size > 0 && lead >= 0x20 && lead != 0x7F;
    out.append(shown ? text.substr(0, size) : "?");
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return out;
}

}  // namespace holdfast::line
