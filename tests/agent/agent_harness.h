// A configuration from text, with what it takes to build plugins.
#pragma once

#include <string>

#include "agent/configuration.h"
#include "config/loader.h"
#include "inputs/agent_numbers.h"

namespace holdfast::test {

struct Configured {
  base::SystemClock clock;
  inputs::HostFs host{inputs::HostRoots{}};
  inputs::AgentNumbers numbers;
  config::Diagnostics diagnostics;
  agent::Configuration configuration;

  explicit Configured(const std::string& toml) {
    config::Document document;
    const config::Environment none = [](const std::string&) { return std::nullopt; };
    config::load_text(toml, "test.toml", none, diagnostics, document);
    configuration =
        agent::configure(document, {host, clock, base::Logger(), false, &numbers}, diagnostics);
  }

  // The diagnostics, one a line.
  [[nodiscard]] std::string problems() const {
    std::string all;
    for (const auto& item : diagnostics.sorted()) all += item.text() + "\n";
    return all;
  }
};

}  // namespace holdfast::test
