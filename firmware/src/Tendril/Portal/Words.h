// What answers say, to programs and to people: Edgent's apps look for the messages.
#pragma once

#include "../Text/Writer.h"
#include "Answer.h"

namespace tendril {

HttpStatus statusOf(const Answer& answer);
// As in a status line, "404 Not Found".
void putStatus(Writer& w, HttpStatus status);

// Of a result.
void putMessage(Writer& w, Say say);
// In words: what happened, and what to do.
void putTitle(Writer& w, Say say);
void putText(Writer& w, Say say, Parameter field);
// Whether it is said in words to a browser that shows it, and to programs with a hint.
constexpr bool hasWords(Say say) { return say >= Say::Trying && say <= Say::App; }

// What a probe finds on the internet, by the order of their paths; the first ones'
// answer is empty.
constexpr uint8_t kEmptySounds = 2;
void putSound(Writer& w, uint8_t sound);
constexpr bool isHtmlSound(uint8_t sound) { return sound == 2 || sound == 3 || sound == 9; }

}  // namespace tendril
