// Texts about the host that change at most when it is upgraded.
#include "inputs/host_identity.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>
#include <sys/utsname.h>

#include "inputs/scan.h"

namespace holdfast::inputs {
namespace {

void add(TextFields& fields, std::string_view name, std::string_view value) {
  if (!value.empty()) fields.emplace_back(name, value);
}

// The value of a line KEY=value, KEY="value" or KEY='value'; empty when there is none.
std::string os_release_value(std::string_view text, std::string_view key) {
  std::string_view line;
  while (next_line(text, line)) {
    line = trim(line);
    if (!line.starts_with(key) || line.substr(key.size(), 1) != "=") continue;
    auto value = line.substr(key.size() + 1);
    const bool quoted = value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
                        value.back() == value.front();
    if (quoted) value = value.substr(1, value.size() - 2);
    return std::string(value);
  }
  return {};
}

std::string first_line(const base::Result<std::string>& text) {
  if (!text) return {};
  std::string_view rest = *text;
  std::string_view line;
  return next_line(rest, line) ? std::string(trim(line)) : std::string{};
}

std::string machine_name(const HostFs& host) {
  std::string name = first_line(host.proc("sys/kernel/arch"));  // since kernel 6.1
  struct utsname names {};
  if (name.empty() && ::uname(&names) == 0) name = static_cast<const char*>(names.machine);
  return name;
}

struct Family {
  std::string_view id;
  std::string_view family;
};
constexpr std::array kFamilies = std::to_array<Family>({
    {"almalinux", "rhel"}, {"amzn", "rhel"},          {"arch", "arch"},
    {"archarm", "arch"},   {"centos", "rhel"},        {"debian", "debian"},
    {"fedora", "fedora"},  {"linuxmint", "debian"},   {"manjaro", "arch"},
    {"ol", "rhel"},        {"opensuse-leap", "suse"}, {"opensuse-tumbleweed", "suse"},
    {"pop", "debian"},     {"raspbian", "debian"},    {"rhel", "rhel"},
    {"rocky", "rhel"},     {"sled", "suse"},          {"sles", "suse"},
    {"ubuntu", "debian"},
});

// A file of /sys/class/dmi/id and the field it becomes.
struct DmiFile {
  std::string_view file;
  std::string_view field;
};
constexpr std::array kDmiFiles = std::to_array<DmiFile>({
    {"bios_vendor", "bios_vendor"},
    {"bios_version", "bios_version"},
    {"bios_date", "bios_date"},
    {"board_vendor", "board_vendor"},
    {"board_name", "board_product"},
    {"board_version", "board_version"},
    {"board_serial", "board_serial"},
    {"board_asset_tag", "board_asset_tag"},
    {"chassis_vendor", "chassis_vendor"},
    {"chassis_type", "chassis_type_code"},
    {"chassis_version", "chassis_version"},
    {"chassis_serial", "chassis_serial"},
    {"chassis_asset_tag", "chassis_asset_tag"},
    {"sys_vendor", "product_vendor"},
    {"product_name", "product_name"},
    {"product_family", "product_family"},
    {"product_version", "product_version"},
    {"product_serial", "product_serial"},
    {"product_sku", "product_sku"},
    {"product_uuid", "product_uuid"},
});

constexpr std::array<std::string_view, 37> kChassisTypes = {
    "",
    "Other",
    "Unknown",
    "Desktop",
    "Low profile desktop",
    "Pizza box",
    "Mini tower",
    "Tower",
    "Portable",
    "Laptop",
    "Notebook",
    "Hand held",
    "Docking station",
    "All in one",
    "Sub notebook",
    "Space-saving",
    "Lunch box",
    "Main server chassis",
    "Expansion chassis",
    "SubChassis",
    "Bus expansion chassis",
    "Peripheral chassis",
    "RAID chassis",
    "Rack mount chassis",
    "Sealed-case PC",
    "Multi-system chassis",
    "Compact PCI",
    "Advanced TCA",
    "Blade",
    "Blade enclosure",
    "Tablet",
    "Convertible",
    "Detachable",
    "IoT gateway",
    "Embedded PC",
    "Mini PC",
    "Stick PC",
};

}  // namespace

std::string platform_family(std::string_view id, std::string_view id_like) {
  const auto find = [](std::string_view name) {
    return std::find_if(kFamilies.begin(), kFamilies.end(),
                        [&](const Family& family) { return family.id == name; });
  };
  for (auto name = id; !name.empty(); name = next_word(id_like)) {
    const auto found = find(name);
    if (found != kFamilies.end()) return std::string(found->family);
  }
  return std::string(id);
}

std::string_view chassis_type_name(std::string_view code) {
  const auto number = parse_u64(code);
  return number && *number < kChassisTypes.size() ? kChassisTypes[*number] : std::string_view{};
}

TextFields read_os(const HostFs& host) {
  TextFields fields;
  add(fields, "os", "linux");
  add(fields, "arch", machine_name(host));
  if (const auto release = host.etc("os-release")) {
    const std::string id = os_release_value(*release, "ID");
    add(fields, "platform", id);
    add(fields, "platform_family", platform_family(id, os_release_value(*release, "ID_LIKE")));
    add(fields, "platform_version", os_release_value(*release, "VERSION_ID"));
  }
  add(fields, "kernel_version", first_line(host.proc("sys/kernel/osrelease")));
  return fields;
}

TextFields read_dmi(const HostFs& host) {
  TextFields fields;
  for (const auto& [file, field] : kDmiFiles) {
    const std::string value = first_line(host.sys(fmt::format("class/dmi/id/{}", file)));
    add(fields, field, value);
    if (file == "chassis_type") add(fields, "chassis_type", chassis_type_name(value));
  }
  return fields;
}

}  // namespace holdfast::inputs
