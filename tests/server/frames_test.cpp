#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <future>
#include <thread>
#include <vector>

#include "server/frames/frame.h"
#include "server/serving/frame_channel.h"
#include "server/worker/frame_socket.h"
#include "tests/support/temp_folder.h"

namespace trainyard::server {
namespace {

using ::testing::ElementsAre;

class FramesTest : public ::testing::Test {
 protected:
  FramesTest() {
    std::array<int, 2> pair{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
    near_ = Descriptor(pair[0]);
    far_ = Descriptor(pair[1]);
  }

  // Sends and receives in turn until all frames have come.
  std::vector<Frame> Carry(std::vector<OutgoingFrame> frames) {
    FrameReader reader(far_.get());
    std::vector<Frame> received;
    const auto take = [&](Frame frame) { received.push_back(std::move(frame)); };
    for (OutgoingFrame& frame : frames) {
      while (true) {
        const auto sent = SendSome(near_.get(), frame);
        EXPECT_TRUE(sent.ok());
        EXPECT_TRUE(reader.Read(take));
        if (*sent) break;
      }
    }
    return received;
  }

  static OutgoingFrame Of(std::uint64_t id, const std::string& key,
                          std::span<const std::uint8_t> body) {
    OutgoingFrame frame;
    frame.header.kind = FrameKind::kInfer;
    frame.header.id = id;
    frame.key = key;
    frame.body = body;
    return frame;
  }

  Descriptor near_;
  Descriptor far_;
};

TEST_F(FramesTest, ComeInOrderWhateverTheirSize) {
  std::vector<std::uint8_t> large(5 << 20);
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<std::uint8_t>(i * 7);
  const std::vector<std::uint8_t> small = {1, 2, 3};
  std::vector<OutgoingFrame> frames;
  frames.push_back(Of(1, "a", small));
  frames.push_back(Of(2, std::string(5000, 'k'), large));
  frames.push_back(Of(3, "", {}));
  frames.push_back(Of(4, "b", small));
  const auto received = Carry(std::move(frames));
  ASSERT_EQ(received.size(), 4);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(received[i].header.id, i + 1);
  EXPECT_EQ(received[1].key, std::string(5000, 'k'));
  EXPECT_TRUE(std::ranges::equal(received[1].bytes(), large));
  EXPECT_THAT(received[3].bytes(), ElementsAre(1, 2, 3));
}

TEST_F(FramesTest, AFileComesWithTheFrameThatItBelongsTo) {
  const Descriptor file(::memfd_create("test", MFD_CLOEXEC));
  ASSERT_EQ(::write(file.get(), "content", 7), 7);
  std::vector<OutgoingFrame> frames;
  frames.push_back(Of(1, "", {}));
  frames.push_back(Of(2, "", {}));
  frames.back().file = file.get();
  frames.push_back(Of(3, "", {}));
  const auto received = Carry(std::move(frames));
  ASSERT_EQ(received.size(), 3);
  EXPECT_FALSE(received[0].file.is_open());
  EXPECT_FALSE(received[2].file.is_open());
  std::array<char, 8> content{};
  EXPECT_EQ(::pread(received[1].file.get(), content.data(), 8, 0), 7);
  EXPECT_STREQ(content.data(), "content");
}

TEST_F(FramesTest, WhatIsNoFrameEndsTheStream) {
  const std::vector<std::uint8_t> garbage(200, 0xff);
  ASSERT_EQ(::write(near_.get(), garbage.data(), garbage.size()), 200);
  FrameReader reader(far_.get());
  EXPECT_FALSE(reader.Read([](const Frame&) { FAIL() << "a frame"; }));
}

TEST_F(FramesTest, AnEndedStreamIsSeenAtBothEnds) {
  far_ = Descriptor();
  OutgoingFrame frame = Of(1, "", {});
  EXPECT_TRUE(absl::IsUnavailable(SendSome(near_.get(), frame).status()));
  FrameReader reader(near_.get());
  EXPECT_FALSE(reader.Read([](const Frame&) {}));
}

class FrameChannelTest : public ::testing::Test {
 protected:
  FrameChannelTest() : channel_(*FrameChannel::Listen(path())) {}
  std::filesystem::path path() const { return folder_.path() / "s"; }

  std::future<absl::StatusOr<Frame>> Send(std::span<const std::uint8_t> body) {
    auto promise = std::make_shared<std::promise<absl::StatusOr<Frame>>>();
    OutgoingFrame frame;
    frame.header.kind = FrameKind::kInfer;
    frame.body = body;
    channel_->Send(std::move(frame), [promise](absl::StatusOr<Frame> answer) {
      promise->set_value(std::move(answer));
    });
    return promise->get_future();
  }

  // Answers `count` requests with their own bodies, the last first.
  static void Echo(FrameSocket& socket, std::size_t count) {
    std::vector<Frame> requests;
    while (requests.size() < count) {
      ASSERT_TRUE(socket.Read(-1, [&](Frame one) { requests.push_back(std::move(one)); }));
    }
    for (auto one = requests.rbegin(); one != requests.rend(); ++one) {
      OutgoingFrame answer;
      answer.header.kind = FrameKind::kAnswer;
      answer.header.id = one->header.id;
      answer.body = one->bytes();
      socket.Send(std::move(answer));
    }
  }

  TempFolder folder_;
  std::unique_ptr<FrameChannel> channel_;
};

TEST_F(FrameChannelTest, AnswersFindTheirRequestsInAnyOrder) {
  const std::vector<std::uint8_t> large(3 << 20, 9);
  const std::vector<std::uint8_t> small = {4};
  // One waits for the worker.
  auto first = Send(small);
  FrameSocket socket(path());
  ASSERT_TRUE(socket.is_open());
  auto second = Send(large);
  auto third = Send({});
  Echo(socket, 3);
  EXPECT_THAT(first.get()->bytes(), ElementsAre(4));
  EXPECT_TRUE(std::ranges::equal(second.get()->bytes(), large));
  EXPECT_TRUE(third.get()->bytes().empty());
}

TEST_F(FrameChannelTest, WhatWaitsHearsThatTheWorkerIsGone) {
  auto early = Send({});
  {
    FrameSocket socket(path());
    auto late = Send({});
  }
  EXPECT_TRUE(absl::IsUnavailable(early.get().status()));
  // And another worker takes its place.
  FrameSocket socket(path());
  auto next = Send({});
  Echo(socket, 1);
  EXPECT_TRUE(next.get().ok());
}

TEST_F(FrameChannelTest, DisconnectAnswersWithItsReason) {
  auto waiting = Send({});
  channel_->Disconnect(absl::AbortedError("enough"));
  EXPECT_TRUE(absl::IsAborted(waiting.get().status()));
}

TEST_F(FrameChannelTest, TooManyAreRefusedAtOnce) {
  std::vector<std::future<absl::StatusOr<Frame>>> waiting;
  for (int i = 0; i < 4096; ++i) waiting.push_back(Send({}));
  EXPECT_TRUE(absl::IsResourceExhausted(Send({}).get().status()));
  channel_.reset();
  for (auto& one : waiting) EXPECT_TRUE(absl::IsUnavailable(one.get().status()));
}

}  // namespace
}  // namespace trainyard::server
