// Options of the plugin `influxdb` (telegraf-compat names) → its target.
#include "outputs/influxdb_options.h"

#include <fmt/core.h>

namespace holdfast::outputs {
namespace {

using config::Diagnostics;
using config::Table;

enum class Auth { kNone, kBasic, kQuery, kToken, kBearer };

// `user`: there are credentials of a user, in the options or in a URL.
Auth choose_auth(const InfluxdbOptions& options, bool user, TargetReader& reader) {
  const bool token = !options.token.empty();
  const std::string& auth = options.auth;
  if (auth == "auto") {
    if (user && token) {
      reader.error("token",
                   "both `token` and `username`/`password` are set: say which with `auth`");
    }
    return token ? Auth::kToken : user ? Auth::kBasic : Auth::kNone;
  }
  const bool wants_token = auth == "token" || auth == "bearer";
  if (wants_token && !token) {
    reader.error("auth", fmt::format("`auth = \"{}\"` needs `token`", auth));
  }
  if (!wants_token && !user) {
    reader.error("auth", fmt::format("`auth = \"{}\"` needs `username` and `password`", auth));
  }
  if (wants_token) return auth == "token" ? Auth::kToken : Auth::kBearer;
  return auth == "query" ? Auth::kQuery : Auth::kBasic;
}

void log_in(const InfluxdbOptions& options, Auth auth, TargetReader& reader) {
  if (auth == Auth::kToken) reader.use_token("Token", options.token);
  if (auth == Auth::kBearer) reader.use_token("Bearer", options.token);
  if (auth == Auth::kBasic || auth == Auth::kQuery) reader.use_logins(auth == Auth::kQuery);
}

}  // namespace

const config::Schema<InfluxdbOptions>& influxdb_schema() {
  using O = InfluxdbOptions;
  static const auto schema =
      config::Schema<O>{}
          .option("urls", &O::urls,
                  "The server: http, https or unix:///path/of.sock; a path in front of /write is "
                  "kept. Several: the next one is asked when one fails, the first is preferred.")
          .option("database", &O::database, "Name of the database.")
          .option("database_tag", &O::database_tag,
                  "Points with this tag go to the database that it names.")
          .option("exclude_database_tag", &O::exclude_database_tag,
                  "Do not write the tag of database_tag.")
          .option("retention_policy", &O::retention_policy,
                  "Retention policy to write to; empty: the database's default.")
          .option("retention_policy_tag", &O::retention_policy_tag,
                  "Points with this tag go to the retention policy that it names.")
          .option("exclude_retention_policy_tag", &O::exclude_retention_policy_tag,
                  "Do not write the tag of retention_policy_tag.")
          .option("write_consistency", &O::write_consistency,
                  "Write consistency of a cluster; empty: not sent.",
                  {.choices = {"", "any", "one", "quorum", "all"}})
          .option("skip_database_creation", &O::skip_database_creation,
                  "Never send CREATE DATABASE.")
          .option("username", &O::username, "User name.", {.secret = true})
          .option("password", &O::password, "Password, or a token in its place.", {.secret = true})
          .option("token", &O::token, "API token.", {.secret = true})
          .option("auth", &O::auth,
                  "How to log in: basic, u and p in the query, Authorization: Token or Bearer; "
                  "auto: token if one is set, else basic if a user name or password is set.",
                  {.choices = {"auto", "basic", "query", "token", "bearer"}})
          .option("udp_payload", &O::udp_payload, "Telegraf's size of a datagram.",
                  {.no_effect = "points are sent over HTTP only"});
  return schema;
}

std::optional<WriteTarget> read_influxdb_target(Table& table, Diagnostics& diagnostics) {
  const InfluxdbOptions options = influxdb_schema().parse(table, diagnostics);
  TargetReader reader(table, diagnostics);
  const bool user = reader.read_urls(options.urls, "/write", {options.username, options.password});
  log_in(options, choose_auth(options, user, reader), reader);
  if (options.database.empty()) reader.error("database", "`database` is empty, expected a name");
  WriteTarget& target = reader.target();
  target.parameters["db"] = options.database;
  target.parameters["rp"] = options.retention_policy;
  if (options.write_consistency != "one") {
    target.parameters["consistency"] = options.write_consistency;
  }
  target.create_databases = !options.skip_database_creation;
  reader.add_route("db", "database_tag", options.database_tag, "exclude_database_tag",
                   options.exclude_database_tag);
  reader.add_route("rp", "retention_policy_tag", options.retention_policy_tag,
                   "exclude_retention_policy_tag", options.exclude_retention_policy_tag);
  WriteTarget finished = reader.finish(options.database);
  if (diagnostics.has_errors()) return std::nullopt;
  return finished;
}

}  // namespace holdfast::outputs
