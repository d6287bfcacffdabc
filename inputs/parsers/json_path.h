// JsonPath: which part of a JSON text is meant, in the simple forms of GJSON's path syntax:
// `a.b`, `a.0` (an element), `a.#.b` (b of all elements), `a\.b` (a key with a point in it).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "agent/base/result.h"

namespace holdfast::parsers {

// Compiled once, immutable, thread-safe. A default-made one means the whole text.
class JsonPath {
 public:
  // kUnsupported, with the column from 1, for what else GJSON has (wildcards, queries, modifiers,
  // pipes, multipaths); kInvalid for an empty part.
  [[nodiscard]] static base::Result<JsonPath> compile(std::string_view path);

  [[nodiscard]] bool empty() const { return parts_.empty(); }
  // Moves out of `root` what the path leads to; nothing if it leads nowhere.
  [[nodiscard]] std::optional<nlohmann::json> take(nlohmann::json& root) const {
    return take_from(root, 0);
  }

 private:
  struct Part {
    std::string key;
    std::optional<std::size_t> index;  // the key as an index, if it can be one
    bool all = false;                  // `#`
  };
  [[nodiscard]] std::optional<nlohmann::json> take_from(nlohmann::json& at, std::size_t part) const;
  [[nodiscard]] std::optional<nlohmann::json> take_all(nlohmann::json& at, std::size_t part) const;

  std::vector<Part> parts_;
};

}  // namespace holdfast::parsers
