// What clients of a listener may do with their connections.
#include "tests/inputs/listener_fixture.h"

namespace holdfast::inputs {

const InputPlugin& influxdb_listener_plugin();

namespace {

class ListenerHttpTest : public ListenerTest {
 protected:
  ListenerHttpTest() : ListenerTest(influxdb_listener_plugin()) {}
};

TEST_F(ListenerHttpTest, ConnectionsBeyondTheLimitWait) {
  start("max_connections = 1");
  auto first = connect();
  EXPECT_EQ(first.ask(get("/ping")).status, 204);
  auto second = connect();
  second.send(get("/ping"));
  EXPECT_EQ(first.ask(get("/ping")).status, 204);
  EXPECT_EQ(second.available(), 0U);
  first.close();
  EXPECT_EQ(second.read_answer().status, 204);
}

TEST_F(ListenerHttpTest, PipelinedAndChunkedWritesAreAnsweredInTheirOrder) {
  start();
  auto client = connect();
  client.send(post("/write", "a v=1 1\n") + post("/write", "bad\n") +
              "POST /write HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
              "4\r\nb v=\r\n6\r\n2i 2\n\n\r\n0\r\n\r\n" +
              get("/ping"));
  EXPECT_EQ(client.read_answer().status, 204);
  EXPECT_EQ(client.read_answer().status, 400);
  EXPECT_EQ(client.read_answer().status, 204);
  EXPECT_EQ(client.read_answer().header("X-Influxdb-Version"), "1.0");
  EXPECT_EQ(sink_.text(), "a v=1 1\nb v=2i 2\n");
}

TEST_F(ListenerHttpTest, AClientThatWaitsForContinueGetsIt) {
  start();
  auto client = connect();
  client.send(
      "POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_answer().status, 100);
  client.send("a v=1 1\n");
  EXPECT_EQ(client.read_answer().status, 204);
}

}  // namespace
}  // namespace holdfast::inputs
