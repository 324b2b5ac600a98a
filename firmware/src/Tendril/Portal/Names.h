// DNS on the setup network (RFC 1035): whatever name a phone looks up is the
// portal's. So a phone that looks for its maker's servers finds the device.
#pragma once

#include "../Configuration.h"

namespace tendril {

// The longest message without EDNS, which questions are shorter than.
constexpr size_t kMaxQuestion = 512;
// What an answer is longer than its question at most.
constexpr size_t kAnswerRecord = 16;

// Makes the answer of a question in its place, and gives its size: for an IPv4
// address the portal's, to be forgotten at once, so that it doesn't outlive the
// setup network in a phone's cache; for anything else that there is none. 0 drops
// what is no single, well-formed question. The buffer holds kMaxQuestion bytes or more.
size_t answerName(uint8_t* message, size_t size, Address portal);

}  // namespace tendril
