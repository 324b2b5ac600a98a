#include "Store.h"

#include "Crc32.h"
#include "Payload.h"

namespace tendril {

namespace {

constexpr char kMagic[] = {'T', 'n', 'S', 'l'};
constexpr uint8_t kVersion = 1;
constexpr uint32_t kWord = 4;
constexpr uint32_t kHeader = 16;
constexpr uint32_t kSent = 512;
constexpr uint32_t kProven = 516;
constexpr uint32_t kDiscarded = 520;
constexpr uint32_t kNotes = 1024;
constexpr uint32_t kBlank = 0xFFFFFFFF;
// Beyond it lie the flags; only a newer version's payload may be longer than ours.
constexpr uint32_t kMaxLength = kSent - kHeader;
// What is read at once: a payload of this version, or some notes.
constexpr uint32_t kChunk = 192;
static_assert(kChunk >= kMaxPayload && (kSectorSize - kNotes) % kChunk == 0, "a payload, and whole chunks of notes");

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the format's numbers are the chip's");

uint32_t little(const uint8_t* p) {
  uint32_t number = 0;
  memcpy(&number, p, kWord);
  return number;
}

void putLittle(uint8_t* p, uint32_t number) { memcpy(p, &number, kWord); }

constexpr uint32_t wholeWords(uint32_t size) { return (size + kWord - 1) / kWord * kWord; }

constexpr uint32_t sectorAt(uint8_t index) { return static_cast<uint32_t>(index) * kSectorSize; }

}  // namespace

bool Store::newer(const Summary& a, const Summary& b) { return static_cast<int32_t>(a.sequence - b.sequence) > 0; }

Slot::Slot() = default;

Store::Status Store::open(EdgentMemory* edgent) {
  edgent_ = edgent;
  carried_ = Code::None;
  const Status status = refresh();
  if (status != Status::Ok || edgent_ == nullptr) return status;
  uint8_t record[kEdgentRecord];
  Configuration configuration;
  Code lastError = Code::None;
  if (!edgent_->read(record)) return Status::Ok;
  switch (readEdgent(record, configuration, lastError)) {
    case EdgentRecord::None: break;
    case EdgentRecord::Waiting: carried_ = lastError; break;
    case EdgentRecord::Valid: return migrate(configuration, lastError) ? Status::Ok : Status::Failed;
  }
  return Status::Ok;
}

// Wherever the power fails, the next start does what is left: without a proven
// configuration the record is taken again, and it is forgotten last.
bool Store::migrate(const Configuration& configuration, Code lastError) {
  if (provenIndex() == kNone) {
    Slot slot;
    if (!put(configuration) || !trial(0, slot) || !note(slot, lastError) || !prove(slot)) return false;
  }
  // Failing to, it is tried at the next start: until then erase is what sees to it.
  (void)edgent_->forget();
  return true;
}

// Reads a slot; false if the flash fails. One that is damaged or empty isn't sound.
bool Store::read(uint8_t index, Summary& into, Configuration* configuration, bool& newerVersion) {
  alignas(4) uint8_t header[kHeader];
  alignas(4) uint8_t chunk[kChunk];
  into = Summary();
  const uint32_t sector = sectorAt(index);
  if (!flash_.read(sector, header, kHeader)) return false;
  const uint32_t length = static_cast<uint32_t>(header[6] | header[7] << 8);
  if (memcmp(header, kMagic, sizeof kMagic) != 0 || length > kMaxLength) return true;
  uint32_t crc = crc32(header + 4, 8);
  for (uint32_t at = 0; at < length; at += kChunk) {
    const uint32_t size = length - at < kChunk ? length - at : kChunk;
    if (!flash_.read(sector + kHeader + at, chunk, wholeWords(size))) return false;
    crc = crc32(chunk, size, crc);
  }
  if (crc != little(header + 12)) return true;
  if (header[4] > kVersion) {
    newerVersion = true;
    return true;
  }
  if (length > kMaxPayload || !decode(chunk, length, configuration)) return true;
  if (!flash_.read(sector + kSent, chunk, 3 * kWord)) return false;
  into.sent = little(chunk) != kBlank;
  // Any cleared bit counts, so that a cut leaves no third state.
  if (little(chunk + (kProven - kSent)) != kBlank) {
    into.phase = Phase::Proven;
  } else if (little(chunk + (kDiscarded - kSent)) != kBlank) {
    into.phase = Phase::Discarded;
  }
  into.sequence = little(header + 8);
  into.sound = true;
  return readNotes(index, into);
}

// Finds the last sound note, and the room behind the last word that isn't blank.
bool Store::readNotes(uint8_t index, Summary& into) {
  alignas(4) uint8_t chunk[kChunk];
  bool written = false;
  into.freeNote = kNotes;
  for (uint32_t end = kSectorSize; end > kNotes; end -= kChunk) {
    if (!flash_.read(sectorAt(index) + end - kChunk, chunk, kChunk)) return false;
    for (uint32_t at = kChunk; at > 0; at -= kWord) {
      const uint32_t word = little(chunk + at - kWord);
      if (word == kBlank && !written) continue;
      if (!written) {
        const uint32_t behind = end - kChunk + at;
        into.freeNote = static_cast<uint16_t>(behind < kSectorSize ? behind : 0);
        written = true;
      }
      const uint16_t code = static_cast<uint16_t>(word);
      if (static_cast<uint16_t>(word >> 16) == static_cast<uint16_t>(~code)) {
        into.lastError = static_cast<Code>(code);
        return true;
      }
    }
  }
  return true;
}

// What couldn't be read stays as it was known.
Store::Status Store::refresh() {
  Summary summaries[kSlots];
  bool newerVersion = false;
  for (uint8_t i = 0; i < kSlots; i++) {
    if (!read(i, summaries[i], nullptr, newerVersion)) return Status::Failed;
  }
  for (uint8_t i = 0; i < kSlots; i++) slots_[i] = newerVersion ? Summary() : summaries[i];
  return newerVersion ? Status::Newer : Status::Ok;
}

// Of two proven slots the newer counts, since proving one retires the other.
uint8_t Store::provenIndex() const {
  uint8_t found = kNone;
  for (uint8_t i = 0; i < kSlots; i++) {
    const Summary& s = slots_[i];
    if (s.sound && s.phase == Phase::Proven && (found == kNone || newer(s, slots_[found]))) found = i;
  }
  return found;
}

uint8_t Store::newestIndex() const {
  uint8_t found = kNone;
  for (uint8_t i = 0; i < kSlots; i++) {
    if (slots_[i].sound && (found == kNone || newer(slots_[i], slots_[found]))) found = i;
  }
  return found;
}

// A trial older than the proven one was retired by it.
uint8_t Store::trialIndex(uint8_t n) const {
  const uint8_t proven = provenIndex();
  uint8_t found[kSlots] = {kNone, kNone};
  uint8_t count = 0;
  for (uint8_t i = 0; i < kSlots; i++) {
    const Summary& s = slots_[i];
    if (s.sound && s.phase == Phase::Trial && (proven == kNone || newer(s, slots_[proven]))) found[count++] = i;
  }
  if (count == 2 && newer(slots_[1], slots_[0])) n = n < 2 ? static_cast<uint8_t>(1 - n) : n;
  return n < kSlots ? found[n] : kNone;
}

// Never the proven one's, and of two trials the older one's.
uint8_t Store::spareIndex() const {
  const uint8_t proven = provenIndex();
  const uint8_t keep = proven != kNone ? proven : trialIndex(0);
  return keep == kNone ? 0 : static_cast<uint8_t>(1 - keep);
}

bool Store::load(uint8_t index, Slot& into) {
  Summary summary;
  bool newerVersion = false;
  if (index == kNone || !read(index, summary, &into.configuration, newerVersion) || !summary.sound) return false;
  into.sequence = summary.sequence;
  into.phase = summary.phase;
  into.sent = summary.sent;
  into.lastError = summary.lastError;
  into.index = index;
  return true;
}

bool Store::proven(Slot& into) { return load(provenIndex(), into); }

uint8_t Store::trials() const {
  uint8_t count = 0;
  while (count < kSlots && trialIndex(count) != kNone) count++;
  return count;
}

bool Store::trial(uint8_t n, Slot& into) { return load(trialIndex(n), into); }

Code Store::lastError() const {
  const uint8_t newest = newestIndex();
  if (newest == kNone) return carried_;
  return slots_[newest].phase == Phase::Proven ? Code::None : slots_[newest].lastError;
}

bool Store::put(const Configuration& configuration) {
  alignas(4) uint8_t frame[wholeWords(kHeader + kMaxPayload)];
  memset(frame, 0xFF, sizeof frame);
  const size_t length = encode(configuration, frame + kHeader);
  if (length == 0 || refresh() != Status::Ok) return false;
  const uint8_t newest = newestIndex();
  const uint8_t index = spareIndex();
  const uint32_t sequence = newest == kNone ? 1 : slots_[newest].sequence + 1;
  memcpy(frame, kMagic, sizeof kMagic);
  frame[4] = kVersion;
  frame[6] = static_cast<uint8_t>(length);
  frame[7] = static_cast<uint8_t>(length >> 8);
  putLittle(frame + 8, sequence);
  putLittle(frame + 12, crc32(frame + kHeader, length, crc32(frame + 4, 8)));
  const bool written = clear(index) && flash_.write(sectorAt(index), frame, wholeWords(static_cast<uint32_t>(kHeader + length)));
  memset(frame, 0, sizeof frame);
  const bool readBack = refresh() == Status::Ok;
  return written && readBack && slots_[index].sound && slots_[index].sequence == sequence && slots_[index].phase == Phase::Trial;
}

bool Store::find(const Slot& slot) {
  return refresh() == Status::Ok && slot.index < kSlots && slots_[slot.index].sound && slots_[slot.index].sequence == slot.sequence;
}

bool Store::mark(const Slot& trial, uint32_t offset) {
  if (!find(trial) || slots_[trial.index].phase != Phase::Trial) return false;
  alignas(4) uint8_t word[kWord] = {};
  const uint32_t at = sectorAt(trial.index) + offset;
  const bool written = flash_.write(at, word, kWord) && flash_.read(at, word, kWord) && little(word) != kBlank;
  (void)refresh();
  return written;
}

bool Store::markSent(const Slot& trial) { return mark(trial, kSent); }

bool Store::prove(const Slot& trial) { return mark(trial, kProven); }

bool Store::discard(const Slot& trial, Code why) { return note(trial, why) && mark(trial, kDiscarded); }

bool Store::note(const Slot& slot, Code why) {
  if (!find(slot)) return false;
  const Summary& present = slots_[slot.index];
  if (present.lastError == why || present.freeNote == 0) return true;
  const uint32_t code = static_cast<uint16_t>(why);
  alignas(4) uint8_t word[kWord];
  putLittle(word, code | (~code << 16));
  const bool written = flash_.write(sectorAt(slot.index) + present.freeNote, word, kWord);
  (void)refresh();
  return written;
}

// The proven one last: a cut leaves that or nothing, never one that was retired, and
// never Edgent's, which the next start would take for new.
bool Store::erase() {
  if (refresh() != Status::Ok) return false;
  uint8_t record[kEdgentRecord];
  if (edgent_ != nullptr && edgent_->read(record) && !edgent_->forget()) return false;
  carried_ = Code::None;
  const uint8_t proven = provenIndex();
  const uint8_t last = proven == kNone ? 0 : proven;
  const bool cleared = clear(static_cast<uint8_t>(1 - last)) && clear(last);
  (void)refresh();
  return cleared;
}

// The magic goes first and by a write: an erasure that is cut leaves bits in no
// particular order, and must not revive a slot without its flags.
bool Store::clear(uint8_t index) {
  alignas(4) const uint8_t zeros[kWord] = {};
  return flash_.write(sectorAt(index), zeros, kWord) && flash_.erase(index);
}

}  // namespace tendril
