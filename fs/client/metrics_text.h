// MetricsText: figures in Prometheus' text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/):
// families, each with its HELP and TYPE once and all its samples after them. Single-threaded.
// `merged_metrics` makes one such text of those of several mounts.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "fs/base/histogram.h"

namespace granary {

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

class MetricsText {
 public:
  // On every sample.
  explicit MetricsText(MetricLabels common) : common_(std::move(common)) {}

  // What follows belongs to this family, until the next. Names of counters end in "_total".
  void counter(const std::string& name, const std::string& help) { begin(name, help, "counter"); }
  void gauge(const std::string& name, const std::string& help) { begin(name, help, "gauge"); }
  void histogram(const std::string& name, const std::string& help) { begin(name, help, "histogram"); }

  void sample(double value, const MetricLabels& labels = {});
  void sample(const Histogram::Snapshot& value, const MetricLabels& labels = {});

  std::string take() { return std::move(text_); }

 private:
  void begin(const std::string& name, const std::string& help, const char* type);
  void line(const std::string& suffix, const MetricLabels& labels, const std::string& value);

  const MetricLabels common_;
  std::string family_;
  std::string text_;
};

// Families of the same name become one, in order of first appearance; what is no metric is left out.
std::string merged_metrics(const std::vector<std::string>& texts);

}  // namespace granary
