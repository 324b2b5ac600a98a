// DNS questions: an answer is the question, and at most one record more.
#include <string.h>

#include "Tendril/Portal/Names.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using tendril::kMaxQuestion;
  // On the heap, where a sanitizer sees what goes beyond its end.
  uint8_t* const message = new uint8_t[kMaxQuestion];
  const size_t n = size < kMaxQuestion ? size : kMaxQuestion;
  memcpy(message, data, n);
  const size_t answer = tendril::answerName(message, n, tendril::Address{{192, 168, 4, 1}});
  if (answer > n + tendril::kAnswerRecord || answer > kMaxQuestion || (answer > 0 && answer < 17)) __builtin_trap();
  if (answer > 0 && (memcmp(message, data, 2) != 0 || (message[2] & 0x80) == 0 || message[7] > 1)) __builtin_trap();
  delete[] message;
  return 0;
}
