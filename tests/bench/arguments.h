// Arguments: `--name value` pairs of the bench programs' command lines.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include <fmt/core.h>

namespace holdfast::bench {

class Arguments {
 public:
  // `known` maps each name to its default. Ends the process with status 2 when the line is wrong.
  Arguments(int argc, const char* const* argv, std::map<std::string, std::string> known)
      : values_(std::move(known)) {
    for (int i = 1; i < argc; i += 2) {
      const std::string_view name(argv[i]);
      const auto found =
          name.starts_with("--") ? values_.find(std::string(name.substr(2))) : values_.end();
      if (found == values_.end() || i + 1 == argc) usage(argv[0]);
      found->second = argv[i + 1];
    }
  }

  [[nodiscard]] const std::string& text(const std::string& name) const { return values_.at(name); }

  [[nodiscard]] std::uint64_t number(const std::string& name) const {
    const std::string& digits = text(name);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) {
      fmt::print(stderr, "--{}: `{}` is not a number\n", name, digits);
      std::exit(2);
    }
    return value;
  }

 private:
  [[noreturn]] void usage(std::string_view program) const {
    fmt::print(stderr, "usage: {}", program);
    for (const auto& [name, value] : values_) fmt::print(stderr, " [--{} {}]", name, value);
    fmt::print(stderr, "\n");
    std::exit(2);
  }

  std::map<std::string, std::string> values_;
};

}  // namespace holdfast::bench
