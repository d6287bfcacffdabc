// Checking JSON web tokens: three parts in base64url, the last of them a MAC over the others.
// Nothing of the token is believed before the MAC was compared.
#include "inputs/json_web_token.h"

#include <array>

#include <gnutls/crypto.h>

#include <nlohmann/json.hpp>

namespace holdfast::inputs {
namespace {

using Json = nlohmann::json;

// More than any has: what a client sends is hashed before it is known to be good.
constexpr std::size_t kLongestToken = 8192;

int digit_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '-') return 62;
  return c == '_' ? 63 : -1;
}

// Without padding, as RFC 7515 has it.
std::optional<std::string> from_base64url(std::string_view text) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const int digit = digit_of(c);
    if (digit < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xff);
  }
  // One spelling only: what does not fill a byte is zero.
  if ((bits & ((1U << count) - 1)) != 0) return std::nullopt;
  return out;
}

std::optional<Json> json_part(std::string_view text) {
  const auto bytes = from_base64url(text);
  if (!bytes) return std::nullopt;
  Json parsed = Json::parse(*bytes, nullptr, false);
  if (!parsed.is_object()) return std::nullopt;
  return parsed;
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<double> time_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

std::optional<gnutls_mac_algorithm_t> algorithm_of(const Json& header) {
  const std::string name = text_of(header, "alg");
  if (name == "HS256") return GNUTLS_MAC_SHA256;
  if (name == "HS384") return GNUTLS_MAC_SHA384;
  if (name == "HS512") return GNUTLS_MAC_SHA512;
  return std::nullopt;
}

bool is_signed(std::string_view text, std::string_view signature, std::string_view secret,
               gnutls_mac_algorithm_t algorithm) {
  std::array<unsigned char, 64> mac{};  // of the longest of the algorithms
  const std::size_t size = gnutls_hmac_get_len(algorithm);
  if (size > mac.size() || signature.size() != size) return false;
  if (gnutls_hmac_fast(algorithm, secret.data(), secret.size(), text.data(), text.size(),
                       mac.data()) < 0) {
    return false;
  }
  return gnutls_memcmp(mac.data(), signature.data(), size) == 0;
}

bool is_current(const Json& claims, std::int64_t now_s) {
  const auto now = static_cast<double>(now_s);
  const auto end = time_of(claims, "exp");
  if (!end || *end <= now) return false;
  if (!claims.contains("nbf")) return true;
  const auto begin = time_of(claims, "nbf");
  return begin && *begin <= now;
}

}  // namespace

std::optional<std::string> web_token_user(std::string_view token, std::string_view secret,
                                          std::int64_t now_s) {
  const std::size_t first = token.find('.');
  const std::size_t last = token.rfind('.');
  if (token.size() > kLongestToken || first == std::string_view::npos || first == last) {
    return std::nullopt;
  }
  const auto header = json_part(token.substr(0, first));
  const auto signature = from_base64url(token.substr(last + 1));
  if (!header || !signature) return std::nullopt;
  const auto algorithm = algorithm_of(*header);
  if (!algorithm || !is_signed(token.substr(0, last), *signature, secret, *algorithm)) {
    return std::nullopt;
  }
  const auto claims = json_part(token.substr(first + 1, last - first - 1));
  if (!claims || !is_current(*claims, now_s)) return std::nullopt;
  return text_of(*claims, "username");
}

}  // namespace holdfast::inputs
