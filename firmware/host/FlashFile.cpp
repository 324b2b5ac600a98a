#include "FlashFile.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <vector>

namespace host {
namespace {

constexpr uint8_t kTorn = 0x5A;

[[noreturn]] void failed(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

}  // namespace

FlashFile::FlashFile(const std::string& path) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(path).parent_path();
  std::error_code made;
  if (!folder.empty() && fs::create_directories(folder, made)) fs::permissions(folder, fs::perms::owner_all, made);
  lock_ = ::open((path + ".lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (lock_ < 0) failed("opening " + path + ".lock");
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock_);
    throw std::runtime_error("another process runs on this flash file: " + path);
  }
  cells_.fill(0xFF);
  if (fs::exists(path)) {
    std::ifstream old(path, std::ios::binary);
    const std::vector<char> raw((std::istreambuf_iterator<char>(old)), std::istreambuf_iterator<char>());
    if (raw.size() != kSize + mac_.size()) {
      throw std::runtime_error(path + " is no flash file: it has " + std::to_string(raw.size()) + " bytes, not " + std::to_string(kSize + mac_.size()));
    }
    std::memcpy(cells_.data(), raw.data(), kSize);
    std::memcpy(mac_.data(), raw.data() + kSize, mac_.size());
  } else {
    if (::getrandom(mac_.data(), mac_.size(), 0) != static_cast<ssize_t>(mac_.size())) failed("making a MAC");
    mac_[0] = static_cast<uint8_t>((mac_[0] & ~1U) | 2U);  // one station's, locally administered
    // Made aside, so that a crash leaves no half a chip.
    const std::string next = path + ".new";
    std::ofstream blank(next, std::ios::binary);
    fs::permissions(next, fs::perms::owner_read | fs::perms::owner_write, made);
    blank.write(reinterpret_cast<const char*>(cells_.data()), kSize);
    blank.write(reinterpret_cast<const char*>(mac_.data()), static_cast<std::streamsize>(mac_.size()));
    blank.close();
    if (!blank || std::rename(next.c_str(), path.c_str()) != 0) failed("making " + path);
  }
  file_ = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file_ < 0) failed("opening " + path);
}

FlashFile::~FlashFile() {
  if (file_ >= 0) ::close(file_);
  if (lock_ >= 0) ::close(lock_);
}

bool FlashFile::read(uint32_t offset, void* into, size_t size) {
  if (offset > kSize || size > kSize - offset) return false;
  std::memcpy(into, cells_.data() + offset, size);
  return true;
}

bool FlashFile::write(uint32_t offset, const void* data, size_t size) {
  if (offset % 4 != 0 || size % 4 != 0) return false;  // as the ESP8266 wants it
  const auto* bytes = static_cast<const uint8_t*>(data);
  return change(offset, size, [&](size_t from, size_t to, uint8_t bits) {
    for (size_t i = from; i < to; i++) cells_[offset + i] &= static_cast<uint8_t>(bytes[i] | ~bits);
  });
}

bool FlashFile::erase(uint8_t sector) {
  const size_t offset = sector * tendril::kSectorSize;
  return change(offset, tendril::kSectorSize, [&](size_t from, size_t to, uint8_t bits) {
    for (size_t i = from; i < to; i++) cells_[offset + i] |= bits;
  });
}

template <typename Set>
bool FlashFile::change(size_t offset, size_t size, Set set) {
  if (off_ || offset > kSize || size > kSize - offset) return false;
  if (!armed_ || after_ >= size) {
    set(0, size, 0xFF);
    after_ -= static_cast<uint32_t>(std::min<size_t>(after_, size));
    return keep(offset, size);
  }
  set(0, after_, 0xFF);
  set(after_, after_ + 1, kTorn);
  off_ = true;
  keep(offset, size);
  return false;
}

bool FlashFile::keep(size_t offset, size_t size) {
  return ::pwrite(file_, cells_.data() + offset, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size) && ::fdatasync(file_) == 0;
}

}  // namespace host
