#include "builder/micro/xz.h"

#include <algorithm>

namespace granary {

namespace {
constexpr uint32_t kLongestMatch = 273;
constexpr uint32_t kMinDictionaryBytes = 1 << 20;
constexpr uint32_t kMaxDictionaryBytes = 32 << 20;

uint32_t dictionary_bytes(uint64_t size_bytes) {
  uint32_t size = kMinDictionaryBytes;
  while (size < size_bytes && size < kMaxDictionaryBytes) size *= 2;
  return size;
}
}  // namespace

Result<XzPacker> XzPacker::begin(uint64_t size_bytes, Effort effort) {
  constexpr uint32_t kQuickPreset = 2;
  const uint32_t preset = effort == Effort::kQuick ? kQuickPreset : LZMA_PRESET_DEFAULT | LZMA_PRESET_EXTREME;
  lzma_options_lzma options;
  if (lzma_lzma_preset(&options, preset)) return Error{Code::kInternal, str("liblzma knows no preset ", preset)};
  options.dict_size = dictionary_bytes(size_bytes);
  if (effort == Effort::kBest) options.nice_len = kLongestMatch;
  const lzma_filter filters[] = {
      {LZMA_FILTER_X86, nullptr}, {LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, nullptr}};
  XzPacker packer;
  if (lzma_stream_encoder(&packer.stream_, filters, LZMA_CHECK_CRC32) != LZMA_OK)
    return Error{Code::kInternal, "cannot start liblzma: out of memory?"};
  return packer;
}

Status XzPacker::add(ByteView bytes) {
  stream_.next_in = reinterpret_cast<const uint8_t*>(bytes.data());
  stream_.avail_in = bytes.size();
  return pump(LZMA_RUN);
}

Result<Bytes> XzPacker::finish() {
  TRY(pump(LZMA_FINISH));
  return std::move(out_);
}

Status XzPacker::pump(lzma_action action) {
  uint8_t buffer[64 << 10];
  for (;;) {
    stream_.next_out = buffer;
    stream_.avail_out = sizeof buffer;
    const lzma_ret end = lzma_code(&stream_, action);
    out_.append(reinterpret_cast<const char*>(buffer), sizeof buffer - stream_.avail_out);
    if (end == LZMA_STREAM_END) return Done{};
    if (end != LZMA_OK) return Error{Code::kInternal, str("liblzma failed with ", static_cast<int>(end))};
    if (action == LZMA_RUN && stream_.avail_in == 0 && stream_.avail_out != 0) return Done{};
  }
}

}  // namespace granary
