// The gateway's parts that decide without a connection.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/beast/http/fields.hpp>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "server/convert/status.h"
#include "server/http/asset_response.h"
#include "server/http/origin_policy.h"
#include "server/http/response.h"
#include "server/http/session.h"
#include "server/http/sse.h"
#include "server/http/transcode.h"
#include "trainyard/v1/training.pb.h"

namespace trainyard::server {
namespace {

namespace bhttp = boost::beast::http;
using bhttp::field;
using bhttp::verb;
using testing::HasSubstr;
using testing::Not;

v1::WatchTrainingJobResponse EventOf(std::int64_t sequence) {
  v1::WatchTrainingJobResponse response;
  response.mutable_event()->set_sequence(sequence);
  return response;
}

TEST(Sse, AnEventHasItsSequenceAsId) {
  const std::string frame = SseEvent(EventOf(7));
  EXPECT_THAT(frame, testing::StartsWith("id: 7\nevent: event\ndata: {"));
  EXPECT_THAT(frame, testing::EndsWith("}\n\n"));
}

TEST(Sse, ABookmarkMovesTheCursorAndProgressDoesNot) {
  v1::WatchTrainingJobResponse bookmark;
  bookmark.mutable_bookmark()->set_sequence(3);
  EXPECT_THAT(SseEvent(bookmark), testing::StartsWith("id: 3\nevent: bookmark\n"));
  v1::WatchTrainingJobResponse progress;
  progress.mutable_progress()->set_epoch(2);
  EXPECT_THAT(SseEvent(progress), testing::StartsWith("event: progress\n"));
}

TEST(Sse, AStreamOfManyJobsHasItsCursorAsId) {
  v1::WatchTrainingJobsResponse response;
  response.mutable_event()->mutable_event()->set_sequence(1);
  response.set_cursor("c42");
  EXPECT_THAT(SseEvent(response), testing::StartsWith("id: c42\nevent: event\n"));
}

TEST(Sse, TextOfManyLinesStaysOnOne) {
  auto message = EventOf(1);
  message.mutable_event()->mutable_warning()->set_message("one\ntwo\r\n\nthree");
  const std::string frame = SseEvent(message);
  EXPECT_EQ(std::count(frame.begin(), frame.end(), '\n'), 4) << frame;
  EXPECT_THAT(frame, Not(HasSubstr("\r")));
}

TEST(Sse, TheEndAndAnErrorAreEvents) {
  EXPECT_EQ(SseEnding(grpc::Status::OK), "event: end\ndata: {}\n\n");
  const std::string error = SseEnding({grpc::StatusCode::NOT_FOUND, "gone"});
  EXPECT_THAT(error, testing::StartsWith("event: error\ndata: {\"error\":"));
  EXPECT_THAT(error, HasSubstr("\"code\":404"));
}

TEST(Sse, TheSameBytesAreMadeIntoOneFrame) {
  SseFrames frames;
  const auto& type = *v1::WatchTrainingJobResponse::descriptor();
  const auto first = frames.Get(type, ToBytes(EventOf(1)));
  EXPECT_EQ(frames.Get(type, ToBytes(EventOf(1))), first);
  EXPECT_NE(frames.Get(type, ToBytes(EventOf(2))), first);
}

TEST(Sse, LastEventIdWinsOverTheQuery) {
  const RouteTable table = RouteTable::Build({"trainyard.v1"});
  const auto* one = table.Find(verb::get, "/v1/users/me/jobs/j:watch").route;
  Query query{{"after_sequence", "3"}, {"afterSequence", "2"}, {"progress", "true"}};
  ResumeFrom(*one, "9", query);
  EXPECT_EQ(query, (Query{{"progress", "true"}, {"after_sequence", "9"}}));
  const auto* many = table.Find(verb::get, "/v1/users/me/jobs:watch").route;
  Query cursor{{"cursor", "c1"}};
  ResumeFrom(*many, "c5", cursor);
  EXPECT_EQ(cursor, (Query{{"cursor", "c5"}}));
}

bhttp::fields Fields(std::initializer_list<std::pair<const char*, const char*>> pairs) {
  bhttp::fields fields;
  for (const auto& [name, value] : pairs) fields.set(name, value);
  return fields;
}

TEST(Origin, ASingleUsersServerIsCalledByItsOwnNamesOnly) {
  const OriginPolicy policy({true, false, "127.0.0.1", {}});
  for (const char* host :
       {"localhost", "localhost:80", "127.0.0.1:7701", "[::1]:7701", "LOCALHOST"}) {
    EXPECT_TRUE(policy.Check(verb::get, Fields({{"Host", host}}), false).ok()) << host;
  }
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.nip.io", ""}) {
    EXPECT_FALSE(policy.Check(verb::get, Fields({{"Host", host}}), false).ok()) << host;
  }
  const OriginPolicy with_logins({false, true, "0.0.0.0", {}});
  EXPECT_TRUE(with_logins.Check(verb::get, Fields({{"Host", "lab.example"}}), false).ok());
}

TEST(Origin, OnlyOurPagesChangeAnything) {
  const OriginPolicy policy({true, false, "127.0.0.1", {"https://board.example"}});
  const auto check = [&](const char* origin) {
    return policy.Check(verb::post, Fields({{"Host", "localhost:7"}, {"Origin", origin}}), false)
        .ok();
  };
  EXPECT_TRUE(check("http://localhost:7"));
  EXPECT_TRUE(check("https://board.example"));
  EXPECT_FALSE(check("http://localhost:8"));
  EXPECT_FALSE(check("https://board.example.evil"));
  EXPECT_FALSE(check("null"));
  EXPECT_FALSE(check("localhost:7"));
}

TEST(Origin, ACookieAloneChangesNothing) {
  const OriginPolicy policy({false, true, "0.0.0.0", {}});
  const auto check = [&](bool by_cookie,
                         std::initializer_list<std::pair<const char*, const char*>> f) {
    auto fields = Fields(f);
    fields.set(field::host, "lab.example");
    return policy.Check(verb::delete_, fields, by_cookie).ok();
  };
  EXPECT_FALSE(check(true, {}));
  EXPECT_TRUE(check(false, {}));
  EXPECT_TRUE(check(true, {{"Sec-Fetch-Site", "same-origin"}}));
  EXPECT_FALSE(check(true, {{"Sec-Fetch-Site", "cross-site"}}));
  EXPECT_FALSE(check(true, {{"Sec-Fetch-Site", "same-site"}}));
  EXPECT_TRUE(check(true, {{"Origin", "https://lab.example"}}));
  EXPECT_FALSE(check(true, {{"Origin", "http://lab.example"}}));
}

TEST(Origin, PagesOfOthersReadNothing) {
  const OriginPolicy none({true, false, "127.0.0.1", {}});
  EXPECT_TRUE(none.CorsHeaders(Fields({{"Origin", "https://board.example"}})).empty());
  EXPECT_FALSE(none.Preflight(Fields({{"Origin", "https://board.example"}})).has_value());
  const OriginPolicy one({true, false, "127.0.0.1", {"https://board.example"}});
  EXPECT_THAT(
      one.CorsHeaders(Fields({{"Origin", "https://board.example"}})),
      testing::Contains(testing::Pair("Access-Control-Allow-Origin", "https://board.example")));
  EXPECT_THAT(one.CorsHeaders(Fields({{"Origin", "https://other.example"}})),
              testing::ElementsAre(testing::Pair("Vary", "Origin")));
  EXPECT_TRUE(one.Preflight(Fields({{"Origin", "https://board.example"}})).has_value());
}

TEST(Session, TheHeaderWinsOverTheCookie) {
  const auto both =
      CredentialsOf(Fields({{"Authorization", "Bearer a"}, {"Cookie", "trainyard_session=b"}}));
  EXPECT_EQ(both.authorization, "Bearer a");
  EXPECT_FALSE(both.by_cookie);
  const auto cookie = CredentialsOf(Fields({{"Cookie", "x=1; trainyard_session=ty_b-2; y=3"}}));
  EXPECT_EQ(cookie.authorization, "Bearer ty_b-2");
  EXPECT_TRUE(cookie.by_cookie);
  EXPECT_EQ(CredentialsOf(Fields({{"Cookie", "trainyard_session="}})).authorization, "");
}

TEST(Session, TheCookieIsOutOfReach) {
  const std::string cookie = SessionCookie("t", true);
  for (const char* part : {"HttpOnly", "SameSite=Strict", "Path=/", "Secure"}) {
    EXPECT_THAT(cookie, HasSubstr(part));
  }
  EXPECT_THAT(SessionCookie("t", false), Not(HasSubstr("Secure")));
  for (const char* body :
       {"", "{}", R"({"token": 3})", R"({"token": "a; Path=/x"})", R"({"token":""})"}) {
    EXPECT_FALSE(TokenIn(body).ok()) << body;
  }
  EXPECT_EQ(*TokenIn(R"({"token": "abc"})"), "abc");
}

TEST(Errors, HaveGooglesForm) {
  const auto response = ErrorResponse(FieldError("spec.epochs", "TOO_MANY", "too many"));
  EXPECT_EQ(response.status, bhttp::status::bad_request);
  const auto json = nlohmann::json::parse(response.body)["error"];
  EXPECT_EQ(json["code"], 400);
  EXPECT_EQ(json["status"], "INVALID_ARGUMENT");
  EXPECT_EQ(json["message"], "too many");
  EXPECT_EQ(json["details"][0]["reason"], "TOO_MANY");
  EXPECT_EQ(json["details"][1]["fieldViolations"][0]["field"], "spec.epochs");
}

TEST(Errors, QuoteWhatIsNoText) {
  const auto response = ErrorResponse(grpc::Status(grpc::StatusCode::NOT_FOUND, "\xff\xfe"));
  EXPECT_EQ(nlohmann::json::parse(response.body)["error"]["code"], 404);
}

TEST(Page, IsServedFromTheBinary) {
  const Assets assets = EmbeddedAssets();
  ASSERT_EQ(assets.count(), 2u);
  const Asset* page = assets.Find("/");
  ASSERT_NE(page, nullptr);
  EXPECT_THAT(std::string(page->bytes), testing::StartsWith("<!doctype html>"));
  EXPECT_EQ(page->content_type, "text/html; charset=utf-8");
  EXPECT_EQ(assets.Find("/index.html"), nullptr);
  EXPECT_EQ(assets.Find("/assets/../index.html"), nullptr);
  const auto response = AssetResponse(*page, Fields({}));
  EXPECT_THAT(response.headers, testing::Contains(testing::Pair("Cache-Control", "no-cache")));
  EXPECT_THAT(response.headers, testing::Contains(testing::Pair("Content-Security-Policy",
                                                                HasSubstr("script-src 'self'"))));
}

TEST(Page, HashedNamesAreKeptAndCompressed) {
  const Asset* script = EmbeddedAssets().Find("/assets/app-0a1b2c3d.js");
  ASSERT_NE(script, nullptr);
  const auto whole = AssetResponse(*script, Fields({}));
  EXPECT_THAT(whole.body, HasSubstr("console.log"));
  EXPECT_THAT(whole.headers,
              testing::Contains(testing::Pair("Cache-Control", HasSubstr("immutable"))));
  const auto packed = AssetResponse(*script, Fields({{"Accept-Encoding", "br, gzip"}}));
  EXPECT_LT(packed.body.size(), whole.body.size());
  EXPECT_THAT(packed.body, testing::StartsWith("\x1f\x8b"));
  for (const char* no : {"br, gzip;q=0", "x-gzip", "gzip; Q=0.000"}) {
    EXPECT_EQ(AssetResponse(*script, Fields({{"Accept-Encoding", no}})).body, whole.body) << no;
  }
  EXPECT_EQ(AssetResponse(*script, Fields({{"Accept-Encoding", "gzip;q=0.5"}})).body, packed.body);
  const std::string weak = "W/" + std::string(script->etag);
  EXPECT_THAT(packed.headers, testing::Contains(testing::Pair("ETag", weak)));
  const auto known = AssetResponse(*script, Fields({{"If-None-Match", weak.c_str()}}));
  EXPECT_EQ(known.status, bhttp::status::not_modified);
  EXPECT_TRUE(known.body.empty());
}

}  // namespace
}  // namespace trainyard::server
