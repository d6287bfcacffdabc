// Values as text, keys sorted. Each kind of value has a form of its own: 1, 1.0, "1" and true
// differ.
#include "config/canonical.h"

#include <algorithm>

#include <fmt/format.h>

#include "config/secret.h"

namespace holdfast::config {
namespace {

// A secret that cannot be read is an error elsewhere; here it is as it stands.
std::string text_of(const std::string& text) {
  const auto resolved = resolve_secret(text, process_environment());
  if (!resolved || *resolved == text) return quoted(text);
  return fmt::format("{}={}", quoted(text), quoted(*resolved));
}

struct Writer {
  std::string operator()(bool flag) const { return flag ? "true" : "false"; }
  std::string operator()(std::int64_t number) const { return fmt::format("{}", number); }
  std::string operator()(double number) const { return fmt::format("f{}", number); }
  std::string operator()(const std::string& text) const { return text_of(text); }
  std::string operator()(const Value::Array& list) const {
    std::string out = "[";
    for (const Value& value : list) out += std::visit(*this, value.data) + ",";
    return out + "]";
  }
  std::string operator()(const std::shared_ptr<Table>& table) const {
    return "{" + canonical(*table) + "}";
  }
};

}  // namespace

std::string canonical(const Table& table) {
  std::vector<std::string> lines;
  for (const Table::Entry& entry : table.entries()) {
    lines.push_back(
        fmt::format("{}:{}\n", quoted(entry.key), std::visit(Writer{}, entry.value.data)));
  }
  std::sort(lines.begin(), lines.end());
  return fmt::format("{}", fmt::join(lines, ""));
}

}  // namespace holdfast::config
