#pragma once

#include <stdint.h>

#define RANDOM_REG32 (*((volatile uint32_t*)(0x3FF20E44)))
