#include "client/lib/names.h"

#include <gmock/gmock.h>

namespace trainyard::client {
namespace {

TEST(Names, BareIdsAreTheCallers) {
  EXPECT_EQ(FullName("jobs", "j"), "users/me/jobs/j");
  EXPECT_EQ(FullName("jobs", "users/ada/jobs/j"), "users/ada/jobs/j");
  EXPECT_EQ(BareId("users/ada/jobs/j"), "j");
  EXPECT_EQ(BareId("j"), "j");
}

TEST(Names, EvaluationsAreNamedWithTheirJob) {
  EXPECT_EQ(EvaluationName("j/e"), "users/me/jobs/j/evaluations/e");
  EXPECT_EQ(EvaluationName("jobs/j/evaluations/e"), "users/me/jobs/j/evaluations/e");
  EXPECT_EQ(EvaluationName("users/a/jobs/j/evaluations/e"), "users/a/jobs/j/evaluations/e");
}

TEST(Names, RequestIdsAreVersion4Uuids) {
  const std::string id = NewRequestId();
  EXPECT_THAT(id,
              testing::MatchesRegex("[0-9a-f]+-[0-9a-f]+-4[0-9a-f]+-[89ab][0-9a-f]+-[0-9a-f]+"));
  EXPECT_EQ(id.size(), 36u);
  EXPECT_NE(id, NewRequestId());
}

}  // namespace
}  // namespace trainyard::client
