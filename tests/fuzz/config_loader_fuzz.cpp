// Arbitrary bytes as a configuration file: the loader never throws and never crashes.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "config/loader.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto environment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "A") return "8086";
    if (name == "B") return "text";
    return std::nullopt;
  };
  holdfast::config::Diagnostics diagnostics;
  holdfast::config::Document document;
  holdfast::config::load_text(text, "fuzz.toml", environment, diagnostics, document);
  for (const auto& item : diagnostics.sorted()) {
    // What is wrong inside a text has a place in it.
    if (item.where.line == 0 || item.where.column == 0) __builtin_trap();
    (void)diagnostics.excerpt(item);
  }
  return 0;
}
