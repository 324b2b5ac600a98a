#include "NorFlash.h"

#include <cstring>

namespace {

// An order of all bytes, since the factor is odd.
size_t scattered(size_t turn) { return turn * 2654435761u % tendril::kSectorSize; }

}  // namespace

bool NorFlash::isWhole(uint32_t offset, const void* memory, size_t size) {
  const bool whole = offset % 4 == 0 && size % 4 == 0 && reinterpret_cast<uintptr_t>(memory) % 4 == 0 && offset + size <= kSize;
  if (!whole) violations++;
  return whole;
}

bool NorFlash::read(uint32_t offset, void* into, size_t size) {
  if (!isWhole(offset, into, size) || off) return false;
  if (failingReads > 0) {
    failingReads--;
    return false;
  }
  std::memcpy(into, cells.data() + offset, size);
  return true;
}

// How many of the bytes are done before the power fails.
size_t NorFlash::spend(size_t size) {
  if (!armed_) return size;
  if (cut_.after >= size) {
    cut_.after -= size;
    return size;
  }
  off = true;
  return cut_.after;
}

bool NorFlash::write(uint32_t offset, const void* data, size_t size) {
  if (!isWhole(offset, data, size) || off) return false;
  writes++;
  const auto* bytes = static_cast<const uint8_t*>(data);
  const size_t done = spend(size);
  for (size_t i = 0; i < done; i++) cells[offset + i] = static_cast<uint8_t>(cells[offset + i] & bytes[i]);
  if (done < size) cells[offset + done] = static_cast<uint8_t>(cells[offset + done] & (bytes[done] | static_cast<uint8_t>(~cut_.torn)));
  return !off;
}

bool NorFlash::erase(uint8_t sector) {
  if (off) return false;
  if (sector >= tendril::kSlots) {
    violations++;
    return false;
  }
  erasures[sector]++;
  uint8_t* const cell = cells.data() + sector * tendril::kSectorSize;
  const size_t done = spend(tendril::kSectorSize);
  const bool fromEnd = off && cut_.order == Order::FromEnd;
  if (off && cut_.order == Order::Scattered) {
    for (size_t turn = 0; turn < done; turn++) cell[scattered(turn)] = 0xFF;
    cell[scattered(done)] |= cut_.torn;
  } else {
    std::memset(fromEnd ? cell + tendril::kSectorSize - done : cell, 0xFF, done);
    if (off) cell[fromEnd ? tendril::kSectorSize - 1 - done : done] |= cut_.torn;
  }
  if (stuck < kSize && stuck / tendril::kSectorSize == sector) cells[stuck] = static_cast<uint8_t>(cells[stuck] & ~1);
  return !off;
}

void NorFlash::load(size_t offset, const void* data, size_t size) { std::memcpy(cells.data() + offset, data, size); }
