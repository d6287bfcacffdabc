// Cleaning, redacting, percent-encoding; server URLs.
#include "outputs/text.h"

#include <gtest/gtest.h>

#include "outputs/url.h"

namespace holdfast::outputs {
namespace {

TEST(OneLine, BlanksAndControlCharactersBecomeOneBlank) {
  EXPECT_EQ(one_line("  a\r\n\tb\x01\x7f c \n"), "a b c");
  EXPECT_EQ(one_line(""), "");
  EXPECT_EQ(one_line(std::string_view("a\0b", 3)), "a b");
}

TEST(OneLine, BrokenUtf8IsReplaced) {
  EXPECT_EQ(one_line("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"),
            "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80");
  EXPECT_EQ(one_line("a\xff\xc0\x80z"), "a???z");   // never valid, overlong
  EXPECT_EQ(one_line("\xed\xa0\x80"), "???");       // a surrogate
  EXPECT_EQ(one_line("\xf4\x90\x80\x80"), "????");  // beyond Unicode
  EXPECT_EQ(one_line("cut\xe2\x82"), "cut??");
}

TEST(OneLine, LongTextIsCutBetweenCharacters) {
  EXPECT_EQ(one_line("1234567890", 10), "1234567890");
  EXPECT_EQ(one_line("12345678901", 10), "1234567...");
  EXPECT_EQ(one_line("123456\xc3\xbc\xc3\xbc\xc3\xbc", 10), "123456...");
  EXPECT_LE(one_line(std::string(100'000, 'x')).size(), kMaxMessage);
}

TEST(WithoutUserInfo, RemovesIt) {
  EXPECT_EQ(without_user_info("get http://u:p@host:1/x?y=a@b failed"),
            "get http://host:1/x?y=a@b failed");
  EXPECT_EQ(without_user_info("http://u:p@ss@host and https://v@h2"), "http://host and https://h2");
  EXPECT_EQ(without_user_info("no url, me@example"), "no url, me@example");
}

TEST(Redact, HidesEveryOccurrence) {
  std::string text = "u=a&p=secret and secret";
  redact("secret", text);
  redact("", text);
  EXPECT_EQ(text, "u=a&p=*** and ***");
}

TEST(Percent, EncodesWhatIsNotUnreserved) {
  EXPECT_EQ(percent_encode("Az09-._~"), "Az09-._~");
  EXPECT_EQ(percent_encode("a b&c=\"d\"/\xc3\xbc%+"), "a%20b%26c%3D%22d%22%2F%C3%BC%25%2B");
  EXPECT_EQ(percent_decode("a%20b%2F%c3%bc"), "a b/\xc3\xbc");
  EXPECT_EQ(percent_decode("50%, %zz %4"), "50%, %zz %4");
}

TEST(ServerUrl, GoodOnesAreTakenApart) {
  const auto plain = parse_server_url("http://localhost:8086");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->base, "http://localhost:8086");
  const auto full = parse_server_url("https://me:p%40ss@[::1]:9/influx/a//");
  ASSERT_TRUE(full);
  EXPECT_EQ(full->base, "https://[::1]:9/influx/a");
  EXPECT_EQ(full->username, "me");
  EXPECT_EQ(full->password, "p@ss");
  EXPECT_EQ(full->name, full->base);
  EXPECT_TRUE(parse_server_url("http://host/"));
  const auto socket = parse_server_url("unix:///run/in%20flux.sock");
  ASSERT_TRUE(socket);
  EXPECT_EQ(socket->base, "http://localhost");
  EXPECT_EQ(socket->socket, "/run/in flux.sock");
  EXPECT_EQ(socket->name, "unix:///run/in%20flux.sock");
  EXPECT_FALSE(parse_server_url("unix:///" + std::string(200, 'a')));
}

TEST(ServerUrl, WrongOnesAreShownWithoutCredentials) {
  EXPECT_EQ(shown_url("htp://h"), "htp://h");
  EXPECT_EQ(shown_url("me:hush@h:1"), "***@h:1");
  EXPECT_EQ(shown_url("http://me:hu/sh?x@h:1"), "***@h:1");
  EXPECT_EQ(shown_url("http://h:1?u=me&p=hush"), "http://h:1?***");
  EXPECT_EQ(shown_url("http://me@h:1?u=me&p=hush"), "***@h:1?***");
}

TEST(ServerUrl, OthersAreRefusedWithoutShowingThePassword) {
  for (const std::string_view text : {"",
                                      "localhost:8086",
                                      "udp://h:1",
                                      "unix://x.sock",
                                      "unix:///",
                                      "unix:///a%00b",
                                      "http://",
                                      "http:///x",
                                      "http://:80",
                                      "http://h:0",
                                      "http://h:65536",
                                      "http://h:x",
                                      "http://h:",
                                      "http://h/?a=b",
                                      "http://h/#f",
                                      "http://h /x",
                                      "http://h/a b",
                                      "http://[::1",
                                      "http://u:hush@",
                                      "http://u:hush@:1"}) {
    const auto url = parse_server_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().message.find("hush"), std::string::npos);
  }
}

TEST(QueryString, IsSortedEncodedAndLeavesOutEmptyValues) {
  EXPECT_EQ(query_string({{"rp", "a b"}, {"db", "x&y"}, {"consistency", ""}}),
            "?db=x%26y&rp=a%20b");
  EXPECT_EQ(query_string({}), "");
}

}  // namespace
}  // namespace holdfast::outputs
