// Where the configuration comes from: files, directories and URLs.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/result.h"
#include "config/diagnostics.h"
#include "config/environment.h"

namespace holdfast::agent {

struct ConfigSources {
  std::vector<std::string> files;  // and URLs
  std::vector<std::string> directories;
};

// What is read when the command line names nothing, the first of these that exists:
// $HOLDFAST_CONFIG_PATH, $TELEGRAF_CONFIG_PATH, /etc/holdfast/holdfast.toml with holdfast.d,
// $HOME/.telegraf/telegraf.conf, /etc/telegraf/telegraf.conf with telegraf.d. If none does an error
// lists the places. `root` stands before /etc, for tests.
[[nodiscard]] ConfigSources default_sources(const config::Environment& environment,
                                            config::Diagnostics& diagnostics,
                                            const std::string& root = {});

// http:// or https://
[[nodiscard]] bool is_url(std::string_view source);

struct FetchOptions {
  std::int64_t attempts = 0;  // 0: three; -1: without end
  base::Duration pause{std::chrono::seconds(10)};
  std::string token{};  // "Authorization: Token ..."; empty: none
};

// The text behind a URL; any answer but 200 is a failure. Blocks for as long as the attempts take.
[[nodiscard]] base::Result<std::string> fetch_configuration(const std::string& url,
                                                            const FetchOptions& options,
                                                            const base::Logger& log);

}  // namespace holdfast::agent
