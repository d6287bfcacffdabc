// The options that outputs over HTTP share → servers, headers, credentials, connection.
#include "outputs/http_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <fmt/core.h>

#include "agent/base/codes.h"
#include "outputs/text.h"
#include "outputs/url.h"

namespace holdfast::outputs {
namespace {

using config::Diagnostics;
using config::Position;
using config::Table;

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

bool is_address(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

// libcurl's form of a pinned key: hashes in base64, 44 characters each.
bool is_pin(std::string_view text) {
  constexpr std::string_view kScheme = "sha256//";
  constexpr std::size_t kHash = 44;
  while (text.starts_with(kScheme) && text.size() >= kScheme.size() + kHash) {
    text.remove_prefix(kScheme.size() + kHash);
    if (text.empty()) return true;
    if (text.front() != ';') return false;
    text.remove_prefix(1);
  }
  return false;
}

}  // namespace

const config::Schema<HttpOptions>& http_schema() {
  using O = HttpOptions;
  static const auto schema =
      config::Schema<O>{}
          .option("timeout", &O::timeout,
                  "Time for one request. Longer than the server's own storage timeout (10s).",
                  {.min = 0.1, .max = 3600})
          .option("low_speed_limit", &O::low_speed_limit,
                  "Bytes per second; a request that is slower for low_speed_time is given up, also "
                  "while the server thinks. 0: never.",
                  {.max = 1 << 30})
          .option("low_speed_time", &O::low_speed_time,
                  "How long a request may be slower than low_speed_limit.", {.min = 1, .max = 3600})
          .option("local_address", &O::local_address,
                  "Address to send from: \"10.0.0.7\", \"10.0.0.7:4000\", \"[fd00::7]:4000\".")
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
          .option("tls_cipher_suites", &O::tls_cipher_suites, "Cipher suites to offer.",
                  {.no_effect = "the TLS library chooses"})
          .option("tls_renegotiation_method", &O::tls_renegotiation_method,
                  "Whether the server may ask for a new handshake.",
                  {.choices = {"never", "once", "freely"}, .no_effect = "it may never"})
          .option("tls_enable", &O::tls_enable, "Whether to speak TLS.",
                  {.no_effect = "https:// in the URL says so"})
          .option("tls_server_name", &O::tls_server_name,
                  "Name to ask for and to find in the certificate, instead of the URL's host.")
          .option("tls_pinned_public_key", &O::tls_pinned_public_key,
                  "Only a server with this key: \"sha256//<base64>\", several separated by \";\".")
          .option(
              "precision", &O::precision,
              "Unit of the timestamps sent; what is finer is cut off, so that points of a series "
              "may become one. \"ns\", \"ms\" or \"s\"; empty: ns.")
          .option("influx_uint_support", &O::influx_uint_support,
                  "Keep unsigned fields unsigned (12u) instead of sending them as integers (12i). "
                  "All outputs over HTTP must agree; counts for points gathered from then on.")
          .option("influx_omit_timestamp", &O::influx_omit_timestamp,
                  "Only false: every point is sent with its time.")
          .option("zap_trace_span", &O::zap_trace_span,
                  "Send an id with each batch (header Zap-Trace-Span) and name it in the log.");
  return schema;
}

std::vector<config::OptionInfo> with_http_options(std::vector<config::OptionInfo> own) {
  const auto shared = http_schema().describe();
  own.insert(own.end(), shared.begin(), shared.end());
  return own;
}

TargetReader::TargetReader(Table& table, Diagnostics& diagnostics)
    : table_(table), diagnostics_(diagnostics), options_(http_schema().parse(table, diagnostics)) {}

void TargetReader::error(std::string_view key, std::string message) {
  diagnostics_.error(table_.where(key), std::move(message));
}

bool TargetReader::read_urls(const config::StringList& urls, std::string_view path,
                             const Login& login) {
  if (urls.empty()) error("urls", "`urls` is empty, expected at least one URL");
  bool twice_told = false;
  for (const std::string& text : urls) {
    auto url = parse_server_url(text);
    if (!url) {
      error("urls", fmt::format("`urls`: found \"{}\", {}", shown_url(text), url.error().message));
      continue;
    }
    const auto same = [&url](const WriteServer& server) { return server.name == url->name; };
    if (std::any_of(target_.servers.begin(), target_.servers.end(), same)) {
      error("urls", fmt::format("`urls` has {} twice", url->name));
    }
    Login own{url->username, url->password};
    if (!own.empty() && !login.empty() && !std::exchange(twice_told, true)) {
      error("urls", "credentials stand both in `urls` and in `username`/`password`");
    }
    logins_.push_back(own.empty() ? login : std::move(own));
    WriteServer server{url->name, url->base + std::string(path), url->base + "/query", {}, {}};
    server.client.unix_socket = url->socket;
    target_.servers.push_back(std::move(server));
  }
  return std::any_of(logins_.begin(), logins_.end(), [](const Login& l) { return !l.empty(); });
}

void TargetReader::use_logins(bool in_query) {
  for (std::size_t i = 0; i < target_.servers.size(); ++i) {
    WriteServer& server = target_.servers[i];
    if (in_query) {
      server.login = {{"u", logins_[i].username}, {"p", logins_[i].password}};
    } else {
      server.client.username = logins_[i].username;
      server.client.password = logins_[i].password;
    }
  }
}

void TargetReader::use_token(std::string_view scheme, const std::string& token) {
  if (!is_header_value(token)) error("token", "`token` has control characters");
  target_.headers.push_back({"Authorization", fmt::format("{} {}", scheme, token)});
}

void TargetReader::add_route(std::string_view parameter, std::string_view tag_option,
                             const std::string& tag, std::string_view exclude_option,
                             bool exclude) {
  if (!tag.empty()) return target_.rules.routes.push_back({std::string(parameter), tag, exclude});
  if (exclude) {
    error(exclude_option, fmt::format("`{}` needs `{}`", exclude_option, tag_option));
  }
}

void TargetReader::read_headers() {
  if (!is_header_value(options_.user_agent)) {
    error("user_agent", "`user_agent` has control characters");
  }
  for (const auto& [name, value] : options_.http_headers) read_header(name, value);
}

void TargetReader::read_header(const std::string& name, const std::string& value) {
  const bool good_name = !name.empty() && std::all_of(name.begin(), name.end(), is_token_character);
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

// Only what all servers read alike: elsewhere a spelling that one of them does not know is taken
// for nanoseconds, with a 204.
void TargetReader::read_precision() {
  const std::string& precision = options_.precision;
  if (precision.empty() || precision == "ns") return;
  if (precision == "ms" || precision == "s") {
    target_.rules.precision = *line::parse_precision(precision);
    target_.parameters["precision"] = precision;
    return;
  }
  error("precision",
        fmt::format("`precision = \"{}\"`: expected \"ns\", \"ms\" or \"s\"; InfluxDB 1.x and 2.x "
                    "read other units differently, some take them for nanoseconds without an error",
                    precision));
}

void TargetReader::check_rest() {
  if (options_.influx_omit_timestamp) {
    error("influx_omit_timestamp",
          "`influx_omit_timestamp = true` is not supported: every point "
          "is sent with its time, so that sending it twice is harmless");
  }
  if (options_.tls_cert.empty() != options_.tls_key.empty()) {
    error("tls_cert", "`tls_cert` and `tls_key` go together, only one is set");
  }
  if (!options_.tls_pinned_public_key.empty() && !is_pin(options_.tls_pinned_public_key)) {
    error("tls_pinned_public_key",
          "`tls_pinned_public_key`: expected \"sha256//\" and the base64 of the hash of a public "
          "key, several separated by \";\"");
  }
  const std::string& name = options_.tls_server_name;
  const bool good_name = std::all_of(name.begin(), name.end(), [](char c) {
    return is_token_character(c) && c != '%' && c != '#';
  });
  if (!good_name) error("tls_server_name", "`tls_server_name` is no name of a host");
}

// "10.0.0.7", "10.0.0.7:4000", "fd00::7", "[fd00::7]:4000"
void TargetReader::read_local_address(HttpClientOptions& client) {
  std::string_view text = options_.local_address;
  if (text.empty()) return;
  std::string_view port;
  const auto colon = text.rfind(':');
  const bool bracketed = text.starts_with('[');
  const bool one_colon = colon != std::string_view::npos && text.find(':') == colon;
  if (colon != std::string_view::npos && (one_colon || text[colon - 1] == ']')) {
    port = text.substr(colon + 1);
    text = text.substr(0, colon);
    const auto [end, fault] =
        std::from_chars(port.data(), port.data() + port.size(), client.local_port);
    if (fault != std::errc{} || end != port.data() + port.size() || client.local_port == 0) {
      text = {};
    }
  }
  if (bracketed && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  client.local_address = text;
  if (!is_address(client.local_address)) {
    error("local_address", fmt::format("`local_address` is \"{}\", expected an IP address, with or "
                                       "without a port",
                                       one_line(options_.local_address, 100)));
  }
}

HttpClientOptions TargetReader::client_options() {
  HttpClientOptions client;
  client.timeout = options_.timeout;
  client.connect_timeout = std::min(client.connect_timeout, options_.timeout);
  client.low_speed_limit = options_.low_speed_limit.count;
  client.low_speed_time = options_.low_speed_time;
  client.user_agent = options_.user_agent;
  client.proxy = options_.http_proxy;
  client.insecure_skip_verify = options_.insecure_skip_verify;
  client.tls_1_3_only = options_.tls_min_version == "TLS13";
  client.tls_ca = options_.tls_ca;
  client.tls_cert = options_.tls_cert;
  client.tls_key = options_.tls_key;
  client.tls_key_pwd = options_.tls_key_pwd;
  client.tls_server_name = options_.tls_server_name;
  client.tls_pinned_public_key = options_.tls_pinned_public_key;
  read_local_address(client);
  return client;
}

WriteTarget TargetReader::finish(std::string_view destination) {
  read_headers();
  read_precision();
  check_rest();
  const HttpClientOptions common = client_options();
  for (WriteServer& server : target_.servers) {
    HttpClientOptions client = common;
    client.unix_socket = std::move(server.client.unix_socket);
    client.username = std::move(server.client.username);
    client.password = std::move(server.client.password);
    server.client = std::move(client);
    target_.identity += server.name + "\n";
  }
  target_.identity += destination;
  target_.gzip = options_.content_encoding == "gzip";
  target_.trace = options_.zap_trace_span;
  target_.unsigned_fields = options_.influx_uint_support;
  collect_secrets();
  return std::move(target_);
}

void TargetReader::add_secret(const std::string& secret) {
  if (secret.empty()) return;
  target_.secrets.push_back(secret);
  if (std::string encoded = percent_encode(secret); encoded != secret) {
    target_.secrets.push_back(std::move(encoded));
  }
}

// A server may echo the request in its error text, with the credentials as they were sent.
void TargetReader::collect_secrets() {
  const auto add_login = [this](const Login& login) {
    add_secret(login.password);
    if (!login.password.empty()) add_secret(base::base64(login.username + ":" + login.password));
  };
  for (const Login& login : logins_) add_login(login);
  if (auto proxy = parse_server_url(options_.http_proxy); proxy) {
    add_login({proxy->username, proxy->password});
  }
  add_secret(options_.tls_key_pwd);
  constexpr std::size_t kTooShort = 4;  // for a secret; it would make a server's words unreadable
  for (const HttpHeader& header : target_.headers) {
    if (header.value.size() >= kTooShort) add_secret(header.value);
    // "Token abc", "Basic abc": the part behind the scheme may come back alone.
    const auto blank = header.value.rfind(' ');
    if (equal_ignoring_case(header.name, "Authorization") && blank != std::string::npos) {
      add_secret(header.value.substr(blank + 1));
    }
  }
  // The longest first: a short secret may be a part of a long one.
  std::sort(target_.secrets.begin(), target_.secrets.end(),
            [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
}

}  // namespace holdfast::outputs
