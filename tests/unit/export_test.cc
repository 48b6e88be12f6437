// Exporting: which formats there are, and how large a disk becomes.
#include <gtest/gtest.h>

#include "builder/export/disk_exporter.h"
#include "builder/export/exporter.h"

namespace granary {
namespace {

TEST(Exporters, AreFoundByNameAndTheNearestIsSuggested) {
  for (const std::string& format : export_formats()) EXPECT_TRUE(exporter_for(format)) << format;
  const auto unknown = exporter_for("qcow");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::kInvalid);
  EXPECT_NE(unknown.error().message.find("did you mean \"qcow2\"?"), std::string::npos) << unknown.error().message;
}

TEST(Exporters, OnlyTarsStream) {
  for (const std::string& format : export_formats())
    EXPECT_EQ((*exporter_for(format))->can_stream(), format.starts_with("tar")) << format;
}

TEST(DiskNeeds, LeaveRoomToWorkInAndComeInWholeSteps) {
  constexpr uint64_t kMiB = uint64_t{1} << 20;
  for (const uint64_t blocks : {0u, 1000u, 100'000u, 2'000'000u}) {
    const DiskNeeds needs{blocks, blocks / 4 + 1, 0};
    EXPECT_GE(needs.least_bytes(), blocks * 4096 + 16 * kMiB);
    EXPECT_GE(needs.usual_bytes(), needs.least_bytes() + 256 * kMiB);
    EXPECT_GE(needs.usual_bytes(), needs.least_bytes() / 4 * 5);
    EXPECT_EQ(needs.usual_bytes() % (64 * kMiB), 0u);
  }
}

}  // namespace
}  // namespace granary
