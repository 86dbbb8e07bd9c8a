#include <gtest/gtest.h>

#include "core/base/error.h"
#include "google/protobuf/util/message_differencer.h"
#include "google/rpc/error_details.pb.h"
#include "server/convert/dataset.h"
#include "server/convert/network.h"
#include "server/convert/status.h"
#include "server/convert/training.h"
#include "server/resources/names.h"
#include "server/resources/request.h"

namespace trainyard::server {
namespace {

std::string FieldOf(const absl::Status& status) { return GetErrorDetails(status).field; }
std::string ReasonOf(const absl::Status& status) { return GetErrorDetails(status).reason; }

TEST(StatusTest, KeepsReasonFieldAndMetadataThroughTheWire) {
  const auto status = MakeError(absl::StatusCode::kInvalidArgument,
                                {"NOT_A_NUMBER", "data", {{"line", "3"}}}, "line 3 is wrong");
  const auto wire = ToGrpcStatus(status);
  EXPECT_EQ(wire.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  google::rpc::Status full;
  ASSERT_TRUE(full.ParseFromString(wire.error_details()));
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(full.details(0).UnpackTo(&info));
  EXPECT_EQ(info.domain(), "trainyard");
  const auto back = FromRpcStatus(full);
  EXPECT_EQ(back.message(), status.message());
  EXPECT_EQ(ReasonOf(back), "NOT_A_NUMBER");
  EXPECT_EQ(FieldOf(back), "data");
  EXPECT_EQ(GetErrorDetails(back).metadata.at("line"), "3");
}

TEST(StatusTest, AnErrorWithoutAReasonHasItsCodesName) {
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(ToRpcStatus(absl::InternalError("x")).details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "INTERNAL");
}

v1::NetworkSpec Reference() {
  v1::NetworkSpec spec;
  spec.set_input_count(784);
  for (const int units : {500, 200, 10}) spec.add_layers()->set_units(units);
  return spec;
}

TEST(NetworkTest, DefaultsAreTheNotebooks) {
  const auto spec = ToCore(Reference());
  ASSERT_TRUE(spec.ok()) << spec.status();
  for (const auto& layer : spec->layers) EXPECT_EQ(layer.activation, Activation::kSigmoid);
  EXPECT_TRUE(spec->bias);
  EXPECT_EQ(std::get<UniformInitializer>(spec->initializer).low, -0.5);
  EXPECT_EQ(std::get<UniformInitializer>(spec->initializer).high, 0.5);
  const v1::Network network = DescribeNetwork(*spec);
  EXPECT_EQ(network.parameter_count(), 494710);
  EXPECT_EQ(network.layer_shapes(1).input_count(), 500);
}

TEST(NetworkTest, CrossEntropyBringsASoftmaxOutput) {
  auto message = Reference();
  message.set_loss(v1::CROSS_ENTROPY);
  const auto spec = ToCore(message);
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->layers[0].activation, Activation::kSigmoid);
  EXPECT_EQ(spec->layers[2].activation, Activation::kSoftmax);
}

TEST(NetworkTest, WhatIsFilledInConvertsToItself) {
  const auto spec = ToCore(Reference());
  ASSERT_TRUE(spec.ok());
  const auto again = ToCore(ToProto(*spec));
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(ToProto(*spec), ToProto(*again)));
}

TEST(NetworkTest, ErrorsNameTheFieldOfTheMessage) {
  auto message = Reference();
  message.mutable_layers(1)->set_units(0);
  EXPECT_EQ(FieldOf(ToCore(message).status()), "network.spec.layers[1].units");
  message = Reference();
  message.mutable_layers(0)->set_activation(static_cast<v1::Activation>(99));
  EXPECT_EQ(FieldOf(ToCore(message).status()), "network.spec.layers[0].activation");
  message = Reference();
  message.set_seed(-1);
  EXPECT_EQ(FieldOf(ToCore(message).status()), "network.spec.seed");
}

TEST(TrainingTest, EpochsAndLearningRateAreRequired) {
  v1::TrainingJobSpec spec;
  EXPECT_EQ(FieldOf(ToCore(spec, 0).status()), "job.spec.epochs");
  spec.set_epochs(1);
  EXPECT_EQ(FieldOf(ToCore(spec, 0).status()), "job.spec.learning_rate");
  spec.set_epochs(0);
  EXPECT_TRUE(ToCore(spec, 0).ok());
}

TEST(TrainingTest, BadValuesNameTheirField) {
  v1::TrainingJobSpec good;
  good.set_epochs(1);
  good.set_learning_rate(0.1);
  ASSERT_TRUE(ToCore(good, 0).ok());
  auto bad = good;
  bad.set_learning_rate(-1);
  EXPECT_EQ(FieldOf(ToCore(bad, 0).status()), "job.spec.learning_rate");
  bad = good;
  bad.set_batch_size(-1);
  EXPECT_EQ(FieldOf(ToCore(bad, 0).status()), "job.spec.batch_size");
  bad = good;
  bad.set_epochs(-1);
  EXPECT_EQ(FieldOf(ToCore(bad, 0).status()), "job.spec.epochs");
  bad = good;
  bad.set_precision(static_cast<v1::Precision>(9));
  EXPECT_EQ(FieldOf(ToCore(bad, 0).status()), "job.spec.precision");
}

TEST(TrainingTest, DefaultsAreTheNotebooks) {
  v1::TrainingJobSpec spec;
  spec.set_epochs(1);
  spec.set_learning_rate(0.3);
  const auto request = ToCore(spec, 42);
  ASSERT_TRUE(request.ok());
  FillDefaults(*request, &spec);
  EXPECT_EQ(spec.batch_size(), 1);
  EXPECT_EQ(spec.seed(), 42);
  EXPECT_EQ(spec.precision(), v1::F32);
  EXPECT_EQ(spec.input_scaling(), v1::AUTO);
}

TEST(TrainingTest, HowToTrainIsFilledInAndConvertsToItself) {
  v1::TrainingJobSpec spec;
  spec.set_epochs(3);
  spec.set_learning_rate(0.1);
  spec.set_validation_dataset("v");
  spec.mutable_early_stopping()->set_patience(2);
  std::vector<v1::TrainingJobSpec> specs(6, spec);
  specs[1].mutable_optimizer()->mutable_momentum()->set_nesterov(true);
  specs[2].mutable_optimizer()->mutable_adam()->set_beta1(0);
  specs[3].mutable_optimizer()->mutable_adamw();
  specs[4].mutable_schedule()->mutable_step();
  specs[5].mutable_schedule()->mutable_cosine()->set_final_learning_rate(0.01);
  specs[5].mutable_schedule()->set_warmup_epochs(0.5);
  for (v1::TrainingJobSpec& filled : specs) {
    const auto first = ToCore(filled, 7);
    ASSERT_TRUE(first.ok()) << first.status();
    FillDefaults(*first, &filled);
    const auto second = ToCore(filled, 8);
    ASSERT_TRUE(second.ok()) << second.status();
    v1::TrainingJobSpec again = filled;
    FillDefaults(*second, &again);
    EXPECT_EQ(again.SerializeAsString(), filled.SerializeAsString());
  }
  EXPECT_TRUE(specs[0].optimizer().has_sgd());
  EXPECT_TRUE(specs[0].schedule().has_constant());
  EXPECT_EQ(specs[0].rng(), v1::PHILOX);
  EXPECT_EQ(specs[1].optimizer().momentum().momentum(), 0.9);
  EXPECT_EQ(specs[2].optimizer().adam().beta1(), 0);
  EXPECT_EQ(specs[2].optimizer().adam().beta2(), 0.999);
  EXPECT_EQ(specs[3].optimizer().adamw().weight_decay(), 0.01);
  EXPECT_EQ(specs[4].schedule().step().epochs_per_step(), 10);
}

TEST(TrainingTest, EarlyStoppingNeedsAValidationSet) {
  v1::TrainingJobSpec spec;
  spec.set_epochs(1);
  spec.set_learning_rate(0.1);
  spec.mutable_early_stopping()->set_patience(1);
  EXPECT_EQ(FieldOf(ToCore(spec, 0).status()), "job.spec.validation_dataset");
  spec.set_validation_dataset("v");
  spec.mutable_early_stopping()->set_patience(0);
  EXPECT_EQ(FieldOf(ToCore(spec, 0).status()), "job.spec.early_stopping.patience");
}

TEST(DatasetTest, DerivedFieldsConvertBack) {
  DatasetInfo info;
  info.rows = 7;
  info.features = 4;
  info.class_count = 2;
  info.label_histogram = {3, 4};
  info.image_height = info.image_width = 2;
  info.feature_type = FeatureType::kUint8;
  info.auto_scaling = AutoScaling::kDivideBy255;
  info.digest = "abc";
  v1::Dataset message;
  Describe(info, &message);
  const DatasetInfo back = ToInfo(message);
  EXPECT_EQ(back.rows, 7);
  EXPECT_EQ(back.label_histogram, info.label_histogram);
  EXPECT_EQ(back.image_height, 2);
  EXPECT_EQ(back.auto_scaling, AutoScaling::kDivideBy255);
}

TEST(DatasetTest, OptionsOfTheOtherTaskAreRefused) {
  v1::Dataset message;
  message.mutable_upload()->add_target_columns("y");
  EXPECT_EQ(ReasonOf(ToIngestSpec(message).status()), "NOT_A_REGRESSION");
  message.set_task(v1::REGRESSION);
  EXPECT_TRUE(ToIngestSpec(message).ok());
  message.set_class_count(3);
  EXPECT_EQ(ReasonOf(ToIngestSpec(message).status()), "NOT_A_CLASSIFICATION");
}

v1::Dataset Generated(v1::GeneratorSource::Kind kind) {
  v1::Dataset message;
  message.mutable_generator()->set_kind(kind);
  return message;
}

TEST(GeneratorTest, EveryKindHasItsTaskAndItsRows) {
  for (int number = 1; number < v1::GeneratorSource::Kind_ARRAYSIZE; ++number) {
    const auto kind = static_cast<v1::GeneratorSource::Kind>(number);
    const auto spec = ToGeneratorSpec(Generated(kind));
    ASSERT_TRUE(spec.ok()) << spec.status();
    const bool gate = kind >= v1::GeneratorSource::AND && kind <= v1::GeneratorSource::NOR;
    EXPECT_EQ(spec->rows, gate ? 4 : 1000) << kind;
    const bool real = kind >= v1::GeneratorSource::PLANE;
    EXPECT_EQ(TaskOf(spec->kind), real ? Task::kRegression : Task::kClassification) << kind;
  }
}

TEST(GeneratorTest, GaussWithRegressionIsTheOneWithHills) {
  v1::Dataset message = Generated(v1::GeneratorSource::GAUSS);
  EXPECT_EQ(ToGeneratorSpec(message)->kind, GeneratorKind::kGauss);
  message.set_task(v1::REGRESSION);
  EXPECT_EQ(ToGeneratorSpec(message)->kind, GeneratorKind::kGaussRegression);
}

TEST(GeneratorTest, ErrorsNameTheFieldOfTheMessage) {
  EXPECT_EQ(FieldOf(ToGeneratorSpec(Generated(v1::GeneratorSource::KIND_UNSPECIFIED)).status()),
            "dataset.generator.kind");
  v1::Dataset message = Generated(v1::GeneratorSource::XOR);
  message.mutable_generator()->set_row_count(5);
  EXPECT_EQ(FieldOf(ToGeneratorSpec(message).status()), "dataset.generator.row_count");
  message = Generated(v1::GeneratorSource::SPIRAL);
  message.mutable_generator()->set_noise(0.6);
  EXPECT_EQ(FieldOf(ToGeneratorSpec(message).status()), "dataset.generator.noise");
  message = Generated(v1::GeneratorSource::SPIRAL);
  message.set_task(v1::REGRESSION);
  EXPECT_EQ(FieldOf(ToGeneratorSpec(message).status()), "dataset.task");
  message = Generated(v1::GeneratorSource::PLANE);
  message.set_class_count(2);
  EXPECT_EQ(FieldOf(ToGeneratorSpec(message).status()), "dataset.class_count");
}

TEST(NamesTest, IdsAreThoseOfTheContract) {
  for (const char* good : {"a", "a1", "a-b", "mnist-train"}) EXPECT_TRUE(CheckId("id", good).ok());
  EXPECT_TRUE(CheckId("id", std::string(63, 'a')).ok());
  for (const char* bad : {"", "A", "1a", "-a", "a-", "a_b", "a.b", "a/b", "\xc3\xa4"}) {
    EXPECT_FALSE(CheckId("id", bad).ok()) << bad;
  }
  EXPECT_FALSE(CheckId("id", std::string(64, 'a')).ok());
}

TEST(NamesTest, MeIsTheCallerAndOthersAreNotThere) {
  const Caller ann{"users/ann"};
  EXPECT_EQ(*ResolveName(ann, "name", "jobs", "users/me/jobs/j"), "users/ann/jobs/j");
  EXPECT_EQ(*ResolveUser(ann, "parent", "users/ann"), "users/ann");
  EXPECT_EQ(ResolveName(ann, "name", "jobs", "users/bob/jobs/j").status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(FieldOf(ResolveName(ann, "name", "jobs", "users/me/networks/j").status()), "name");
  EXPECT_EQ(FieldOf(ResolveName(ann, "name", "jobs", "users/me/jobs/").status()), "name");
}

TEST(PageTest, SizesAndTokensAreChecked) {
  EXPECT_EQ(ParsePage(0, "")->size, 100);
  EXPECT_EQ(ParsePage(5000, "")->size, 1000);
  EXPECT_EQ(ParsePage(10, PageToken(42))->after_id, 42);
  EXPECT_EQ(FieldOf(ParsePage(-1, "").status()), "page_size");
  for (const char* bad : {"42", "p", "p-1", "px", "p1 "}) {
    EXPECT_EQ(FieldOf(ParsePage(1, bad).status()), "page_token") << bad;
  }
}

}  // namespace
}  // namespace trainyard::server
