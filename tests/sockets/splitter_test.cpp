// Where messages end, for each framing, whatever pieces the bytes come in.
#include "inputs/sockets/splitter.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::test {
namespace {

using sockets::Reading;
using sockets::StreamEnd;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Texts = std::vector<std::string>;

struct Result {
  Texts messages;
  Texts errors;
  bool broken = false;
};

Result split(const sockets::Framing& framing, std::string_view stream, std::size_t piece,
             std::size_t max_message_bytes = 20, StreamEnd why = StreamEnd::kClosed) {
  Result result;
  sockets::Splitter splitter(framing, max_message_bytes);
  const auto on_message = [&](std::string_view text) { result.messages.emplace_back(text); };
  const auto on_error = [&](const base::Error& error) { result.errors.push_back(error.message); };
  for (std::size_t at = 0; at < stream.size() && !result.broken; at += piece) {
    result.broken =
        splitter.feed(stream.substr(at, piece), on_message, on_error) == Reading::kBroken;
  }
  if (!result.broken) splitter.finish(why, on_message, on_error);
  return result;
}

// The same, in pieces of every size.
Result split_all_ways(const std::unique_ptr<sockets::Framing>& framing, std::string_view stream) {
  const Result whole = split(*framing, stream, stream.size());
  for (std::size_t piece = 1; piece < stream.size(); ++piece) {
    const Result pieces = split(*framing, stream, piece);
    EXPECT_EQ(pieces.messages, whole.messages) << "in pieces of " << piece;
    EXPECT_EQ(pieces.errors.size(), whole.errors.size()) << "in pieces of " << piece;
    EXPECT_EQ(pieces.broken, whole.broken) << "in pieces of " << piece;
  }
  return whole;
}

const std::string kLong(21, 'x');

TEST(Splitter, Newlines) {
  const auto lines = sockets::make_delimiter_framing("\n");
  EXPECT_THAT(split_all_ways(lines, "one\ntwo\r\n\n\r\nthree").messages,
              ElementsAre("one", "two", "three"));
  const Result with_long = split_all_ways(lines, "a\n" + kLong + "\nb\n" + kLong + kLong + "\nc");
  EXPECT_THAT(with_long.messages, ElementsAre("a", "b", "c"));
  EXPECT_EQ(with_long.errors.size(), 2U);
  EXPECT_THAT(with_long.errors[0], HasSubstr("more than 20 bytes"));
}

TEST(Splitter, TheLongestMessageThatFits) {
  const auto lines = sockets::make_delimiter_framing("\n");
  const std::string fits(20, 'y');
  EXPECT_THAT(split_all_ways(lines, fits + "\n" + fits).messages, ElementsAre(fits, fits));
}

TEST(Splitter, DelimitersOfSeveralBytes) {
  const auto framing = sockets::make_delimiter_framing("aab");
  EXPECT_THAT(split_all_ways(framing, "1aab2aaab3aa").messages, ElementsAre("1", "2a", "3aa"));
  EXPECT_THAT(split_all_ways(framing, kLong + kLong + "aaab4").messages, ElementsAre("4"));
}

TEST(Splitter, TheLastMessageMayNotBeLongerEither) {
  const auto framing = sockets::make_delimiter_framing("aab");
  const Result result = split_all_ways(framing, std::string(22, 'x'));
  EXPECT_THAT(result.messages, IsEmpty());
  EXPECT_EQ(result.errors.size(), 1U);
}

TEST(Splitter, FixedLength) {
  const auto framing = sockets::make_fixed_framing(3);
  const Result result = split_all_ways(framing, "abcdefg");
  EXPECT_THAT(result.messages, ElementsAre("abc", "def"));
  EXPECT_THAT(result.errors, ElementsAre(HasSubstr("within a message, of which 1 bytes")));
}

TEST(Splitter, LengthFields) {
  // Two bytes of something, then the length, then one more byte of header.
  const auto big = sockets::make_length_framing({2, 2, false, 5});
  using namespace std::string_literals;
  EXPECT_THAT(split_all_ways(big, "hh\0\3-abchh\0\1-x"s).messages, ElementsAre("abc", "x"));
  const auto little = sockets::make_length_framing({0, 3, true, 3});
  EXPECT_THAT(split_all_ways(little, "\4\0\0wxyz\0\0\0\1\0\0!"s).messages,
              ElementsAre("wxyz", "!"));
  // Without a length of the header it is a part of the message, and counted.
  const auto whole = sockets::make_length_framing({0, 1, false, 0});
  EXPECT_THAT(split_all_ways(whole, "\4abc\2x"s).messages, ElementsAre("\4abc", "\2x"));
}

TEST(Splitter, LengthsOfTooLongMessagesAreSkipped) {
  const auto framing = sockets::make_length_framing({0, 1, false, 1});
  const Result result = split_all_ways(framing, "\x15" + kLong + "\2ok");
  EXPECT_THAT(result.messages, ElementsAre("ok"));
  EXPECT_EQ(result.errors.size(), 1U);
}

TEST(Splitter, AnImpossibleLengthBreaksTheStream) {
  using namespace std::string_literals;
  const Result large =
      split_all_ways(sockets::make_length_framing({0, 8, false, 8}), "\xff\0\0\0\0\0\0\0abc"s);
  EXPECT_TRUE(large.broken);
  EXPECT_THAT(large.errors, ElementsAre(HasSubstr("cannot be split")));
  EXPECT_TRUE(split_all_ways(sockets::make_length_framing({0, 2, false, 0}), "\0\1abc"s).broken);
}

TEST(Splitter, OctetCounting) {
  const auto framing = sockets::make_octet_counting();
  EXPECT_THAT(split_all_ways(framing, "3 a\nb2 cd\n10 0123456789\n").messages,
              ElementsAre("a\nb", "cd", "0123456789"));
  const Result with_long = split_all_ways(framing, "21 " + kLong + "1 a");
  EXPECT_THAT(with_long.messages, ElementsAre("a"));
  EXPECT_EQ(with_long.errors.size(), 1U);
}

TEST(Splitter, WhatIsNoCountBreaksTheStream) {
  for (const char* text :
       {"<13>hello", "x", "12x", "0 ", "12345678901 x", "99999999999999999999"}) {
    const Result result = split_all_ways(sockets::make_octet_counting(), text);
    EXPECT_TRUE(result.broken) << text;
    EXPECT_THAT(result.errors, ElementsAre(HasSubstr("octet-counting"))) << text;
  }
}

TEST(Splitter, ABrokenStreamGivesNothingOfItsLastMessage) {
  const auto lines = sockets::make_delimiter_framing("\n");
  const Result result = split(*lines, "one\ntw", 3, 20, StreamEnd::kBroken);
  EXPECT_THAT(result.messages, ElementsAre("one"));
  EXPECT_EQ(result.errors.size(), 1U);
  EXPECT_THAT(split(*lines, "one\n", 3, 20, StreamEnd::kBroken).errors, IsEmpty());
}

TEST(Splitter, SaysWhetherAMessageIsUnfinished) {
  const auto lines = sockets::make_delimiter_framing("\n");
  sockets::Splitter splitter(*lines, 5);
  const auto feed = [&](std::string_view bytes) {
    return splitter.feed(
        bytes, [](std::string_view) {}, [](const base::Error&) {});
  };
  EXPECT_EQ(feed("ab"), Reading::kWaiting);
  EXPECT_EQ(feed("c\nd"), Reading::kProgress);
  EXPECT_EQ(feed("e"), Reading::kWaiting);
  EXPECT_EQ(feed("fghijk"), Reading::kWaiting);
  EXPECT_EQ(feed("l"), Reading::kWaiting);
  EXPECT_EQ(feed("\n"), Reading::kProgress);
  EXPECT_EQ(feed("\n"), Reading::kProgress);
}

}  // namespace
}  // namespace holdfast::test
