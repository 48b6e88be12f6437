#include "server/touched_ranges.h"

#include <algorithm>
#include <unordered_set>

#include "server/packer.h"

namespace granary {

namespace {

// A run of a file's bytes that lies in one slice, and is touched as a whole or not at all.
struct Run {
  Slice slice;
  bool touched;
};

std::vector<Run> runs_of(const TouchedFile& file) {
  std::vector<Run> runs;
  auto range = file.ranges.begin();
  uint64_t at = 0;  // in the file
  for (const Slice& slice : file.slices) {
    for (uint64_t done = 0; done < slice.length_bytes;) {
      while (range != file.ranges.end() && range->offset_bytes + range->length_bytes <= at) ++range;
      const bool touched = range != file.ranges.end() && range->offset_bytes <= at;
      const uint64_t until = range == file.ranges.end() ? UINT64_MAX
                             : touched                  ? range->offset_bytes + range->length_bytes
                                                        : range->offset_bytes;
      const uint64_t length = std::min(slice.length_bytes - done, until - at);
      const uint64_t offset = slice.is_hole() ? 0 : slice.offset_bytes + done;
      runs.push_back({{slice.object, offset, length}, touched && !slice.is_hole()});
      done += length;
      at += length;
    }
  }
  return runs;
}

// Fills packs; a run's place is known once its pack is full.
class RangePacker {
 public:
  RangePacker(ObjectReader& objects, ObjectWriter& writer) : objects_(objects), writer_(writer) {}

  // `into` gets the run's new slices, at the latest with `finish`; it stays where it is until then.
  Status add(const Slice& run, std::vector<Slice>& into) {
    if (run.object != source_) {
      source_bytes_ = TRY(objects_.read(run.object));
      source_ = run.object;
    }
    if (run.offset_bytes + run.length_bytes > source_bytes_->size())
      return Error{Code::kCorrupt, str("object ", run.object.brief(), " is shorter than its slice")};
    for (uint64_t done = 0; done < run.length_bytes;) {
      const uint64_t length = std::min<uint64_t>(run.length_bytes - done, kPackBytes - pack_.size());
      place(length, into);
      pack_.append(*source_bytes_, run.offset_bytes + done, length);
      done += length;
      if (pack_.size() == kPackBytes) TRY(finish());
    }
    return Done{};
  }

  Status finish() {
    if (pack_.empty()) return Done{};
    const ObjectId id = TRY(writer_.write(std::exchange(pack_, {})));
    for (const Place& place : places_) (*place.slices)[place.index].object = id;
    places_.clear();
    return Done{};
  }

 private:
  struct Place {
    std::vector<Slice>* slices;
    size_t index;
  };

  void place(uint64_t length_bytes, std::vector<Slice>& into) {
    const bool goes_on = !places_.empty() && places_.back().slices == &into && places_.back().index + 1 == into.size();
    if (goes_on) {
      into.back().length_bytes += length_bytes;
      return;
    }
    places_.push_back({&into, into.size()});
    into.push_back({{}, pack_.size(), length_bytes});
  }

  ObjectReader& objects_;
  ObjectWriter& writer_;
  ObjectId source_;
  SharedBytes source_bytes_;
  Bytes pack_;
  std::vector<Place> places_;  // in pack_
};

bool lie_together(const std::vector<std::vector<Run>>& files) {
  std::unordered_set<ObjectId> objects;
  uint64_t bytes = 0;
  for (const auto& runs : files) {
    for (const Run& run : runs) {
      if (!run.touched) continue;
      objects.insert(run.slice.object);
      bytes += run.slice.length_bytes;
    }
  }
  const uint64_t ideal = (bytes + kPackBytes - 1) / kPackBytes;
  return objects.size() <= ideal + ideal / 4 + 1;
}
}  // namespace

Result<std::vector<std::vector<Slice>>> move_touched_ranges(const std::vector<TouchedFile>& files,
                                                            ObjectReader& objects, ObjectWriter& writer) {
  std::vector<std::vector<Run>> runs;
  for (const TouchedFile& file : files) runs.push_back(runs_of(file));
  std::vector<std::vector<Slice>> out(files.size());
  if (lie_together(runs)) {
    for (size_t i = 0; i < files.size(); ++i) out[i] = files[i].slices;
    return out;
  }
  RangePacker packer(objects, writer);
  for (size_t i = 0; i < files.size(); ++i) {
    for (const Run& run : runs[i]) {
      if (run.touched) {
        TRY(packer.add(run.slice, out[i]));
      } else {
        out[i].push_back(run.slice);
      }
    }
  }
  TRY(packer.finish());
  return out;
}

}  // namespace granary
