// The idea: the file is split into holes (the source's own, and long runs of zeros) and data. The data, holes left
// out, is one stream that the chunker cuts; so a chunk may reach over a hole, and a sparse file with a thousand small
// islands of data becomes a few objects, not a thousand.
#include "server/large_file.h"

#include <algorithm>
#include <array>

#include "server/chunker.h"

namespace granary {

namespace {
// Zeros to hash and to store.
constexpr std::array<char, kHoleGrainBytes> kZeros{};

bool is_zero(ByteView bytes) {
  return bytes.empty() || (bytes[0] == '\0' && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

class LargeFile {
 public:
  explicit LargeFile(ObjectWriter& writer) : writer_(writer) {}

  Status add_bytes(ByteView bytes) {
    hash_.update(bytes);
    while (!bytes.empty()) {
      const uint64_t in_grain = position_ % kHoleGrainBytes;
      const ByteView grain = bytes.substr(0, kHoleGrainBytes - in_grain);
      if ((in_grain == 0 || zeros_ > 0) && is_zero(grain)) {
        zeros_ += grain.size();
      } else {
        end_zeros(position_ % kHoleGrainBytes);
        data_.append(grain);
        data_in_run_ += grain.size();
      }
      position_ += grain.size();
      bytes.remove_prefix(grain.size());
    }
    return data_.size() >= kBufferBytes ? cut(false) : Status(Done{});
  }

  Status add_hole(uint64_t size_bytes) {
    for (uint64_t left = size_bytes; left > 0; left -= std::min<uint64_t>(left, kZeros.size()))
      hash_.update({kZeros.data(), std::min<uint64_t>(left, kZeros.size())});
    zeros_ += size_bytes;
    position_ += size_bytes;
    return Done{};
  }

  Result<Content> finish() {
    end_zeros(0);
    end_run();
    TRY(cut(true));
    return Content{hash_.finish(), position_, place_runs()};
  }

 private:
  static constexpr size_t kBufferBytes = 4 * kMaxChunkBytes;

  // A run of the file: a hole, or data that follows the previous data in the stream.
  struct Run {
    uint64_t length_bytes;
    bool is_hole;
  };
  struct Chunk {
    ObjectId object;
    uint64_t length_bytes;
  };

  // Long zeros become a hole, short ones are data like any other; so is the grain that turned out to hold more than
  // zeros, of which `in_grain` bytes were seen: where pieces end shall make no difference.
  void end_zeros(uint64_t in_grain) {
    const uint64_t given_back = std::min(zeros_, in_grain);
    if (zeros_ - given_back >= kMinHoleBytes) {
      end_run();
      runs_.push_back({zeros_ - given_back, true});
      zeros_ = given_back;
    }
    data_.append(zeros_, '\0');
    data_in_run_ += zeros_;
    zeros_ = 0;
  }

  void end_run() {
    if (data_in_run_ > 0) runs_.push_back({data_in_run_, false});
    data_in_run_ = 0;
  }

  // Stores the chunks that are certain: the last ones only when nothing more comes.
  Status cut(bool last) {
    ByteView left = data_;
    while (last ? !left.empty() : left.size() >= kMaxChunkBytes) {
      const ByteView chunk = left.substr(0, next_cut(left));
      chunks_.push_back({TRY(writer_.write(Bytes(chunk))), chunk.size()});
      left.remove_prefix(chunk.size());
    }
    data_.erase(0, data_.size() - left.size());
    return Done{};
  }

  // Lays the chunks along the runs of data.
  std::vector<Slice> place_runs() const {
    std::vector<Slice> slices;
    size_t chunk = 0;
    uint64_t offset = 0;
    for (const Run& run : runs_) {
      if (run.is_hole) slices.push_back({{}, 0, run.length_bytes});
      for (uint64_t left = run.is_hole ? 0 : run.length_bytes; left > 0;) {
        const uint64_t length = std::min(left, chunks_[chunk].length_bytes - offset);
        slices.push_back({chunks_[chunk].object, offset, length});
        left -= length;
        offset += length;
        if (offset < chunks_[chunk].length_bytes) continue;
        ++chunk;
        offset = 0;
      }
    }
    return slices;
  }

  ObjectWriter& writer_;
  Sha256 hash_;
  uint64_t position_ = 0;
  uint64_t zeros_ = 0;        // seen last, neither hole nor data yet
  uint64_t data_in_run_ = 0;  // seen last
  Bytes data_;                // of the stream, not cut yet
  std::vector<Run> runs_;
  std::vector<Chunk> chunks_;
};
}  // namespace

Result<Content> store_large_file(FileReader& file, ObjectWriter& writer) {
  LargeFile large(writer);
  for (;;) {
    const FileReader::Piece piece = TRY(file.next());
    if (piece.at_end()) return large.finish();
    if (!piece.bytes.empty()) TRY(large.add_bytes(piece.bytes));
    if (piece.hole_bytes > 0) TRY(large.add_hole(piece.hole_bytes));
  }
}

}  // namespace granary
