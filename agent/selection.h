// Selection: which plugins of the configuration the command line wants.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/loader.h"

namespace holdfast::agent {

// As typed; each text may hold several names, separated by colons. Empty: all.
struct Selection {
  std::vector<std::string> inputs{};
  std::vector<std::string> outputs{};
  std::vector<std::string> sections{};   // agent, global_tags, buffer, status, inputs, outputs
  std::vector<std::string> selectors{};  // "env=prod;region=us-*"
};

// True if `filter` is empty or names `name`.
[[nodiscard]] bool is_wanted(const std::vector<std::string>& filter, std::string_view name);

// What is wrong with a selector; empty if nothing is.
[[nodiscard]] std::string selector_problem(const std::string& selector);

// Takes out of the document what is not wanted. A plugin with labels is kept if all pairs of one
// selector match its labels; one without labels always is.
void select_plugins(const Selection& selection, config::Document& document);

}  // namespace holdfast::agent
