#include "core/base/file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <vector>

#include "core/base/error.h"
#include "tests/support/temp_folder.h"

namespace trainyard {
namespace {

std::span<const std::uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(FileWriter, WritesInOrderAndOverwrites) {
  const TempFolder folder;
  auto writer = *FileWriter::Create(folder.path() / "a");
  ASSERT_TRUE(writer->Write(AsBytes("header")).ok());
  // Larger than the buffer, then across its end.
  const std::string large(std::size_t{3} << 20, 'x');
  ASSERT_TRUE(writer->Write(AsBytes(large)).ok());
  ASSERT_TRUE(writer->Write(AsBytes("tail")).ok());
  EXPECT_EQ(writer->size(), static_cast<std::int64_t>(10 + large.size()));
  ASSERT_TRUE(writer->WriteAt(0, AsBytes("HEAD")).ok());
  ASSERT_TRUE(writer->WriteAt(writer->size() - 1, AsBytes("L")).ok());
  ASSERT_TRUE(writer->Finish().ok());
  EXPECT_EQ(ReadAll(folder.path() / "a"), "HEADer" + large + "taiL");
}

TEST(FileWriter, OverwritesNothingUnwritten) {
  const TempFolder folder;
  auto writer = *FileWriter::Create(folder.path() / "a");
  ASSERT_TRUE(writer->Write(AsBytes("abc")).ok());
  EXPECT_TRUE(absl::IsOutOfRange(writer->WriteAt(2, AsBytes("xy"))));
  EXPECT_TRUE(absl::IsOutOfRange(writer->WriteAt(-1, AsBytes("x"))));
}

TEST(FileWriter, SaysWhereThereIsNoFolder) {
  const TempFolder folder;
  const auto writer = FileWriter::Create(folder.path() / "no" / "a");
  EXPECT_TRUE(absl::IsNotFound(writer.status()));
}

TEST(FileWriter, SaysThatTheDiskIsFull) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  auto writer = FileWriter::Create("/dev/full");
  if (!writer.ok()) GTEST_SKIP() << "/dev/full cannot be written";
  ASSERT_TRUE((*writer)->Write(AsBytes("abc")).ok());
  const absl::Status status = (*writer)->Flush();
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_EQ(GetErrorDetails(status).reason, "DISK_FULL");
}

TEST(RenameNew, NeverReplaces) {
  const TempFolder folder;
  std::ofstream(folder.path() / "a") << "a";
  std::ofstream(folder.path() / "b") << "b";
  EXPECT_TRUE(absl::IsAlreadyExists(RenameNew(folder.path() / "a", folder.path() / "b")));
  EXPECT_EQ(ReadAll(folder.path() / "b"), "b");
  ASSERT_TRUE(RenameNew(folder.path() / "a", folder.path() / "c").ok());
  EXPECT_EQ(ReadAll(folder.path() / "c"), "a");
  EXPECT_TRUE(absl::IsNotFound(RenameNew(folder.path() / "a", folder.path() / "d")));
}

TEST(RenameNew, TakesFolders) {
  const TempFolder folder;
  std::filesystem::create_directory(folder.path() / "a");
  std::filesystem::create_directory(folder.path() / "b");
  EXPECT_TRUE(absl::IsAlreadyExists(RenameNew(folder.path() / "a", folder.path() / "b")));
  EXPECT_TRUE(RenameNew(folder.path() / "a", folder.path() / "c").ok());
  EXPECT_TRUE(SyncFolder(folder.path()).ok());
  EXPECT_TRUE(absl::IsNotFound(SyncFolder(folder.path() / "no")));
}

TEST(Sha256, AgreesWithFips180) {
  Sha256 abc;
  abc.Update("a");
  abc.Update(AsBytes("bc"));
  EXPECT_EQ(abc.HexDigest(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256().HexDigest(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace trainyard
