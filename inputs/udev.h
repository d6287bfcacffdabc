// What udev knows about a block device, from its database below /run (udev(7)).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "inputs/host_fs.h"

namespace holdfast::inputs {

struct UdevDevice {
  std::map<std::string, std::string, std::less<>> properties;
  std::vector<std::string> links;  // below /dev, without that: "disk/by-id/..."
};

// "S:" lines are links, "E:KEY=value" lines properties; all others are left alone. DEVLINKS is
// made of the links when there are any.
[[nodiscard]] UdevDevice parse_udev(std::string_view text);

// Empty when udev does not run or does not know the device.
[[nodiscard]] UdevDevice read_udev(const HostFs& host, std::uint64_t major, std::uint64_t minor);

// The first of the templates whose variables ($NAME, ${NAME}) are all properties of the device,
// with their values put in; `name` when there is none.
[[nodiscard]] std::string name_from_templates(const std::vector<std::string>& templates,
                                              const UdevDevice& device, std::string_view name);

}  // namespace holdfast::inputs
