#include "core/base/error.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace trainyard {
namespace {

TEST(Error, KeepsItsDetailsWhateverTheyHold) {
  const ErrorDetails details{
      .reason = "NOT_A_NUMBER",
      .field = "layers[1].units",
      .metadata = {{"line", "17"}, {"", ""}, {"value", std::string("3:a\0\n5:", 7)}}};
  const absl::Status status =
      MakeError(absl::StatusCode::kInvalidArgument, details, "line 17 is wrong");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "line 17 is wrong");
  const ErrorDetails read = GetErrorDetails(status);
  EXPECT_EQ(read.reason, details.reason);
  EXPECT_EQ(read.field, details.field);
  EXPECT_EQ(read.metadata, details.metadata);
}

TEST(Error, OfOthersHasNoDetails) {
  EXPECT_EQ(GetErrorDetails(absl::InternalError("x")).reason, "");
  absl::Status forged = absl::InternalError("x");
  for (const char* payload : {"", "99:a", "1:", "x", "1:a1:b1:c", "18446744073709551615:a"}) {
    forged.SetPayload("trainyard.error_details", absl::Cord(payload));
    EXPECT_EQ(GetErrorDetails(forged).reason, "") << payload;
  }
}

TEST(Error, OfFieldIsInvalidArgument) {
  const absl::Status status = FieldError("rows", "ROWS_OUT_OF_RANGE", "rows is 0");
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_EQ(GetErrorDetails(status).field, "rows");
}

TEST(Error, OfFullDiskIsResourceExhausted) {
  for (const int number : {ENOSPC, EDQUOT}) {
    const absl::Status status = SystemError(number, "write", "/data/x");
    EXPECT_TRUE(absl::IsResourceExhausted(status));
    EXPECT_EQ(GetErrorDetails(status).reason, "DISK_FULL");
    EXPECT_EQ(GetErrorDetails(status).metadata.at("path"), "/data/x");
  }
  EXPECT_TRUE(absl::IsNotFound(SystemError(ENOENT, "open", "x")));
  EXPECT_TRUE(absl::IsAlreadyExists(SystemError(EEXIST, "rename to", "x")));
}

}  // namespace
}  // namespace trainyard
