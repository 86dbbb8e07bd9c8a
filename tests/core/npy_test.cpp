#include "core/data/npy.h"

#include <gtest/gtest.h>

#include "core/base/error.h"

namespace trainyard {
namespace {

std::vector<std::uint8_t> File(const std::string& dict, char major = 1) {
  const std::string prefix("\x93NUMPY", 6);
  const auto size = static_cast<char>(dict.size());
  std::string file = prefix + std::string{major, 0, size, 0};
  if (major == 2) file += std::string(2, '\0');
  file += dict;
  return {file.begin(), file.end()};
}

std::span<const std::uint8_t> FrontOf(const std::string& text, std::size_t size) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), size};
}

std::string ReasonOf(const std::vector<std::uint8_t>& file) {
  return GetErrorDetails(ParseNpyHeader(file).status()).reason;
}

TEST(Npy, ReadsWhatItWrites) {
  const std::vector<std::int64_t> shape = {60000, 784};
  const std::string header = MakeNpyHeader("|u1", shape);
  ASSERT_EQ(header.size(), static_cast<std::size_t>(kNpyHeaderBytes));
  const auto read = ParseNpyHeader(FrontOf(header, header.size()));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->descr(), "|u1");
  EXPECT_EQ(read->shape, shape);
  EXPECT_EQ(read->data_offset, kNpyHeaderBytes);
  EXPECT_FALSE(read->fortran_order);
}

TEST(Npy, ReadsBothVersionsAnyOrderOfKeysAndBothQuotes) {
  for (const char major : {1, 2}) {
    const auto read =
        ParseNpyHeader(File("{\"shape\": (3,), 'descr': '>f8', 'fortran_order': True}\n", major));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->byte_order, '>');
    EXPECT_EQ(read->kind, 'f');
    EXPECT_EQ(read->item_bytes, 8);
    EXPECT_TRUE(read->fortran_order);
    EXPECT_EQ(read->shape, std::vector<std::int64_t>{3});
  }
}

TEST(Npy, RefusesMalformedHeaders) {
  for (const char* dict :
       {"  ", "{ ", "{}", "{'descr': '<f4'}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': 3}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-3,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (3,)}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'more': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)} x",
        "{'descr': '<f4' 'fortran_order': False, 'shape': (3,)}",
        "{'descr': 'f', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': 'f4x', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '|f4', 'fortran_order': False, 'shape': (3,)}"}) {
    EXPECT_EQ(ReasonOf(File(std::string(dict) + "\n\n")), "NPY_HEADER_INVALID") << dict;
  }
  EXPECT_EQ(ReasonOf(File("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,)}")),
            "NPY_TYPE_UNSUPPORTED");
  EXPECT_EQ(ReasonOf(File("{}", 3)), "NPY_VERSION_UNSUPPORTED");
  EXPECT_EQ(ReasonOf({}), "NPY_WRONG_MAGIC");
}

TEST(Npy, RefusesEveryTruncation) {
  const std::string header = MakeNpyHeader("<f4", std::vector<std::int64_t>{2, 3});
  for (std::size_t size = 0; size < header.size(); ++size) {
    EXPECT_FALSE(ParseNpyHeader(FrontOf(header, size)).ok());
  }
}

}  // namespace
}  // namespace trainyard
