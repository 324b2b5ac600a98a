// Words in flash, one a line: to find one by its number, or its number by itself.
#pragma once

#include "Writer.h"

namespace tendril {

constexpr uint8_t kNoLine = 0xFF;

// The number of the line that is the word; kNoLine if there is none.
uint8_t lineOf(RomText lines, Text word);
// The line of a number that there is.
void putLine(Writer& w, RomText lines, uint8_t number);

}  // namespace tendril
