#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "inference/inference.pb.h"
#include "server/auth/guess_limits.h"
#include "server/auth/policy.h"
#include "server/auth/secret.h"
#include "server/auth/usage_limits.h"
#include "server/convert/peer.h"
#include "trainyard/v1/dataset.pb.h"
#include "trainyard/v1/evaluation.pb.h"
#include "trainyard/v1/network.pb.h"
#include "trainyard/v1/training.pb.h"

namespace trainyard::server {
namespace {

using google::protobuf::FileDescriptor;

// Methods of Triton's that are in no table: nobody may call them.
bool IsRefused(const std::string& method) {
  return method.starts_with("GRPCInferenceService.") && RuleNamed(method) == nullptr;
}

std::set<std::string> AllMethods() {
  std::set<std::string> methods;
  for (const FileDescriptor* file : {v1::CreateDatasetRequest::descriptor()->file(),
                                     v1::CreateNetworkRequest::descriptor()->file(),
                                     v1::CreateTrainingJobRequest::descriptor()->file(),
                                     v1::CreateEvaluationRequest::descriptor()->file(),
                                     v1::JoinClassRequest::descriptor()->file(),
                                     inference::ModelInferRequest::descriptor()->file()}) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        methods.insert(file->service(s)->name() + "." + file->service(s)->method(m)->name());
      }
    }
  }
  return methods;
}

TEST(Policy, HasALineForEachMethodAndNoOther) {
  std::set<std::string> methods = AllMethods();
  std::erase_if(methods, IsRefused);
  std::set<std::string> ruled;
  for (const Rule& rule : PolicyTable()) {
    EXPECT_TRUE(ruled.emplace(rule.method).second) << rule.method << " has two lines";
  }
  EXPECT_EQ(ruled, methods);
}

TEST(Policy, WhatChangesSomethingIsMarked) {
  for (const Rule& rule : PolicyTable()) {
    const std::string_view name = rule.method.substr(rule.method.find('.') + 1);
    bool reads = false;
    for (const std::string_view verb :
         {"Get", "List", "Watch", "Preview", "Predict", "Read", "Model", "Server", "Repository"}) {
      reads = reads || name.starts_with(verb);
    }
    EXPECT_EQ(rule.writes, !reads) << rule.method;
  }
}

TEST(Policy, SaysNoToWhatItDoesNotKnow) {
  EXPECT_EQ(RuleFor(*v1::User::descriptor()), nullptr);
  EXPECT_EQ(RuleNamed("AdminService.NoSuchMethod"), nullptr);
}

TEST(Policy, RolesMayWhatTheirAccessSays) {
  EXPECT_TRUE(RoleMay(Access::kOwn, v1::STUDENT));
  EXPECT_FALSE(RoleMay(Access::kStaff, v1::STUDENT));
  EXPECT_TRUE(RoleMay(Access::kStaff, v1::INSTRUCTOR));
  EXPECT_FALSE(RoleMay(Access::kAdmin, v1::INSTRUCTOR));
  EXPECT_TRUE(RoleMay(Access::kAdmin, v1::ADMIN));
}

TEST(Secret, TellsAMistypedTokenFromAWrongOne) {
  const NewSecret token = MakeToken();
  EXPECT_EQ(TokenId(token.text), token.id);
  EXPECT_NE(MakeToken().text, token.text);
  for (std::size_t i = 0; i < token.text.size(); ++i) {
    std::string mistyped = token.text;
    mistyped[i] = mistyped[i] == 'q' ? 'r' : 'q';
    EXPECT_FALSE(TokenId(mistyped)) << i;
  }
  EXPECT_FALSE(TokenId(token.text.substr(0, token.text.size() - 1)));
  EXPECT_FALSE(TokenId(""));
}

TEST(Secret, CodesAreReadAloud) {
  const std::string code = MakeCode();
  EXPECT_EQ(code.size(), 14U);
  EXPECT_EQ(NormalizeCode(code), code);
  EXPECT_EQ(NormalizeCode("ABCD efgh-2345"), "abcd-efgh-2345");
}

TEST(Secret, HashesAreComparedWhole) {
  EXPECT_TRUE(EqualHashes(HashSecret("a"), HashSecret("a")));
  EXPECT_FALSE(EqualHashes(HashSecret("a"), HashSecret("b")));
  EXPECT_FALSE(EqualHashes(HashSecret("a"), ""));
}

