// Options of the plugin `influxdb` (telegraf-compat names) → URLs, headers and credentials.
#include "outputs/influxdb_options.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "outputs/text.h"
#include "outputs/url.h"

namespace holdfast::outputs {
namespace {

using config::Diagnostics;
using config::Position;
using config::Table;

enum class Auth { kNone, kBasic, kQuery, kToken, kBearer };

// Where to point at for a problem of `key`: the key if it stands there, else the table.
Position position_of(const Table& table, std::string_view key) {
  const Table::Entry* const entry = table.find(key);
  return entry != nullptr ? entry->where : table.where();
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

bool is_token_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// A line break would end the header and begin another one.
bool is_header_value(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
}

std::string base64(std::string_view text) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    unsigned bits = 0;
    const std::size_t left = std::min<std::size_t>(3, text.size() - i);
    for (std::size_t k = 0; k < 3; ++k) {
      bits = bits << 8 | (k < left ? static_cast<unsigned char>(text[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out += k <= left ? kAlphabet[bits >> (18 - 6 * k) & 63U] : '=';
    }
  }
  return out;
}

class TargetReader {
 public:
  TargetReader(Table& table, Diagnostics& diagnostics)
      : table_(table),
        diagnostics_(diagnostics),
        options_(influxdb_schema().parse(table, diagnostics)) {}

  InfluxdbTarget read() {
    const ServerUrl url = read_url();
    take_credentials(url);
    const Auth auth = choose_auth();
    read_headers(auth);
    check_rest();
    build_urls(url, auth);
    build_client(auth);
    collect_secrets();
    target_.gzip = options_.content_encoding == "gzip";
    target_.identity = url.base + "\n" + options_.database;
    return std::move(target_);
  }

 private:
  void error(std::string_view key, std::string message) {
    diagnostics_.error(position_of(table_, key), std::move(message));
  }

  ServerUrl read_url() {
    if (options_.urls.size() != 1) {
      error("urls", fmt::format("`urls` has {} entries, this version takes exactly one",
                                options_.urls.size()));
      return {};
    }
    auto url = parse_server_url(options_.urls.front());
    if (url) return *url;
    error("urls", fmt::format("`urls`: found \"{}\", {}",
                              one_line(without_user_info(options_.urls.front()), 100),
                              url.error().message));
    return {};
  }

  void take_credentials(const ServerUrl& url) {
    if (url.username.empty() && url.password.empty()) return;
    if (!options_.username.empty() || !options_.password.empty()) {
      error("urls", "credentials stand both in `urls` and in `username`/`password`");
    }
    options_.username = url.username;
    options_.password = url.password;
  }

  Auth choose_auth() {
    const bool user = !options_.username.empty() || !options_.password.empty();
    const bool token = !options_.token.empty();
    const std::string& auth = options_.auth;
    if (auth == "auto") {
      if (user && token) {
        error("token", "both `token` and `username`/`password` are set: say which with `auth`");
      }
      return token ? Auth::kToken : user ? Auth::kBasic : Auth::kNone;
    }
    const bool wants_token = auth == "token" || auth == "bearer";
    if (wants_token && !token) error("auth", fmt::format("`auth = \"{}\"` needs `token`", auth));
    if (!wants_token && !user) {
      error("auth", fmt::format("`auth = \"{}\"` needs `username` and `password`", auth));
    }
    if (wants_token) return auth == "token" ? Auth::kToken : Auth::kBearer;
    return auth == "query" ? Auth::kQuery : Auth::kBasic;
  }

  void read_headers(Auth auth) {
    if (!is_header_value(options_.token)) error("token", "`token` has control characters");
    if (!is_header_value(options_.user_agent)) {
      error("user_agent", "`user_agent` has control characters");
    }
    if (auth == Auth::kToken || auth == Auth::kBearer) {
      target_.headers.push_back(
          {"Authorization", (auth == Auth::kToken ? "Token " : "Bearer ") + options_.token});
    }
    for (const auto& [name, value] : options_.http_headers) read_header(name, value);
  }

  void read_header(const std::string& name, const std::string& value) {
    const bool good_name =
        !name.empty() && std::all_of(name.begin(), name.end(), is_token_character);
    if (!good_name || !is_header_value(value)) {
      return error("http_headers",
                   fmt::format("`http_headers`: \"{}\" is no valid header", one_line(name, 60)));
    }
    for (const std::string_view ours :
         {"Content-Length", "Content-Encoding", "Content-Type", "Transfer-Encoding", "Expect"}) {
      if (equal_ignoring_case(name, ours)) {
        return error("http_headers",
                     fmt::format("`http_headers`: {} is set by the output itself", name));
      }
    }
    if (equal_ignoring_case(name, "User-Agent")) {  // the option of that name wins
      if (options_.user_agent.empty()) options_.user_agent = value;
      return;
    }
    if (equal_ignoring_case(name, "Authorization")) {
      std::erase_if(target_.headers,
                    [](const HttpHeader& header) { return header.name == "Authorization"; });
    }
    target_.headers.push_back({name, value});
  }

  void check_rest() {
    if (options_.influx_uint_support) {
      error("influx_uint_support",
            "`influx_uint_support = true` is not supported yet: unsigned "
            "fields are sent as integers");
    }
    if (options_.influx_omit_timestamp) {
      error("influx_omit_timestamp",
            "`influx_omit_timestamp = true` is not supported: every point "
            "is sent with its time, so that sending it twice is harmless");
    }
    if (options_.database.empty()) error("database", "`database` is empty, expected a name");
    if (options_.tls_cert.empty() != options_.tls_key.empty()) {
      error("tls_cert", "`tls_cert` and `tls_key` go together, only one is set");
    }
  }

  void build_urls(const ServerUrl& url, Auth auth) {
    std::map<std::string, std::string> login;
    if (auth == Auth::kQuery) login = {{"u", options_.username}, {"p", options_.password}};
    target_.query_url = url.base + "/query" + query_string(login);
    std::map<std::string, std::string> parameters{{"db", options_.database},
                                                  {"rp", options_.retention_policy}};
    if (options_.write_consistency != "one") parameters["consistency"] = options_.write_consistency;
    target_.destination = url.base + "/write" + query_string(parameters);
    parameters.merge(login);
    target_.write_url = url.base + "/write" + query_string(parameters);
    if (options_.skip_database_creation) return;
    std::string name;
    for (const char c : options_.database) {
      if (c == '\\' || c == '"') name += '\\';
      name += c == '\n' ? std::string("\\n") : std::string(1, c);
    }
    target_.create_statement = "q=" + percent_encode(fmt::format("CREATE DATABASE \"{}\"", name));
  }

  void build_client(Auth auth) {
    HttpClientOptions& client = target_.client;
    client.timeout = options_.timeout;
    client.connect_timeout = std::min(client.connect_timeout, options_.timeout);
    client.user_agent = options_.user_agent;
    if (auth == Auth::kBasic) {
      client.username = options_.username;
      client.password = options_.password;
    }
    client.proxy = options_.http_proxy;
    client.insecure_skip_verify = options_.insecure_skip_verify;
    client.tls_1_3_only = options_.tls_min_version == "TLS13";
    client.tls_ca = options_.tls_ca;
    client.tls_cert = options_.tls_cert;
    client.tls_key = options_.tls_key;
    client.tls_key_pwd = options_.tls_key_pwd;
  }

  // A server may echo the request in its error text, with the credentials as they were sent.
  void collect_secrets() {
    const auto add = [this](const std::string& secret) {
      if (secret.empty()) return;
      target_.secrets.push_back(secret);
      if (const std::string encoded = percent_encode(secret); encoded != secret) {
        target_.secrets.push_back(encoded);
      }
    };
    add(options_.password);
    add(options_.token);
    add(options_.tls_key_pwd);
    if (!options_.password.empty()) add(base64(options_.username + ":" + options_.password));
    // The longest first: a short secret may be a part of a long one.
    std::sort(target_.secrets.begin(), target_.secrets.end(),
              [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
  }

  Table& table_;
  Diagnostics& diagnostics_;
  InfluxdbOptions options_;
  InfluxdbTarget target_;
};

}  // namespace

const config::Schema<InfluxdbOptions>& influxdb_schema() {
  using O = InfluxdbOptions;
  static const auto schema =
      config::Schema<O>{}
          .option("urls", &O::urls,
                  "The server, exactly one URL; http or https; a path in front of /write is kept.")
          .option("database", &O::database, "Name of the database.")
          .option("retention_policy", &O::retention_policy,
                  "Retention policy to write to; empty: the database's default.")
          .option("write_consistency", &O::write_consistency,
                  "Write consistency of a cluster; empty: not sent.",
                  {.choices = {"", "any", "one", "quorum", "all"}})
          .option("skip_database_creation", &O::skip_database_creation,
                  "Never send CREATE DATABASE.")
          .option("username", &O::username, "User name.")
          .option("password", &O::password, "Password, or a token in its place.", {.secret = true})
          .option("token", &O::token, "API token.", {.secret = true})
          .option("auth", &O::auth,
                  "How to log in: basic, u and p in the query, Authorization: Token or Bearer; "
                  "auto: token if one is set, else basic if a user name or password is set.",
                  {.choices = {"auto", "basic", "query", "token", "bearer"}})
          .option("timeout", &O::timeout,
                  "Time for one request. Longer than the server's own storage timeout (10s).",
                  {.min = 0.1, .max = 3600})
          .option("user_agent", &O::user_agent, "User-Agent; empty: holdfast/<version>.")
          .option("content_encoding", &O::content_encoding, "Encoding of the body.",
                  {.choices = {"gzip", "identity"}})
          .option("http_headers", &O::http_headers, "More headers.", {.secret = true})
          .option("http_proxy", &O::http_proxy,
                  "Proxy; empty: as http_proxy, https_proxy and no_proxy of the environment say.",
                  {.secret = true})
          .option("insecure_skip_verify", &O::insecure_skip_verify,
                  "Accept any certificate. Not for production.")
          .option("tls_ca", &O::tls_ca, "File with the certificates to trust; empty: the system's.",
                  {.old_names = {"ssl_ca"}})
          .option("tls_cert", &O::tls_cert, "File with the client's certificate.",
                  {.old_names = {"ssl_cert"}})
          .option("tls_key", &O::tls_key, "File with the client's key.", {.old_names = {"ssl_key"}})
          .option("tls_key_pwd", &O::tls_key_pwd, "Password of the key file.", {.secret = true})
          .option("tls_min_version", &O::tls_min_version, "Oldest TLS version to speak.",
                  {.choices = {"TLS12", "TLS13"}})
          .option("influx_uint_support", &O::influx_uint_support,
                  "Only false: unsigned fields are sent as integers.")
          .option("influx_omit_timestamp", &O::influx_omit_timestamp,
                  "Only false: every point is sent with its time.")
          .option("precision", &O::precision, "Telegraf's old precision of timestamps.",
                  {.no_effect = "timestamps are always sent in nanoseconds"})
          .option("udp_payload", &O::udp_payload, "Telegraf's size of a datagram.",
                  {.no_effect = "points are sent over HTTP only"});
  return schema;
}

std::optional<InfluxdbTarget> read_influxdb_target(Table& table, Diagnostics& diagnostics) {
  InfluxdbTarget target = TargetReader(table, diagnostics).read();
  if (diagnostics.has_errors()) return std::nullopt;
  return target;
}

}  // namespace holdfast::outputs
