#include "outputs/server_choice.h"

#include <gtest/gtest.h>

namespace holdfast::outputs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Order = std::vector<std::size_t>;

constexpr base::BootTime kStart{seconds(100)};

TEST(ServerChoice, ThePreferredOneComesFirst) {
  const ServerChoice choice(3);
  EXPECT_EQ(choice.order(kStart), (Order{0, 1, 2}));
  EXPECT_FALSE(choice.shortest_wait(kStart));
}

TEST(ServerChoice, TheOneThatWorksIsKeptForAMinuteThenTheBetterOneIsTried) {
  ServerChoice choice(3);
  choice.failed(0, kStart);
  EXPECT_TRUE(choice.worked(1));
  EXPECT_FALSE(choice.worked(1));
  EXPECT_EQ(choice.order(kStart), (Order{1, 2, 0}));
  EXPECT_EQ(choice.order(kStart + seconds(60) - milliseconds(1)), (Order{1, 2, 0}));
  EXPECT_EQ(choice.order(kStart + seconds(60)), (Order{0, 1, 2}));
  EXPECT_TRUE(choice.worked(0));
  EXPECT_EQ(choice.order(kStart + seconds(60)), (Order{0, 1, 2}));
}

TEST(ServerChoice, EachBetterOneHasAMinuteOfItsOwn) {
  ServerChoice choice(3);
  choice.failed(0, kStart);
  choice.failed(1, kStart + seconds(30));
  (void)choice.worked(2);
  EXPECT_EQ(choice.order(kStart + seconds(59)), (Order{2, 0, 1}));
  EXPECT_EQ(choice.order(kStart + seconds(60)), (Order{0, 2, 1}));
  EXPECT_EQ(choice.order(kStart + seconds(90)), (Order{0, 1, 2}));
}

TEST(ServerChoice, NobodyIsAskedDuringHisWait) {
  ServerChoice choice(2);
  choice.asked_for_wait(0, kStart + seconds(300));
  EXPECT_EQ(choice.order(kStart), (Order{1}));
  EXPECT_EQ(choice.shortest_wait(kStart), seconds(300));
  (void)choice.worked(1);
  EXPECT_EQ(choice.order(kStart + seconds(299)), (Order{1}));
  EXPECT_EQ(choice.order(kStart + seconds(300)), (Order{0, 1}));
  choice.asked_for_wait(1, kStart + seconds(20));
  EXPECT_EQ(choice.order(kStart), Order{});
  EXPECT_EQ(choice.shortest_wait(kStart + seconds(5)), seconds(15));
  EXPECT_EQ(choice.shortest_wait(kStart + seconds(20)), seconds(280));
}

}  // namespace
}  // namespace holdfast::outputs
