// JSON web tokens: those of another implementation (python3-jwt made the texts below, secret
// "top secret", user "sensor", exp 2000000000), and what is wrong with others.
#include "inputs/json_web_token.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::inputs {
namespace {

constexpr std::string_view kSecret = "top secret";
constexpr std::int64_t kEnd = 2'000'000'000;

constexpr std::string_view kHs256 =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VybmFtZSI6InNlbnNvciIsImV4cCI6MjAwMDAwMDAwMH0"
    ".NlLps_HrLI0HObsPGgpKb8pfxVKgYS_qPn1aQId1J8g";
constexpr std::string_view kHs384 =
    "eyJhbGciOiJIUzM4NCIsInR5cCI6IkpXVCJ9.eyJ1c2VybmFtZSI6InNlbnNvciIsImV4cCI6MjAwMDAwMDAwMH0"
    ".BoPa7BJzcBZsznAyWRw7Dd6_9dpdMy28JK4EbczWQBLNv5h7dHl3bdFZVXXLFQ42";
constexpr std::string_view kHs512 =
    "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJ1c2VybmFtZSI6InNlbnNvciIsImV4cCI6MjAwMDAwMDAwMH0"
    ".7Bop7Rdzkx5mFNVLoVY6HN5IppcjfWt5w_jCZi47qtzAc_LLd_pKnNZhWfwMvvGQ8h1PFFhpbuGwoufcSnBqjQ";
constexpr std::string_view kWithoutEnd =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VybmFtZSI6InNlbnNvciJ9.DMNrjxgQiqT6pXAHM4tI6O"
    "RV71mMs51UINRpIbRDtA8";
constexpr std::string_view kFrom1900000000 =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VybmFtZSI6InNlbnNvciIsImV4cCI6MjAwMDAwMDAwMCw"
    "ibmJmIjoxOTAwMDAwMDAwfQ.LI9n17RyKPwHAUpFJQNOc8gVNbwQ6JBR7lD7kTViVRA";
constexpr std::string_view kWithoutUser =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjIwMDAwMDAwMDB9.8lg7dRo2IU5JymG6R9ZKu1jxXP"
    "YEqQFe19yRsARtit8";
constexpr std::string_view kUnsigned =
    "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJ1c2VybmFtZSI6InNlbnNvciIsImV4cCI6MjAwMDAwMDAwMH0.";

TEST(JsonWebToken, OnesOfTheThreeAlgorithmsAreTaken) {
  for (const std::string_view token : {kHs256, kHs384, kHs512}) {
    EXPECT_EQ(web_token_user(token, kSecret, kEnd - 1), "sensor") << token;
  }
}

TEST(JsonWebToken, ASecretAlmostRightIsNot) {
  EXPECT_FALSE(web_token_user(kHs256, "top secre", kEnd - 1));
  EXPECT_FALSE(web_token_user(kHs256, "top secret ", kEnd - 1));
  EXPECT_FALSE(web_token_user(kHs256, "", kEnd - 1));
}

TEST(JsonWebToken, ItsTimeIsKept) {
  EXPECT_FALSE(web_token_user(kHs256, kSecret, kEnd));
  EXPECT_FALSE(web_token_user(kWithoutEnd, kSecret, kEnd - 1));
  EXPECT_EQ(web_token_user(kFrom1900000000, kSecret, 1'900'000'000), "sensor");
  EXPECT_FALSE(web_token_user(kFrom1900000000, kSecret, 1'899'999'999));
}

TEST(JsonWebToken, OneWithoutAUserIsForNobody) {
  EXPECT_EQ(web_token_user(kWithoutUser, kSecret, kEnd - 1), "");
}

TEST(JsonWebToken, OneThatIsNotSignedIsRefused) {
  EXPECT_FALSE(web_token_user(kUnsigned, kSecret, kEnd - 1));
}

TEST(JsonWebToken, EveryChangedCharacterSpoilsIt) {
  for (std::size_t i = 0; i < kHs256.size(); ++i) {
    std::string changed(kHs256);
    changed[i] = changed[i] == 'A' ? 'Q' : 'A';
    EXPECT_FALSE(web_token_user(changed, kSecret, kEnd - 1)) << i;
    EXPECT_FALSE(web_token_user(kHs256.substr(0, i), kSecret, kEnd - 1)) << i;
  }
  EXPECT_FALSE(web_token_user(std::string(kHs256) + "AAAA", kSecret, kEnd - 1));
  EXPECT_FALSE(web_token_user(std::string(100'000, '.'), kSecret, kEnd - 1));
}

}  // namespace
}  // namespace holdfast::inputs
