// Paths are cut at their points once; `#` recurses, everything else is a walk.
#include "inputs/parsers/json_path.h"

#include <charconv>
#include <utility>

namespace holdfast::parsers {
namespace {

using nlohmann::json;

std::optional<std::size_t> index_of(const std::string& key) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
  if (error != std::errc{} || end != key.data() + key.size()) return std::nullopt;
  return index;
}

// What has a meaning in GJSON that is not built here, wherever it stands or at a part's begin.
bool is_special(char c, bool begins) {
  constexpr std::string_view kAnywhere = "*?|#";
  constexpr std::string_view kAtBegin = "@!{[";
  return kAnywhere.find(c) != std::string_view::npos ||
         (begins && kAtBegin.find(c) != std::string_view::npos);
}

}  // namespace

base::Result<JsonPath> JsonPath::compile(std::string_view path) {
  JsonPath out;
  std::size_t at = 0;
  while (!path.empty()) {
    const std::size_t begin = at;
    Part part;
    bool escaped = false;
    for (; at < path.size() && path[at] != '.'; ++at) {
      const bool alone = at == begin && (at + 1 == path.size() || path[at + 1] == '.');
      if (path[at] == '#' && alone) {
        part.all = true;
        continue;
      }
      if (is_special(path[at], at == begin)) {
        return base::fail(base::ErrorCode::kUnsupported, "column {}: `{}` is not supported", at + 1,
                          path[at]);
      }
      if (path[at] == '\\' && at + 1 < path.size()) {
        ++at;
        escaped = true;
      }
      part.key += path[at];
    }
    if (at == begin) {
      return base::fail(base::ErrorCode::kInvalid, "column {}: found nothing, expected a name",
                        at + 1);
    }
    if (!escaped) part.index = index_of(part.key);
    out.parts_.push_back(std::move(part));
    if (at == path.size()) break;
    ++at;  // a point at the end leaves an empty part
  }
  return out;
}

std::optional<json> JsonPath::take_from(json& at, std::size_t part) const {
  json* here = &at;
  for (; part < parts_.size(); ++part) {
    const Part& next = parts_[part];
    if (next.all) return take_all(*here, part + 1);
    if (here->is_object()) {
      const auto found = here->find(next.key);
      if (found == here->end()) return std::nullopt;
      here = &*found;
    } else if (here->is_array() && next.index && *next.index < here->size()) {
      here = &(*here)[*next.index];
    } else {
      return std::nullopt;
    }
  }
  return std::move(*here);
}

// Of all elements that have it; at the end of the path, how many there are.
std::optional<json> JsonPath::take_all(json& at, std::size_t part) const {
  if (!at.is_array()) return std::nullopt;
  if (part == parts_.size()) return json(at.size());
  json all = json::array();
  for (json& element : at) {
    if (auto found = take_from(element, part)) all.push_back(std::move(*found));
  }
  return all;
}

}  // namespace holdfast::parsers
