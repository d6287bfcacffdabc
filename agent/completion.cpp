// Both scripts work alike: the words so far lead to a command ("" is the program, " buffer info" a
// command of it), and for each command there is a list of what may follow.
#include "agent/completion.h"

#include <algorithm>
#include <functional>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace holdfast::agent {
namespace {

struct Candidate {
  std::string word;
  std::string help;
};

struct Place {
  std::string path;
  std::vector<Candidate> candidates;
};

void collect(const CommandTree& command, const std::string& path,
             const std::vector<Candidate>& inherited, std::vector<Place>& places) {
  std::vector<Candidate> options = inherited;
  for (const auto& option : command.options) {
    const bool known =
        std::any_of(options.begin(), options.end(),
                    [&option](const Candidate& other) { return other.word == option.name; });
    if (!known) options.push_back({option.name, option.help});
  }
  Place place{path, {}};
  for (const CommandTree& sub : command.commands) place.candidates.push_back({sub.name, sub.help});
  place.candidates.insert(place.candidates.end(), options.begin(), options.end());
  places.push_back(std::move(place));
  for (const CommandTree& sub : command.commands) {
    collect(sub, path + " " + sub.name, options, places);
  }
}

std::vector<Place> places_of(const CommandTree& program) {
  std::vector<Place> places;
  collect(program, "", {}, places);
  return places;
}

// Alternatives of a `case`: the commands, by their paths.
std::string path_pattern(const std::vector<Place>& places) {
  std::vector<std::string> paths;
  for (const Place& place : places) {
    if (!place.path.empty()) paths.push_back('"' + place.path + '"');
  }
  return fmt::format("{}", fmt::join(paths, "|"));
}

// The same of the options that another word follows.
std::string value_pattern(const CommandTree& program) {
  std::set<std::string> names;
  const std::function<void(const CommandTree&)> visit = [&](const CommandTree& command) {
    for (const auto& option : command.options) {
      if (option.takes_value) names.insert(option.name);
    }
    for (const CommandTree& sub : command.commands) visit(sub);
  };
  visit(program);
  return fmt::format("{}", fmt::join(names, "|"));
}

// 'word:help' as _describe of zsh wants it.
std::string described(const Candidate& candidate) {
  std::string out = "'" + candidate.word + ":";
  for (const char c : candidate.help) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

}  // namespace

std::string bash_completion(const CommandTree& program) {
  const auto places = places_of(program);
  std::string out = fmt::format(
      "# bash completion for {0}: source it, or put it into /etc/bash_completion.d\n"
      "_{0}() {{\n"
      "  local place=\"\" words=\"\" i\n"
      "  COMPREPLY=()\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case \"$place ${{COMP_WORDS[i]}}\" in\n"
      "      {1}) place=\"$place ${{COMP_WORDS[i]}}\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"${{COMP_WORDS[COMP_CWORD - 1]}}\" in\n"
      "    {2}) return ;;\n"
      "  esac\n"
      "  case \"$place\" in\n",
      program.name, path_pattern(places), value_pattern(program));
  for (const Place& place : places) {
    std::vector<std::string> words;
    for (const Candidate& candidate : place.candidates) words.push_back(candidate.word);
    out += fmt::format("    \"{}\") words=\"{}\" ;;\n", place.path, fmt::join(words, " "));
  }
  return out + fmt::format(
                   "  esac\n"
                   "  COMPREPLY=($(compgen -W \"$words\" -- \"${{COMP_WORDS[COMP_CWORD]}}\"))\n"
                   "}}\n"
                   "complete -o default -F _{0} {0}\n",
                   program.name);
}

std::string zsh_completion(const CommandTree& program) {
  const auto places = places_of(program);
  std::string out = fmt::format(
      "#compdef {0}\n"
      "# zsh completion for {0}: source it, or put it into a directory of $fpath as _{0}\n"
      "_{0}() {{\n"
      "  local place=\"\" i\n"
      "  local -a candidates\n"
      "  for ((i = 2; i < CURRENT; i++)); do\n"
      "    case \"$place ${{words[i]}}\" in\n"
      "      ({1}) place=\"$place ${{words[i]}}\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"${{words[CURRENT - 1]}}\" in\n"
      "    ({2}) _files; return ;;\n"
      "  esac\n"
      "  case \"$place\" in\n",
      program.name, path_pattern(places), value_pattern(program));
  for (const Place& place : places) {
    out += fmt::format("    (\"{}\") candidates=(\n", place.path);
    for (const Candidate& candidate : place.candidates) {
      out += fmt::format("      {}\n", described(candidate));
    }
    out += "    ) ;;\n";
  }
  return out + fmt::format(
                   "  esac\n"
                   "  _describe {0} candidates\n"
                   "  _files\n"
                   "}}\n"
                   "if [[ \"${{funcstack[1]}}\" == _{0} ]]; then\n"
                   "  _{0} \"$@\"\n"
                   "else\n"
                   "  compdef _{0} {0}\n"
                   "fi\n",
                   program.name);
}

}  // namespace holdfast::agent
