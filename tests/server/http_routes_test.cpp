#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <vector>

#include "core/base/error.h"
#include "server/http/api_descriptors.h"
#include "server/http/route_table.h"
#include "server/http/transcode.h"
#include "trainyard/v1/dataset.pb.h"
#include "trainyard/v1/evaluation.pb.h"
#include "trainyard/v1/network.pb.h"
#include "trainyard/v1/training.pb.h"

namespace trainyard::server {
namespace {

using boost::beast::http::verb;
using testing::HasSubstr;

// What is not referred to is not linked in.
const RouteTable& Routes() {
  v1::Dataset::descriptor();
  v1::Network::descriptor();
  v1::TrainingJob::descriptor();
  v1::Evaluation::descriptor();
  static const RouteTable table = RouteTable::Build({"trainyard.v1"});
  return table;
}

std::string MethodAt(verb given, std::string_view path) {
  const auto match = Routes().Find(given, path);
  return match.route == nullptr ? "" : match.route->method->name();
}

// Every method of the public protos, whether linked in here or not.
std::vector<Route> AllRoutes(const google::protobuf::DescriptorPool& pool,
                             const google::protobuf::FileDescriptorSet& files) {
  std::vector<Route> routes;
  for (const auto& proto : files.file()) {
    const auto* file = pool.FindFileByName(proto.name());
    for (int i = 0; i < file->service_count(); ++i) {
      for (int j = 0; j < file->service(i)->method_count(); ++j) {
        const auto& method = *file->service(i)->method(j);
        routes.push_back(RouteOf(method));
        EXPECT_NE(routes.back().method, nullptr) << method.full_name()
                                                 << " has no route: give its resource, or what its "
                                                    "name does not say, in route_rules.cpp";
      }
    }
  }
  return routes;
}

class AllRoutesTest : public testing::Test {
 protected:
  AllRoutesTest() {
    const std::string_view bytes = ApiDescriptors();
    files_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
    for (const auto& file : files_.file()) pool_.BuildFile(file);
  }

  google::protobuf::FileDescriptorSet files_;
  google::protobuf::DescriptorPool pool_;
};

TEST_F(AllRoutesTest, EveryPublicMethodHasOneOfItsOwn) {
  std::set<std::pair<verb, std::string>> seen;
  for (const Route& route : AllRoutes(pool_, files_)) {
    ASSERT_NE(route.method, nullptr);
    EXPECT_TRUE(seen.emplace(route.verb, route.template_path()).second) << route.template_path();
  }
  EXPECT_GE(seen.size(), 28u);
}

// A field that the request lacks would be missed at the first call only.
TEST_F(AllRoutesTest, NamesAndBodiesAreFieldsOfTheRequest) {
  google::protobuf::DynamicMessageFactory factory;
  for (const Route& route : AllRoutes(pool_, files_)) {
    ASSERT_NE(route.method, nullptr);
    const auto& type = *route.method->input_type();
    const std::unique_ptr<google::protobuf::Message> request(factory.GetPrototype(&type)->New());
    if (!route.name_field.empty()) {
      EXPECT_TRUE(SetField(*request, route.name_field, "x").ok()) << route.method->full_name();
      EXPECT_GT(route.name_segments, 0u) << route.method->full_name();
    }
    if (!route.body_field.empty() && route.body_field != "*") {
      EXPECT_NE(type.FindFieldByName(route.body_field), nullptr) << route.method->full_name();
    }
    const bool has_body = route.verb == verb::post || route.verb == verb::patch;
    EXPECT_EQ(route.body_field.empty(), !has_body || route.kind == RouteKind::kUpload)
        << route.method->full_name();
  }
}

TEST(Routes, FollowTheConvention) {
  EXPECT_EQ(MethodAt(verb::get, "/v1/users/local/jobs/j"), "GetTrainingJob");
  EXPECT_EQ(MethodAt(verb::get, "/v1/users/local/jobs"), "ListTrainingJobs");
  EXPECT_EQ(MethodAt(verb::post, "/v1/users/local/jobs"), "CreateTrainingJob");
  EXPECT_EQ(MethodAt(verb::delete_, "/v1/users/local/jobs/j"), "DeleteTrainingJob");
  EXPECT_EQ(MethodAt(verb::post, "/v1/users/local/jobs/j:cancel"), "CancelTrainingJob");
  EXPECT_EQ(MethodAt(verb::post, "/v1/users/local/jobs/j:fork"), "ForkTrainingJob");
  EXPECT_EQ(MethodAt(verb::get, "/v1/users/local/jobs/j:watch"), "WatchTrainingJob");
  EXPECT_EQ(MethodAt(verb::get, "/v1/users/me/jobs:watch"), "WatchTrainingJobs");
  EXPECT_EQ(MethodAt(verb::get, "/v1/users/me/datasets/d:preview"), "PreviewDataset");
  EXPECT_EQ(MethodAt(verb::get, "/v1/users/me/jobs/j/evaluations/e"), "GetEvaluation");
  EXPECT_EQ(MethodAt(verb::put, "/v1/users/me/datasets/d:write"), "WriteDataset");
  EXPECT_EQ(MethodAt(verb::post, "/v1/users/me/datasets/d:write"), "WriteDataset");
}

TEST(Routes, ExceptionsAreWhereTheyAreSaidToBe) {
  EXPECT_EQ(MethodAt(verb::post, "/v1/users/me/jobs/j:predict"), "Predict");
  EXPECT_EQ(MethodAt(verb::get, "/v1/users/me/jobs/j/events"), "ListTrainingEvents");
  const std::string evaluation = "/v1/users/me/jobs/j/evaluations/e";
  EXPECT_EQ(MethodAt(verb::get, evaluation + "/confusionMatrix"), "GetConfusionMatrix");
  EXPECT_EQ(MethodAt(verb::get, evaluation + "/misclassified"), "ListMisclassified");
}

TEST(Routes, TakeTheNameOutOfThePath) {
  const auto match = Routes().Find(verb::get, "/v1/users/a%2Db/jobs/j/events");
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.name, "users/a-b/jobs/j");
}

TEST(Routes, AnotherVerbIsToldApartFromNoPath) {
  EXPECT_THAT(Routes().Find(verb::put, "/v1/users/me/jobs").allowed,
              testing::UnorderedElementsAre(verb::get, verb::post));
  for (const char* path : {"/v1/users/me/jobs/", "/v1/users/me/jobs/a%2fb", "/v1/users//jobs",
                           "/v1/users/me/jobs/%zz", "/v1/users/me/jobs/j:", "/v2/users/me/jobs"}) {
    const auto match = Routes().Find(verb::get, path);
    EXPECT_EQ(match.route, nullptr) << path;
    EXPECT_TRUE(match.allowed.empty()) << path;
  }
}

template <typename Request>
absl::StatusOr<Request> Requested(verb given, std::string_view path, const Query& query,
                                  std::string_view body = "") {
  const auto match = Routes().Find(given, path);
  auto request = ToRequest(*match.route, match.name, query, body);
  if (!request.ok()) return request.status();
  return dynamic_cast<const Request&>(**request);
}

TEST(Transcode, PutsPathQueryAndBodyTogether) {
  const auto request = Requested<v1::CreateTrainingJobRequest>(
      verb::post, "/v1/users/me/jobs", {{"job_id", "j"}, {"validateOnly", "true"}},
      R"({"spec": {"epochs": 3, "learningRate": 0.5}})");
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->parent(), "users/me");
  EXPECT_EQ(request->job_id(), "j");
  EXPECT_TRUE(request->validate_only());
  EXPECT_EQ(request->job().spec().epochs(), 3);
}

