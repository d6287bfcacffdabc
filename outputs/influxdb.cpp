// Plugin `influxdb`: batches to the /write endpoint of InfluxDB 1.x and whatever speaks like it.
#include "outputs/influxdb.h"

#include "outputs/influxdb_options.h"
#include "outputs/write_output.h"

namespace holdfast::outputs {
namespace {

std::vector<config::OptionInfo> options() {
  return with_http_options(influxdb_schema().describe());
}

std::unique_ptr<Output> create(config::Table& table, config::Diagnostics& diagnostics,
                               const OutputContext& context, std::string& identity) {
  return create_write_output(read_influxdb_target(table, diagnostics), table, diagnostics, context,
                             identity);
}

}  // namespace

OutputPlugin influxdb_plugin() {
  return {"influxdb", "InfluxDB 1.x and compatible servers, over HTTP /write.", &options, &create};
}

}  // namespace holdfast::outputs
