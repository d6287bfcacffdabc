// See authorization.h.
#include "inputs/authorization.h"

#include <algorithm>
#include <utility>

#include "agent/base/codes.h"
#include "inputs/json_web_token.h"

namespace holdfast::inputs {
namespace {

// Takes as long for a nearly right text as for a wrong one of the same length.
bool same_secret(std::string_view given, std::string_view expected) {
  unsigned difference = given.size() == expected.size() ? 0 : 1;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const char c = i < given.size() ? given[i] : '\0';
    difference |= static_cast<unsigned>(c) ^ static_cast<unsigned>(expected[i]);
  }
  return difference == 0;
}

struct Credentials {
  std::string scheme;  // in lower case
  std::string_view value;
};

Credentials split(std::string_view header) {
  const std::size_t blank = std::min(header.find(' '), header.size());
  Credentials out{std::string(header.substr(0, blank)), header.substr(blank)};
  for (char& c : out.scheme) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  out.value.remove_prefix(std::min(out.value.find_first_not_of(' '), out.value.size()));
  return out;
}

}  // namespace

Authorization Authorization::password(const std::string& user, const std::string& password) {
  const std::string both = user + ":" + password;
  return {Kind::kPassword, both, base::base64(both)};
}

Authorization Authorization::token(const std::string& token) { return {Kind::kToken, token, ""}; }

Authorization Authorization::web_token(const std::string& secret, const std::string& user) {
  return {Kind::kWebToken, secret, user};
}

bool Authorization::accept(std::string_view header, std::int64_t now_s) const {
  if (kind_ == Kind::kNone) return true;
  const auto [scheme, value] = split(header);
  if (kind_ == Kind::kPassword) {
    if (scheme == "basic") return same_secret(value, other_);
    return scheme == "token" && same_secret(value, secret_);
  }
  if (kind_ == Kind::kToken) {
    return (scheme == "token" || scheme == "bearer") && same_secret(value, secret_);
  }
  if (scheme != "bearer") return false;
  const auto user = web_token_user(value, secret_, now_s);
  return user && (other_.empty() || *user == other_);
}

std::string_view Authorization::challenge() const {
  switch (kind_) {
    case Kind::kToken:
      return "Token realm=\"holdfast\"";
    case Kind::kWebToken:
      return "Bearer realm=\"holdfast\"";
    default:
      return "Basic realm=\"holdfast\"";
  }
}

}  // namespace holdfast::inputs
