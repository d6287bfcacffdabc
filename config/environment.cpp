// Expansion of environment variables inside texts of the configuration.
#include "config/environment.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

namespace holdfast::config {
namespace {

using base::ErrorCode;
using base::Result;

constexpr int kMaxDepth = 32;
// No reference is longer; bounds the search for a brace that is missing.
constexpr std::size_t kMaxReferenceBytes = 4096;

bool is_name_start(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; }

bool is_name_char(char c) { return is_name_start(c) || (c >= '0' && c <= '9'); }

std::string_view leading_name(std::string_view text) {
  if (text.empty() || !is_name_start(text.front())) return {};
  const auto* const end = std::find_if_not(text.begin(), text.end(), is_name_char);
  return text.substr(0, static_cast<std::size_t>(end - text.begin()));
}

// Where the brace that closes the "${" at the start of `text` stands.
std::size_t closing_brace(std::string_view text) {
  text = text.substr(0, kMaxReferenceBytes);
  std::size_t depth = 1;
  for (std::size_t at = 2; at < text.size(); ++at) {
    if (text[at] == '}' && --depth == 0) return at;
    if (text.substr(at, 2) == "${") {
      ++depth;
      ++at;
    }
  }
  return std::string_view::npos;
}

struct Reference {
  std::string name;
  bool empty_counts_as_unset = false;  // the colon forms
  char operation = 0;                  // '-', '+', '?', or 0 for a plain reference
  std::string_view word;               // what follows the operation
  std::size_t length = 0;              // of the whole reference
};

// The reference at the start of `text`, which begins with `$`.
std::optional<Reference> parse_reference(std::string_view text) {
  Reference out;
  if (!text.starts_with("${")) {
    out.name = leading_name(text.substr(1));
    out.length = out.name.size() + 1;
    return out.name.empty() ? std::nullopt : std::optional(out);
  }
  const std::size_t end = closing_brace(text);
  if (end == std::string_view::npos) return std::nullopt;
  out.length = end + 1;
  std::string_view inside = text.substr(2, end - 2);
  out.name = leading_name(inside);
  if (out.name.empty()) return std::nullopt;
  inside.remove_prefix(out.name.size());
  if (inside.empty()) return out;
  if (inside.front() == ':') {
    out.empty_counts_as_unset = true;
    inside.remove_prefix(1);
  }
  if (inside.empty() || std::string_view("-+?").find(inside.front()) == std::string_view::npos) {
    return std::nullopt;
  }
  out.operation = inside.front();
  out.word = inside.substr(1);
  return out;
}

Result<std::string> expand(std::string_view text, const Environment& environment, int depth);

Result<std::string> resolve(const Reference& reference, std::string_view as_written,
                            const Environment& environment, int depth) {
  const std::optional<std::string> value = environment(reference.name);
  const bool is_set = value && !(reference.empty_counts_as_unset && value->empty());
  switch (reference.operation) {
    case '-':
      return is_set ? Result<std::string>(*value) : expand(reference.word, environment, depth + 1);
    case '+':
      return is_set ? expand(reference.word, environment, depth + 1) : Result<std::string>("");
    case '?': {
      if (is_set) return *value;
      // The words are not expanded: no value of a variable gets into a message.
      const std::string_view state = value ? "empty" : "not set";
      return base::fail(ErrorCode::kInvalid, "the environment variable {} is {}{}{}",
                        reference.name, state, reference.word.empty() ? "" : ": ", reference.word);
    }
    default:
      return value ? *value : std::string(as_written);
  }
}

Result<std::string> expand(std::string_view text, const Environment& environment, int depth) {
  if (depth > kMaxDepth) {
    return base::fail(ErrorCode::kInvalid, "environment variables are nested deeper than {} levels",
                      kMaxDepth);
  }
  std::string out;
  while (!text.empty()) {
    const std::size_t dollar = std::min(text.find('$'), text.size());
    out += text.substr(0, dollar);
    text.remove_prefix(dollar);
    if (text.empty()) break;
    if (text.starts_with("$$")) {
      out += '$';
      text.remove_prefix(2);
      continue;
    }
    const auto reference = parse_reference(text);
    if (!reference) {
      out += '$';
      text.remove_prefix(1);
      continue;
    }
    auto value = resolve(*reference, text.substr(0, reference->length), environment, depth);
    if (!value) return value;
    out += *value;
    text.remove_prefix(reference->length);
  }
  return out;
}

}  // namespace

Environment process_environment() {
  std::map<std::string, std::string> variables;
  for (char** item = environ; item != nullptr && *item != nullptr; ++item) {
    const std::string_view text = *item;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  // Shared, so that copies of the function do not copy the variables.
  auto shared = std::make_shared<const std::map<std::string, std::string>>(std::move(variables));
  return [shared](const std::string& name) -> std::optional<std::string> {
    const auto found = shared->find(name);
    return found == shared->end() ? std::nullopt : std::optional(found->second);
  };
}

Result<std::string> expand_environment(std::string_view text, const Environment& environment) {
  return expand(text, environment, 0);
}

std::optional<VariableReference> leading_reference(std::string_view text) {
  if (!text.starts_with('$')) return std::nullopt;
  auto reference = parse_reference(text);
  if (!reference) return std::nullopt;
  return VariableReference{std::move(reference->name), reference->length};
}

}  // namespace holdfast::config
