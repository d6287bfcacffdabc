// Reading udev's database, and names made from it.
#include "inputs/udev.h"

#include <optional>

#include <fmt/core.h>

#include "inputs/scan.h"

namespace holdfast::inputs {
namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Takes "NAME" or "{NAME}", as it follows a '$', off `rest`; empty when none follows.
std::string_view take_variable(std::string_view& rest) {
  const bool braced = rest.starts_with('{');
  std::size_t size = braced ? 1 : 0;
  while (size < rest.size() && is_word(rest[size])) ++size;
  const auto name = rest.substr(braced ? 1 : 0, size - (braced ? 1 : 0));
  if (name.empty() || (braced && (size == rest.size() || rest[size] != '}'))) return {};
  rest.remove_prefix(size + (braced ? 1 : 0));
  return name;
}

// Nothing when a variable is not a property of the device.
std::optional<std::string> expand(std::string_view text, const UdevDevice& device) {
  std::string out;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    const auto variable = c == '$' ? take_variable(text) : std::string_view{};
    if (variable.empty()) {
      out += c;
      continue;
    }
    const auto found = device.properties.find(variable);
    if (found == device.properties.end()) return std::nullopt;
    out += found->second;
  }
  return out;
}

}  // namespace

UdevDevice parse_udev(std::string_view text) {
  UdevDevice device;
  std::string_view line;
  while (next_line(text, line)) {
    if (line.starts_with("S:")) {
      device.links.emplace_back(line.substr(2));
    } else if (const auto equals = line.find('=');
               line.starts_with("E:") && equals != std::string_view::npos) {
      device.properties.insert_or_assign(std::string(line.substr(2, equals - 2)),
                                         std::string(line.substr(equals + 1)));
    }
  }
  if (!device.links.empty()) {
    std::string all;
    for (const std::string& link : device.links) {
      all += all.empty() ? "/dev/" : " /dev/";
      all += link;
    }
    device.properties.insert_or_assign("DEVLINKS", std::move(all));
  }
  return device;
}

UdevDevice read_udev(const HostFs& host, std::uint64_t major, std::uint64_t minor) {
  const auto text = host.run(fmt::format("udev/data/b{}:{}", major, minor));
  return text ? parse_udev(*text) : UdevDevice{};
}

std::string name_from_templates(const std::vector<std::string>& templates, const UdevDevice& device,
                                std::string_view name) {
  for (const std::string& one : templates) {
    if (auto text = expand(one, device)) return std::move(*text);
  }
  return std::string(name);
}

}  // namespace holdfast::inputs
