#pragma once

#include <stdint.h>

extern uint32_t _FS_start;
extern uint32_t _FS_end;
extern uint32_t _EEPROM_start;
// A compiler for a desktop would not make a 32-bit number of an address.
#ifdef __xtensa__
#define EEPROM_start ((uint32_t)&_EEPROM_start)
#define FS_start ((uint32_t)&_FS_start)
#define FS_end ((uint32_t)&_FS_end)
#else
#define EEPROM_start (_EEPROM_start)
#define FS_start (_FS_start)
#define FS_end (_FS_end)
#endif
#define FS_PHYS_ADDR ((uint32_t)FS_start - 0x40200000)
#define FS_PHYS_SIZE ((uint32_t)(FS_end - FS_start))