TEST(Transcode, ThePathWinsOverTheBody) {
  const auto request = Requested<v1::ForkTrainingJobRequest>(
      verb::post, "/v1/users/me/jobs/j:fork", {},
      R"({"name": "users/x/jobs/other", "updateMask": "learningRate", "jobId": "k"})");
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->name(), "users/me/jobs/j");
  EXPECT_EQ(request->update_mask().paths(0), "learning_rate");
}

TEST(Transcode, ParametersMayRepeatNestAndBeMasks) {
  v1::WatchTrainingJobsRequest watch;
  EXPECT_TRUE(SetField(watch, "names", "a").ok());
  EXPECT_TRUE(SetField(watch, "names", "b").ok());
  EXPECT_EQ(watch.names_size(), 2);
  v1::ForkTrainingJobRequest fork;
  EXPECT_TRUE(SetField(fork, "update_mask", "epochs,learningRate").ok());
  EXPECT_EQ(fork.update_mask().paths_size(), 2);
  EXPECT_TRUE(SetField(fork, "spec.learning_rate", "0.25").ok());
  EXPECT_EQ(fork.spec().learning_rate(), 0.25);
  EXPECT_TRUE(SetField(fork, "spec.precision", "F64").ok());
  EXPECT_EQ(fork.spec().precision(), v1::F64);
}

TEST(Transcode, WhatIsWrongIsNamed) {
  v1::ForkTrainingJobRequest fork;
  for (const char* path : {"epoc", "spec.nix", "name.x", "spec."}) {
    const auto status = SetField(fork, path, "1");
    EXPECT_EQ(GetErrorDetails(status).reason, "UNKNOWN_PARAMETER") << path;
    EXPECT_EQ(GetErrorDetails(status).field, path);
  }
  EXPECT_THAT(SetField(fork, "epoch", "1.5").message(), HasSubstr("whole number"));
  EXPECT_THAT(SetField(fork, "validate_only", "yes").message(), HasSubstr("true or false"));
  EXPECT_THAT(SetField(fork, "spec.precision", "F16").message(), HasSubstr("F32"));
  const auto json = Requested<v1::CreateTrainingJobRequest>(verb::post, "/v1/users/me/jobs", {},
                                                            R"({"spec": {"epoch": 3}})");
  EXPECT_EQ(GetErrorDetails(json.status()).reason, "MALFORMED_JSON");
  EXPECT_THAT(json.status().message(), HasSubstr("epoch"));
  EXPECT_EQ(GetErrorDetails(json.status()).field, "job.spec.epoch");
  const auto fraction = Requested<v1::CreateTrainingJobRequest>(verb::post, "/v1/users/me/jobs", {},
                                                                R"({"spec": {"epochs": 1.5}})");
  EXPECT_EQ(GetErrorDetails(fraction.status()).field, "job.spec.epochs");
  EXPECT_EQ(fraction.status().message(), "epochs takes a whole number of 32 bits, not 1.5");
  const auto body =
      Requested<v1::GetTrainingJobRequest>(verb::get, "/v1/users/me/jobs/j", {}, "{}");
  EXPECT_EQ(GetErrorDetails(body.status()).reason, "UNEXPECTED_BODY");
}

TEST(Transcode, JsonIsTheCommandLines) {
  v1::Dataset dataset;
  dataset.set_name("users/me/datasets/d");
  const std::string json = ToJson(dataset);
  EXPECT_THAT(json, HasSubstr("\"rowCount\":\"0\""));
  EXPECT_THAT(json, HasSubstr("\"state\":\"STATE_UNSPECIFIED\""));
}

}  // namespace
}  // namespace trainyard::server
