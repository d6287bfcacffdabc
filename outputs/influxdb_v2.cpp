// Plugin `influxdb_v2`: batches to /api/v2/write of InfluxDB 2 and whatever speaks like it.
#include "outputs/influxdb_v2.h"

#include "outputs/http_options.h"
#include "outputs/write_output.h"

namespace holdfast::outputs {
namespace {

constexpr std::string_view kPath = "/api/v2/write";

// Besides those of http_options.h.
struct InfluxdbV2Options {
  config::StringList urls{"http://localhost:8086"};
  std::string token;
  std::string organization;
  std::string bucket;
  std::string bucket_tag;
  bool exclude_bucket_tag = false;
  // Accepted, without effect.
  base::Duration ping_timeout{};
  base::Duration read_idle_timeout{};
  std::int64_t concurrent_writes = 1;
};

const config::Schema<InfluxdbV2Options>& schema() {
  using O = InfluxdbV2Options;
  static const auto schema =
      config::Schema<O>{}
          .option("urls", &O::urls,
                  "The server: http, https or unix:///path/of.sock; a path in front of "
                  "/api/v2/write is kept. Several: the next one is asked when one fails, the first "
                  "is preferred.")
          .option("token", &O::token, "API token.", {.secret = true})
          .option("organization", &O::organization, "Name of the organization, or its id.")
          .option("bucket", &O::bucket, "Name of the bucket.")
          .option("bucket_tag", &O::bucket_tag,
                  "Points with this tag go to the bucket that it names.")
          .option("exclude_bucket_tag", &O::exclude_bucket_tag,
                  "Do not write the tag of bucket_tag.")
          .option("ping_timeout", &O::ping_timeout, "Telegraf's check of HTTP/2 connections.",
                  {.no_effect = "requests go over HTTP/1.1"})
          .option("read_idle_timeout", &O::read_idle_timeout,
                  "Telegraf's check of HTTP/2 connections.",
                  {.no_effect = "requests go over HTTP/1.1"})
          .option("concurrent_writes", &O::concurrent_writes, "Telegraf's number of connections.",
                  {.no_effect = "one request follows the other, so that points keep their order"});
  return schema;
}

std::optional<WriteTarget> read_target(config::Table& table, config::Diagnostics& diagnostics) {
  const InfluxdbV2Options options = schema().parse(table, diagnostics);
  TargetReader reader(table, diagnostics);
  const bool user = reader.read_urls(options.urls, kPath, {});
  if (user && !options.token.empty()) {
    reader.error("urls", "credentials stand in `urls`, and `token` is set: only one can be used");
  }
  if (!options.token.empty()) {
    reader.use_token("Token", options.token);
  } else if (user) {
    reader.use_logins(/*in_query=*/false);
  }
  if (options.bucket.empty()) reader.error("bucket", "`bucket` is empty, expected a name");
  // The unit is always said: what stands in front of the server may have a default of its own.
  reader.target().parameters = {
      {"org", options.organization}, {"bucket", options.bucket}, {"precision", "ns"}};
  reader.add_route("bucket", "bucket_tag", options.bucket_tag, "exclude_bucket_tag",
                   options.exclude_bucket_tag);
  WriteTarget target = reader.finish(options.organization + "\n" + options.bucket);
  if (diagnostics.has_errors()) return std::nullopt;
  return target;
}

std::vector<config::OptionInfo> options() { return with_http_options(schema().describe()); }

std::unique_ptr<Output> create(config::Table& table, config::Diagnostics& diagnostics,
                               const OutputContext& context, std::string& identity) {
  return create_write_output(read_target(table, diagnostics), table, diagnostics, context,
                             identity);
}

}  // namespace

OutputPlugin influxdb_v2_plugin() {
  return {"influxdb_v2", "InfluxDB 2 and compatible servers, over HTTP /api/v2/write.", &options,
          &create};
}

}  // namespace holdfast::outputs
