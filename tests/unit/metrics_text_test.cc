#include "fs/client/metrics_text.h"

#include <gtest/gtest.h>

#include <thread>

namespace granary {
namespace {

using std::chrono::microseconds;

TEST(Histogram, CountsInBucketsThatDouble) {
  Histogram histogram;
  for (const int micros : {0, 1, 2, 3, 4, 1000}) histogram.observe(microseconds(micros));
  histogram.observe(std::chrono::hours(1));
  const auto seen = histogram.snapshot();
  EXPECT_EQ(seen.buckets[0], 2U);                   // up to 1 µs
  EXPECT_EQ(seen.buckets[1], 1U);                   // 2
  EXPECT_EQ(seen.buckets[2], 2U);                   // 3, 4
  EXPECT_EQ(seen.buckets[10], 1U);                  // 1,000 ≤ 1,024
  EXPECT_EQ(seen.buckets[Histogram::kBounds], 1U);  // an hour
  EXPECT_EQ(seen.count(), 7U);
  EXPECT_NEAR(seen.sum_seconds, 3600.00101, 1e-6);
  EXPECT_DOUBLE_EQ(seen.quantile_seconds(0.5), 4e-6);
}

TEST(Histogram, ManyThreadsLoseNothing) {
  Histogram histogram;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 10'000; ++n) histogram.observe(microseconds(n));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(histogram.snapshot().count(), 40'000U);
}

TEST(MetricsText, EscapesLabelsAndKeepsFamiliesTogether) {
  MetricsText text(MetricLabels{{"mount", "/a \"b\"\\c\n"}});
  text.counter("granary_reads_total", "Reads.");
  text.sample(3);
  text.gauge("granary_up", "Whether.");
  text.sample(0.5, {{"state", "ü"}});
  EXPECT_EQ(text.take(),
            "# HELP granary_reads_total Reads.\n# TYPE granary_reads_total counter\n"
            "granary_reads_total{mount=\"/a \\\"b\\\"\\\\x5cc\\\\x0a\"} 3\n"
            "# HELP granary_up Whether.\n# TYPE granary_up gauge\n"
            "granary_up{mount=\"/a \\\"b\\\"\\\\x5cc\\\\x0a\",state=\"ü\"} 0.5\n");
}

TEST(MetricsText, AHistogramAddsUp) {
  Histogram histogram;
  histogram.observe(microseconds(3));
  histogram.observe(std::chrono::hours(1));
  MetricsText text(MetricLabels{});
  text.histogram("granary_x_seconds", "X.");
  text.sample(histogram.snapshot());
  const std::string out = text.take();
  EXPECT_NE(out.find("granary_x_seconds_bucket{le=\"1e-06\"} 0\n"), std::string::npos) << out;
  EXPECT_NE(out.find("granary_x_seconds_bucket{le=\"4e-06\"} 1\n"), std::string::npos) << out;
  EXPECT_NE(out.find("granary_x_seconds_bucket{le=\"+Inf\"} 2\n"), std::string::npos) << out;
  EXPECT_NE(out.find("granary_x_seconds_count 2\n"), std::string::npos) << out;
}

TEST(MetricsText, TextsOfSeveralMountsBecomeOne) {
  const std::string merged =
      merged_metrics({"# HELP a A.\n# TYPE a gauge\na{m=\"1\"} 1\n",
                      "# HELP b B.\n# TYPE b gauge\nb 5\n# HELP a A.\n# TYPE a gauge\na{m=\"2\"} 2\n", "nonsense\n"});
  EXPECT_EQ(merged, "# HELP a A.\n# TYPE a gauge\na{m=\"1\"} 1\na{m=\"2\"} 2\n# HELP b B.\n# TYPE b gauge\nb 5\n");
  EXPECT_EQ(merged_metrics({merged}), merged);
}

}  // namespace
}  // namespace granary
