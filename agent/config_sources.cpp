// The places of a configuration, and those that are asked over HTTP.
#include "agent/config_sources.h"

#include <filesystem>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include "config/loader.h"
#include "outputs/http_get.h"
#include "outputs/text.h"

namespace holdfast::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kDefaultAttempts = 3;

struct Place {
  std::string file;
  std::string directory;  // read with it; empty: none
};

// In the order they are looked at. `root` stands before /etc.
std::vector<Place> places(const config::Environment& environment, const std::string& root) {
  std::vector<Place> all{{root + "/etc/holdfast/holdfast.toml", root + "/etc/holdfast/holdfast.d"}};
  const std::string home = environment("HOME").value_or("");
  if (!home.empty()) all.push_back({home + "/.telegraf/telegraf.conf", ""});
  all.push_back({root + "/etc/telegraf/telegraf.conf", root + "/etc/telegraf/telegraf.d"});
  return all;
}

bool exists(const std::string& path) {
  std::error_code failed;
  return fs::exists(path, failed);
}

base::Result<std::string> fetch_once(const std::string& url, const FetchOptions& options) {
  outputs::HttpGet get{url, {{"Accept", "application/toml"}}, config::kMaxFileBytes};
  if (!options.token.empty()) get.headers.push_back({"Authorization", "Token " + options.token});
  auto answer = outputs::http_get(get);
  if (!answer) return tl::unexpected(answer.error());
  if (answer->status != 200) {
    return base::fail(base::ErrorCode::kIo, "the server answered {}, expected 200", answer->status);
  }
  return std::move(answer->body);
}

}  // namespace

ConfigSources default_sources(const config::Environment& environment,
                              config::Diagnostics& diagnostics, const std::string& root) {
  std::vector<std::string> looked;
  for (const char* variable : {"HOLDFAST_CONFIG_PATH", "TELEGRAF_CONFIG_PATH"}) {
    const std::string path = environment(variable).value_or("");
    looked.push_back(fmt::format("${}{}", variable, path.empty() ? "" : " (" + path + ")"));
    if (is_url(path)) return {{path}, {}};
    if (path.empty()) continue;
    if (exists(path)) return {{path}, {}};
    diagnostics.warning({}, fmt::format("${} is {}, which is not there", variable, path));
  }
  for (const Place& place : places(environment, root)) {
    looked.push_back(place.file);
    if (!exists(place.file)) continue;
    if (!exists(place.directory)) return {{place.file}, {}};
    return {{place.file}, {place.directory}};
  }
  diagnostics.error({}, fmt::format("no configuration found; name one with --config. Looked at {}",
                                    fmt::join(looked, ", ")));
  return {};
}

bool is_url(std::string_view source) {
  return source.starts_with("http://") || source.starts_with("https://");
}

base::Result<std::string> fetch_configuration(const std::string& url, const FetchOptions& options,
                                              const base::Logger& log) {
  const std::int64_t attempts = options.attempts == 0 ? kDefaultAttempts : options.attempts;
  for (std::int64_t attempt = 1;; ++attempt) {
    auto text = fetch_once(url, options);
    if (text || (attempts > 0 && attempt >= attempts)) return text;
    log.warn("configuration {}: {}; trying again in {}", outputs::without_user_info(url),
             text.error().message, base::format_duration(options.pause));
    asio::io_context io(1);
    asio::steady_timer pause(io, options.pause);
    pause.wait();
  }
}

}  // namespace holdfast::agent
