#include "fs/client/metrics_text.h"

#include <cmath>
#include <cstdio>
#include <map>
#include <sstream>

#include "fs/base/bytes.h"

namespace granary {

namespace {
// Every second bound of ours: a text has to travel, and a factor of four tells enough.
constexpr size_t kBoundsApart = 2;

std::string number_text(double value) {
  char text[40];
  const bool is_whole = std::abs(value) < 9e15 && value == std::floor(value);
  std::snprintf(text, sizeof text, is_whole ? "%.0f" : "%.9g", value);
  return text;
}

std::string escaped(const std::string& value) {
  std::string out;
  for (const char c : printable(value)) {  // valid UTF-8 without line breaks
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}
}  // namespace

void MetricsText::begin(const std::string& name, const std::string& help, const char* type) {
  family_ = name;
  text_ += str("# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n");
}

void MetricsText::line(const std::string& suffix, const MetricLabels& labels, const std::string& value) {
  text_ += family_ + suffix;
  char before = '{';
  for (const MetricLabels* list : {&common_, &labels}) {
    for (const auto& [name, content] : *list) {
      text_ += str(before, name, "=\"", escaped(content), "\"");
      before = ',';
    }
  }
  text_ += str(before == ',' ? "} " : " ", value, "\n");
}

void MetricsText::sample(double value, const MetricLabels& labels) { line("", labels, number_text(value)); }

void MetricsText::sample(const Histogram::Snapshot& value, const MetricLabels& labels) {
  MetricLabels with_bound = labels;
  with_bound.emplace_back("le", "");
  uint64_t so_far = 0;
  for (size_t i = 0; i < Histogram::kBounds; ++i) {
    so_far += value.buckets[i];
    if (i % kBoundsApart != 0) continue;
    with_bound.back().second = number_text(Histogram::bound_seconds(i));
    line("_bucket", with_bound, std::to_string(so_far));
  }
  with_bound.back().second = "+Inf";
  const std::string count = std::to_string(value.count());
  line("_bucket", with_bound, count);
  line("_sum", labels, number_text(value.sum_seconds));
  line("_count", labels, count);
}

std::string merged_metrics(const std::vector<std::string>& texts) {
  struct Family {
    std::string head;
    std::string samples;
  };
  std::map<std::string, Family> families;
  std::vector<std::string> order;
  for (const std::string& text : texts) {
    Family* family = nullptr;
    bool is_new = false;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      const bool begins = line.starts_with("# HELP ");
      if (begins) {
        const std::string name = line.substr(7, line.find(' ', 7) - 7);
        const auto [place, added] = families.try_emplace(name);
        if (added) order.push_back(name);
        family = &place->second;
        is_new = added;
      }
      if (family == nullptr || line.empty()) continue;
      if (line[0] != '#') family->samples += line + "\n";
      if (line[0] == '#' && is_new) family->head += line + "\n";
    }
  }
  std::string out;
  for (const std::string& name : order) out += families[name].head + families[name].samples;
  return out;
}

}  // namespace granary
