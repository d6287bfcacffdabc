// influxdb_listener: takes line protocol over HTTP as InfluxDB 1.x does (telegraf-compat section
// 7.1). A write is answered 204 when its points are in the ring, and not before. Here are the
// options and the paths; line_listener.cpp does the rest.
#include <memory>
#include <utility>

#include "inputs/input.h"
#include "inputs/line_listener.h"

namespace holdfast::inputs {
namespace {

struct InfluxdbListenerOptions {
  std::string service_address = ":8186";
  std::string database_tag;
  std::string retention_policy_tag;
  std::string basic_username;
  std::string basic_password;
  std::string token_shared_secret;
  std::string token_username;
  std::string parser_type = "internal";
};

const config::Schema<InfluxdbListenerOptions>& listener_schema() {
  using Options = InfluxdbListenerOptions;
  static const auto schema =
      config::Schema<Options>{}
          .option("service_address", &Options::service_address,
                  "Address to listen on: host:port, :port for all addresses, or unix:/path.")
          .option("database_tag", &Options::database_tag,
                  "Store the database of the request (db) under this tag; empty: do not.")
          .option("retention_policy_tag", &Options::retention_policy_tag,
                  "Store the retention policy of the request (rp) under this tag; empty: do not.")
          .option("basic_username", &Options::basic_username,
                  "User name that clients must send, as HTTP Basic or as `Token user:password`.")
          .option("basic_password", &Options::basic_password, "Password that clients must send.",
                  {.secret = true})
          .option("token_shared_secret", &Options::token_shared_secret,
                  "Clients must send a JSON web token signed with this, as `Bearer token`, in "
                  "place of user name and password.",
                  {.secret = true})
          .option("token_username", &Options::token_username,
                  "User name that the token must be for; empty: any.")
          .option("parser_type", &Options::parser_type, "Which parser Telegraf uses.",
                  {.choices = {"internal", "upstream"},
                   .no_effect = "there is one parser, as strict as the strictest InfluxDB"});
  return schema;
}

Authorization authorization_of(const InfluxdbListenerOptions& options, const config::Table& table,
                               config::Diagnostics& diagnostics) {
  const bool basic = !options.basic_username.empty() || !options.basic_password.empty();
  if (!options.token_username.empty() && options.token_shared_secret.empty()) {
    diagnostics.error(table.where("token_username"), "token_username needs token_shared_secret");
  }
  if (options.token_shared_secret.empty()) {
    return basic ? Authorization::password(options.basic_username, options.basic_password)
                 : Authorization();
  }
  if (basic) {
    diagnostics.error(table.where("token_shared_secret"),
                      "token_shared_secret excludes basic_username and basic_password");
  }
  return Authorization::web_token(options.token_shared_secret, options.token_username);
}

http::Response version_answer(const http::Request& request) {
  const std::string_view verbose = request.parameter("verbose");
  http::Response answer;
  if (verbose == "1" || verbose == "true") {
    answer = {200, "{\"version\":\"1.0\"}\n", "application/json", {}};
  }
  answer.headers.emplace_back("X-Influxdb-Version", "1.0");
  return answer;
}

class InfluxdbListener final : public LineListener {
 public:
  using LineListener::LineListener;

  [[nodiscard]] PluginCounts counts() const override {
    PluginCounts counts = LineListener::counts();
    counts.fields.emplace_back("queries_served", requests().queries_served);
    counts.fields.emplace_back("buffers_created", 0);  // Telegraf has it, and counts nothing in it
    return counts;
  }

 private:
  void handle(http::Request request, http::Responder responder) override {
    if (request.path == "/ping") {
      const bool reads = request.method == "GET" || request.method == "HEAD";
      return answer(requests().pings_served, responder,
                    reads ? version_answer(request) : wrong_method("GET, HEAD"));
    }
    if (!authorize(request, responder)) return;
    if (request.path == "/write") {
      if (request.method != "POST") {
        return answer(requests().writes_served, responder, wrong_method("POST"));
      }
      return write(std::move(request), std::move(responder));
    }
    if (request.path == "/query") {
      // Clients that begin with CREATE DATABASE are satisfied with this.
      return answer(requests().queries_served, responder,
                    {200, "{\"results\":[{\"statement_id\":0}]}\n", "application/json", {}});
    }
    answer(requests().not_founds_served, responder, error(404, "not found"));
  }
};

std::unique_ptr<Input> create(config::Table& table, config::Diagnostics& diagnostics,
                              const InputContext& context) {
  const auto options = listener_schema().parse(table, diagnostics);
  LineListenerSettings settings;
  settings.address = options.service_address;
  settings.listener = take_listener_options(table, diagnostics);
  settings.authorization = authorization_of(options, table, diagnostics);
  settings.parameters.tags = {{"db", options.database_tag}, {"rp", options.retention_policy_tag}};
  settings.error = &influxdb_v1_error;
  return std::make_unique<InfluxdbListener>(std::move(settings), context);
}

}  // namespace

const InputPlugin& influxdb_listener_plugin() {
  static const InputPlugin plugin{
      .name = "influxdb_listener",
      .summary = "Line protocol over HTTP, as InfluxDB 1.x takes it",
      .times = Times::kAsTheyCame,
      .options = [] { return with_listener_options(listener_schema().describe()); },
      .create = &create};
  return plugin;
}

}  // namespace holdfast::inputs
