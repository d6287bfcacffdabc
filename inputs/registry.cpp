// The table of inputs. A new one is a declaration and an entry here, both in alphabetical order.
#include "inputs/registry.h"

#include <algorithm>
#include <array>

namespace holdfast::inputs {

const InputPlugin& cpu_plugin();
const InputPlugin& disk_plugin();
const InputPlugin& diskio_plugin();
const InputPlugin& exec_plugin();
const InputPlugin& execd_plugin();
const InputPlugin& file_plugin();
const InputPlugin& influxdb_listener_plugin();
const InputPlugin& kernel_plugin();
const InputPlugin& mem_plugin();
const InputPlugin& net_plugin();
const InputPlugin& processes_plugin();
const InputPlugin& swap_plugin();
const InputPlugin& system_plugin();

std::span<const InputPlugin> all_inputs() {
  static const std::array plugins = {
      cpu_plugin(),
      disk_plugin(),
      diskio_plugin(),
      exec_plugin(),
      execd_plugin(),
      file_plugin(),
      influxdb_listener_plugin(),
      kernel_plugin(),
      mem_plugin(),
      net_plugin(),
      processes_plugin(),
      swap_plugin(),
      system_plugin(),
  };
  return plugins;
}

const InputPlugin* find_input(std::string_view name) {
  const auto plugins = all_inputs();
  const auto found = std::find_if(plugins.begin(), plugins.end(),
                                  [&](const InputPlugin& plugin) { return plugin.name == name; });
  return found == plugins.end() ? nullptr : &*found;
}

}  // namespace holdfast::inputs
