// Runs every case of cases/ as a GoogleTest of its own.
#include "cases/Case.h"

#include <gtest/gtest.h>

namespace cases {

Case* first = nullptr;

Case::Case(const char* caseName, void (*caseRun)()) : name(caseName), run(caseRun), next(first) { first = this; }

void fail(const char* file, int line, const char* what, long long got, long long want) {
  ADD_FAILURE_AT(file, line) << what << ": got " << got << ", want " << want;
}

}  // namespace cases

namespace {

class Wrapped : public testing::Test {
 public:
  explicit Wrapped(const cases::Case* each) : each_(each) {}
  void TestBody() override { each_->run(); }

 private:
  const cases::Case* each_;
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  for (const cases::Case* each = cases::first; each != nullptr; each = each->next) {
    testing::RegisterTest("Case", each->name, nullptr, nullptr, __FILE__, __LINE__, [each]() -> testing::Test* { return new Wrapped(each); });
  }
  return RUN_ALL_TESTS();
}
