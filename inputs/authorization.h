// Which requests a listener takes: what their header Authorization must say.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::inputs {

// Immutable, thread-safe. Secrets are compared in a time that does not depend on how much of them
// is right.
class Authorization {
 public:
  // Everybody may.
  Authorization() = default;
  // `Basic base64(user:password)` (RFC 7617) or `Token user:password` (InfluxDB 1.8).
  [[nodiscard]] static Authorization password(const std::string& user, const std::string& password);
  // `Token token` (InfluxDB 2) or `Bearer token` (RFC 6750).
  [[nodiscard]] static Authorization token(const std::string& token);
  // `Bearer <JSON web token>`, signed with the secret and for this user (json_web_token.h); an
  // empty user name: for anybody.
  [[nodiscard]] static Authorization web_token(const std::string& secret, const std::string& user);

  // `header`: the value of Authorization, empty if absent; `now_s`: seconds since 1970.
  [[nodiscard]] bool accept(std::string_view header, std::int64_t now_s) const;
  // The value of WWW-Authenticate in a 401.
  [[nodiscard]] std::string_view challenge() const;

 private:
  enum class Kind { kNone, kPassword, kToken, kWebToken };
  Authorization(Kind kind, std::string secret, std::string other)
      : kind_(kind), secret_(std::move(secret)), other_(std::move(other)) {}

  Kind kind_ = Kind::kNone;
  std::string secret_;  // "user:password", the token, the shared secret
  std::string other_;   // its base64; nothing; the user name
};

}  // namespace holdfast::inputs
