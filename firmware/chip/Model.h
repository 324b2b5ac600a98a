// A program on the model of the chip: what it prints, and how deep its stack goes.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace model {

// The program: its exit code. Constructors of static objects have run.
int program();

void print(const char* text);
void print(long long number);

// Marks the stack below here as unused.
void paint();
// How many bytes below here have been used since then.
size_t depth();

}  // namespace model
