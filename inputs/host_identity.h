// What the host says it is: distribution, kernel, and the maker's words from DMI. For system.cpp.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "inputs/host_fs.h"

namespace holdfast::inputs {

// Names of string fields and their values, none of them empty.
using TextFields = std::vector<std::pair<std::string, std::string>>;

// os, arch, platform, platform_family, platform_version, kernel_version, as far as known: from
// /etc/os-release (os-release(5)), /proc/sys/kernel and uname(2).
[[nodiscard]] TextFields read_os(const HostFs& host);

// bios_*, board_*, chassis_*, product_*: from /sys/class/dmi/id. Empty on machines without DMI; the
// serial numbers are for root only.
[[nodiscard]] TextFields read_dmi(const HostFs& host);

// The family a distribution belongs to ("debian" for "ubuntu"), by its ID and ID_LIKE.
[[nodiscard]] std::string platform_family(std::string_view id, std::string_view id_like);

// The name of a chassis type of the SMBIOS specification (7.4.1); empty for unknown codes.
[[nodiscard]] std::string_view chassis_type_name(std::string_view code);

}  // namespace holdfast::inputs
