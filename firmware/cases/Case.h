// Cases that run everywhere: GoogleTest wraps each on the host, a small runner calls
// them on the chip's CPU. They need C headers and the core alone.
//
//   CASE(crc_of_nothing) { CHECK_EQ(crc32(nullptr, 0), 0u); }
#pragma once

#include <stdint.h>

namespace cases {

// One case; all of a program are a list, in no order.
struct Case {
  Case(const char* caseName, void (*caseRun)());
  const char* name;
  void (*run)();
  Case* next;
};

extern Case* first;

// Notes that the running case has failed there. Who runs it says how.
void fail(const char* file, int line, const char* what, long long got, long long want);

}  // namespace cases

#define CASE(name)                                        \
  static void case_##name();                              \
  static ::cases::Case registered_##name(#name, case_##name); \
  static void case_##name()

// They go on after a failure, so that a table shows all of its wrong rows.
#define CHECK(condition)                                                  \
  do {                                                                    \
    if (!(condition)) ::cases::fail(__FILE__, __LINE__, #condition, 0, 1); \
  } while (0)
#define CHECK_EQ(got, want)                                                                              \
  do {                                                                                                   \
    const long long got_ = static_cast<long long>(got), want_ = static_cast<long long>(want);            \
    if (got_ != want_) ::cases::fail(__FILE__, __LINE__, #got " == " #want, got_, want_);                  \
  } while (0)
