// What a person types in a token's place: 12 letters and digits (docs/provisioning.md).
#pragma once

#include "../Port.h"

namespace tendril {

constexpr size_t kShortCode = 12;

// Reads a short code as people write it: small letters, I or L for 1, O for 0, and
// what is no ASCII letter or digit passed over. False if it is none, as whatever has
// a token's length.
bool parseShortCode(Text text, Field<kShortCode>& code);

// The token that a code stands for. It takes a slow chip about 0.1 s.
void tokenOf(const Field<kShortCode>& code, Board& board, Field<kTokenSize>& token);

}  // namespace tendril
