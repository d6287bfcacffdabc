// Secrets from files.
#include "config/secret.h"

#include <algorithm>
#include <cctype>

#include "config/read_file.h"

namespace holdfast::config {
namespace {

using base::ErrorCode;
using base::fail;

constexpr std::size_t kMaxBytes = 64U << 10;
constexpr std::string_view kFile = "@file:";
constexpr std::string_view kCredential = "@credential:";

base::Result<std::string> read_secret(const std::string& path) {
  auto content = read_file(path, kMaxBytes);
  if (!content) {
    if (content.error().code == ErrorCode::kTooLarge) {
      return fail(ErrorCode::kTooLarge, "{} has more than 64KiB, which is no secret", path);
    }
    return fail(content.error().code, "{} {}", path, content.error().message);
  }
  if (content->ends_with('\n')) content->pop_back();
  if (content->ends_with('\r')) content->pop_back();
  if (content->empty()) return fail(ErrorCode::kInvalid, "{} is empty", path);
  return content;
}

// "store:key}", the store of word characters.
bool is_reference(std::string_view text) {
  const auto is_word = [](char c) {
    return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0;
  };
  const std::size_t colon = text.find(':');
  const std::size_t close = text.find('}');
  if (colon == 0 || colon == text.npos || close == text.npos || close < colon + 2) return false;
  const std::string_view store = text.substr(0, colon);
  return std::all_of(store.begin(), store.end(), is_word);
}

}  // namespace

bool refers_to_store(std::string_view text) {
  constexpr std::string_view kOpen = "@{";
  for (std::size_t at = text.find(kOpen); at != text.npos; at = text.find(kOpen, at + 1)) {
    if (is_reference(text.substr(at + kOpen.size()))) return true;
  }
  return false;
}

base::Result<std::string> resolve_secret(std::string_view text, const Environment& environment) {
  if (text.starts_with(kFile)) {
    const std::string path(text.substr(kFile.size()));
    if (!path.starts_with('/')) {
      return fail(ErrorCode::kInvalid, "@file: needs an absolute path, found \"{}\"", path);
    }
    return read_secret(path);
  }
  if (text.starts_with(kCredential)) {
    const std::string name(text.substr(kCredential.size()));
    if (name.empty() || name.find('/') != std::string::npos) {
      return fail(ErrorCode::kInvalid, "@credential: needs a name without slashes, found \"{}\"",
                  name);
    }
    const auto directory = environment("CREDENTIALS_DIRECTORY");
    if (!directory || directory->empty()) {
      return fail(ErrorCode::kNotFound,
                  "@credential:{} needs CREDENTIALS_DIRECTORY, which systemd sets with "
                  "LoadCredential",
                  name);
    }
    return read_secret(*directory + "/" + name);
  }
  return std::string(text);
}

}  // namespace holdfast::config
