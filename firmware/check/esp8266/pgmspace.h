#pragma once

#define PGM_STRING_1(x) #x
#define PGM_STRING(x) PGM_STRING_1(x)
#define PROGMEM __attribute__((section(".irom.text." PGM_STRING(__LINE__) "." PGM_STRING(__COUNTER__))))
