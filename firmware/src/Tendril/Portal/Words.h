// What answers say, to programs and to people: Edgent's apps look for the messages.
#pragma once

#include "../Rom.h"
#include "Answer.h"

namespace tendril {

uint16_t statusOf(const Answer& answer);
// As in a status line, "404 Not Found".
void putStatus(Writer& w, uint16_t status);

// Of a result.
RomText messageOf(Say say);
// In words: what happened, and what to do.
RomText titleOf(Say say);
RomText textOf(Say say, Parameter field);
// Whether it is said in words to a browser that shows it, and to programs with a hint.
bool hasWords(Say say);

// What a probe finds on the internet, by the order of their paths; the first ones'
// answer is empty.
constexpr uint8_t kEmptySounds = 2;
RomText soundOf(uint8_t sound);
bool isHtmlSound(uint8_t sound);

}  // namespace tendril