TEST(UsageLimits, ABucketHoldsFourSecondsOfCalls) {
  UsageLimits limits;
  v1::Quota quota;
  quota.set_calls_per_second(10);
  int taken = 0;
  while (limits.TakeCall("users/a", quota, 0).ok()) ++taken;
  EXPECT_EQ(taken, 40);
  EXPECT_TRUE(limits.TakeCall("users/b", quota, 0).ok());
  const auto status = limits.TakeCall("users/a", quota, 0.05);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  const auto details = GetErrorDetails(status);
  EXPECT_EQ(details.metadata.at("quota"), "calls_per_second");
  EXPECT_NEAR(std::stod(details.metadata.at("retry_seconds")), 0.05, 1e-9);
  EXPECT_TRUE(limits.TakeCall("users/a", quota, 0.1).ok());
}

TEST(UsageLimits, TransfersLeaveThreadsForOthersAndForOtherCalls) {
  UsageLimits limits;
  std::vector<std::shared_ptr<void>> open;
  const auto take = [&](const std::string& user) {
    auto one = limits.OpenTransfer(user);
    if (one.ok()) open.push_back(*one);
    return one.status();
  };
  for (int i = 0; i < kTransfersOfUser; ++i) EXPECT_TRUE(take("users/a").ok());
  EXPECT_EQ(GetErrorDetails(take("users/a")).metadata.at("quota"), "transfers");
  EXPECT_TRUE(take("users/b").ok());
  for (int i = 0; static_cast<int>(open.size()) < kTransfers; ++i) {
    ASSERT_TRUE(take("users/c" + std::to_string(i)).ok());
  }
  const auto busy = take("users/d");
  EXPECT_EQ(busy.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(GetErrorDetails(busy).reason, "SERVER_BUSY");
  open.front().reset();
  EXPECT_TRUE(take("users/a").ok());
}

TEST(UsageLimits, AStreamCountsAsLongAsItLives) {
  v1::Quota quota;
  quota.set_streams(1);
  std::shared_ptr<void> outliving;
  {
    UsageLimits limits;
    {
      auto first = limits.OpenStream("users/a", quota);
      ASSERT_TRUE(first.ok());
      EXPECT_EQ(limits.StreamsOf("users/a"), 1);
      EXPECT_FALSE(limits.OpenStream("users/a", quota).ok());
    }
    auto second = limits.OpenStream("users/a", quota);
    ASSERT_TRUE(second.ok());
    outliving = *std::move(second);
  }
  outliving.reset();
}

TEST(GuessLimits, AddressesAreThoseOfPeersAndThisMachineHasNone) {
  EXPECT_EQ(AddressOf("ipv4:192.0.2.1:5000"), "192.0.2.1");
  EXPECT_EQ(AddressOf("ipv4:127.0.0.1:5000"), "");
  EXPECT_EQ(AddressOf("ipv6:%5B::1%5D:5000"), "");
  EXPECT_EQ(AddressOf("ipv6:[::ffff:192.0.2.1]:5000"), "192.0.2.1");
  EXPECT_EQ(AddressOf("ipv6:%5B2001:db8::1%5D:5000"), AddressOf("ipv6:%5B2001:db8::2%5D:6000"));
  EXPECT_NE(AddressOf("ipv6:[2001:db8::1]:5000"), AddressOf("ipv6:[2001:db9::1]:5000"));
}

TEST(GuessLimits, OnlyWhatIsNotGivenBackCounts) {
  GuessLimits limits;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(limits.Take("right", 0).ok());
    limits.GiveBack("right");
    ASSERT_TRUE(limits.Take("", 0).ok()) << "this machine";
  }
  int wrong = 0;
  while (limits.Take("wrong", 0).ok()) ++wrong;
  EXPECT_EQ(wrong, GuessLimits::kAtOnce);
  const auto status = limits.Take("wrong", 0);
  EXPECT_EQ(GetErrorDetails(status).reason, "TOO_MANY_GUESSES");
  EXPECT_TRUE(limits.Take("other", 0).ok());
  EXPECT_FALSE(limits.Take("wrong", 1).ok());
  EXPECT_TRUE(limits.Take("wrong", 2).ok());
}

TEST(GuessLimits, ManyAddressesShareOneBucket) {
  GuessLimits limits;
  int taken = 0;
  for (int i = 0; i < 20'000; ++i) taken += limits.Take(std::to_string(i), 0).ok() ? 1 : 0;
  EXPECT_EQ(taken, 10'060);
  EXPECT_TRUE(limits.Take("new", 1000).ok()) << "the others are forgotten";
}

}  // namespace
}  // namespace trainyard::server
